//! `POST /api/auth/mfa/step-up`: a second factor inside a session.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_domain::{Delivery, ExposeSecret};
use portcullis_flows::sign_in::ChallengeError;
use portcullis_flows::sign_in::passkey::Passkeys;
use portcullis_flows::sign_in::step_up::{FactorStepUp, StepUpRequest};
use portcullis_web::{
    Body, Caller, Code, Guard, Hashing, Json, Limit, Method, Problem, Route, SecretText, Settings,
    blocking, origin, set_access,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::sign_in::challenge;
use crate::sign_in::passkey_options::RequestOptionsAnswer;
use crate::token_type::{self, TokenType};

/// A second factor: a code or the assertion of a passkey.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "code": "492039" }))]
pub(crate) struct StepUpBody {
    /// The present code of the authenticator app, or a backup code.
    #[schema(value_type = Option<String>, example = "492039")]
    code: Option<SecretText>,
    /// Instead of a code: the result of `navigator.credentials.get`, by its method `toJSON`.
    #[schema(value_type = Option<Object>)]
    credential: Option<Value>,
}

/// A new access token of the session. With delivery `cookie`, it is only in a cookie.
#[derive(Serialize, ToSchema)]
pub(crate) struct StepUpAnswer {
    #[schema(schema_with = token_type::bearer)]
    token_type: TokenType,
    /// The time until the access token expires, in seconds.
    #[schema(example = 1800)]
    expires_in: u64,
    /// The id of the session.
    #[schema(example = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e12")]
    session_id: String,
    /// The access token; only with delivery `body`.
    #[schema(
        nullable = false,
        example = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<String>,
}

pub(crate) const OPTIONS: Route = Route {
    method: Method::Post,
    path: "/api/auth/mfa/step-up/options",
    guard: Guard::CALLER,
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[Code::CsrfFailed, Code::NoFactor, Code::OutcomeUnknown, Code::Unavailable],
};

/// Starts a step-up with a passkey.
///
/// The challenge works once, in this session and within five minutes.
#[utoipa::path(post, path = OPTIONS.path, operation_id = "startPasskeyStepUp", tag = "factors",
    responses((status = 200, body = RequestOptionsAnswer, description = "The options for the browser")))]
pub(crate) async fn options(
    caller: Caller,
    passkeys: web::Data<Passkeys>,
) -> Result<HttpResponse, Problem> {
    let (account, session) = caller.session()?;
    let step_up = move || passkeys.step_up(account, session, caller.0.methods());
    let options = blocking(step_up).await?;
    let options = options.ok_or_else(|| Problem::new(Code::NoFactor))?;
    Ok(HttpResponse::Ok().json(RequestOptionsAnswer::of(&options)?))
}

pub(crate) const STEP_UP: Route = Route {
    method: Method::Post,
    path: "/api/auth/mfa/step-up",
    guard: Guard::CALLER,
    limit: Limit::GENERAL,
    body: Body::JSON,
    errors: &[
        Code::CsrfFailed,
        Code::WrongCode,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Proves a second factor again. For 15 minutes the session may then do what requires a recent one.
///
/// The refresh token of the session stays as it is. A refresh does not prolong the 15 minutes.
#[utoipa::path(post, path = STEP_UP.path, operation_id = "stepUpSession", tag = "factors",
    request_body = StepUpBody,
    responses((status = 200, body = StepUpAnswer, description = "The new access token")))]
pub(crate) async fn step_up(
    caller: Caller,
    request: HttpRequest,
    step_up: web::Data<FactorStepUp>,
    hashing: Hashing,
    settings: web::Data<Settings>,
    body: Json<StepUpBody>,
) -> Result<HttpResponse, Problem> {
    let (account, session) = caller.session()?;
    let answer = challenge::factor(body.0.code, body.0.credential.as_ref(), Code::WrongCode)?;
    let methods = caller.0.methods().to_vec();
    let wanted = StepUpRequest { account, session, methods, answer, origin: origin(&request) };
    let address = wanted.origin.address;
    let attempt = move || {
        step_up.step_up(&wanted).map_err(|error| match error {
            // The caller is signed in: a 401 would make a client refresh its token.
            ChallengeError::WrongCode => Problem::new(Code::WrongCode),
            error => error.into(),
        })
    };
    let issued = hashing.run(address, attempt).await?;
    let issued = issued.ok_or_else(|| Problem::new(Code::InvalidToken))?;
    let in_body = issued.session.delivery == Delivery::Body;
    let token = issued.token.expose_secret();
    let mut response = HttpResponse::Ok().json(StepUpAnswer {
        token_type: TokenType::Bearer,
        expires_in: issued.expires_in.as_secs(),
        session_id: issued.session.id.to_string(),
        access_token: in_body.then(|| token.to_owned()),
    });
    set_access(&mut response, &issued, settings.secure_cookies);
    Ok(response)
}
