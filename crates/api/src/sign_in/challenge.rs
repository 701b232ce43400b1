//! `POST /api/auth/login/mfa`: the second step of a sign-in.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_flows::sign_in::factor::FactorAnswer;
use portcullis_flows::sign_in::{ChallengeAnswer, IssuedChallenge, SecondFactor};
use portcullis_mfa::passkey::AssertionResponse;
use portcullis_web::{
    Body, Code, CookieName, FieldProblem, Guard, Hashing, Json, Limit, Method, Problem, Route,
    SecretText, Settings, add_cookie, browser_cookies, cookie, forget_cookie, origin, set_cookie,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::sign_in::passkey_options::{PasskeyRequestOptions, RequestOptionsAnswer};
use crate::sign_in::session_tokens::{self, TokensAnswer};
use portcullis_web::quotas::SECOND_FACTOR;

/// The response to a right password.
#[expect(dead_code, reason = "the variants are read by the derive only")]
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum SignInAnswer<'a> {
    /// A session is open.
    SignedIn(TokensAnswer<'a>),
    /// A second factor is required.
    SecondFactorRequired(ChallengeIssued),
}

/// The token for the second step of a sign-in. No other route accepts it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChallengeIssued {
    /// Always true.
    #[schema(example = true)]
    mfa_required: bool,
    /// The token for `/api/auth/login/mfa`. It works once, in the browser of the first step.
    #[schema(example = "8ZPvWgcmw9mTqYz1FPpqYV4sB0yDqO3mYbX2wz4kLrA")]
    mfa_token: String,
    /// The time until the token expires, in seconds.
    #[schema(example = 300)]
    expires_in: u64,
    /// True if the answer is a code that was mailed to the holder of the account, because the risk of the sign-in is
    /// high.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false, example = true)]
    code_mailed: bool,
    /// The options for an assertion of a passkey; only if the account has passkeys.
    #[schema(value_type = Option<PasskeyRequestOptions>, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<Value>,
}

/// The answer to the second step.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "mfa_token": "8ZPvWgcmw9mTqYz1FPpqYV4sB0yDqO3mYbX2wz4kLrA", "code": "492039" }))]
pub(crate) struct SecondFactorBody {
    /// The token of the first step.
    #[schema(value_type = String, example = "8ZPvWgcmw9mTqYz1FPpqYV4sB0yDqO3mYbX2wz4kLrA")]
    mfa_token: SecretText,
    /// The present code of the authenticator app, or a backup code; or the mailed code.
    #[schema(value_type = Option<String>, example = "492039")]
    code: Option<SecretText>,
    /// Instead of a code: the result of `navigator.credentials.get`, by its method `toJSON`.
    #[schema(value_type = Option<Object>)]
    credential: Option<Value>,
}

/// The second factor of a body: a code or the assertion of a passkey, and not both.
pub(crate) fn factor(
    code: Option<SecretText>,
    credential: Option<&Value>,
    refusal: Code,
) -> Result<FactorAnswer, Problem> {
    match (code, credential) {
        (Some(code), None) => Ok(FactorAnswer::Code(code.0)),
        (None, Some(credential)) => {
            let response = AssertionResponse::parse(credential);
            let response = response.map_err(|_| Problem::new(refusal))?;
            Ok(FactorAnswer::Passkey(Arc::new(response)))
        }
        (None, None) | (Some(_), Some(_)) => {
            let message = "send either a code or a credential";
            let field = FieldProblem::new("code".to_owned(), "ambiguous", message);
            Err(Problem::new(Code::InvalidRequest).field(field))
        }
    }
}

pub(crate) const ANSWER: Route = Route {
    method: Method::Post,
    path: "/api/auth/login/mfa",
    guard: Guard::PUBLIC,
    limit: Limit::rate(&SECOND_FACTOR),
    body: Body::JSON,
    errors: &[
        Code::AmbiguousCredentials,
        Code::InvalidMfaToken,
        Code::InvalidCode,
        Code::EmailNotVerified,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Signs in with the second factor, after the password was right.
#[utoipa::path(post, path = ANSWER.path, operation_id = "answerSecondFactor", tag = "auth",
    request_body = SecondFactorBody,
    responses((status = 200, body = TokensAnswer, description = "Signed in")))]
pub(crate) async fn answer(
    request: HttpRequest,
    second_factor: web::Data<SecondFactor>,
    hashing: Hashing,
    settings: web::Data<Settings>,
    body: Json<SecondFactorBody>,
) -> Result<HttpResponse, Problem> {
    let answer = ChallengeAnswer {
        token: body.0.mfa_token.0,
        binding: cookie(&request, CookieName::Challenge)?,
        factor: factor(body.0.code, body.0.credential.as_ref(), Code::InvalidCode)?,
        browser: browser_cookies(&request)?,
        origin: origin(&request),
    };
    let had_cookie = answer.binding.is_some();
    let address = answer.origin.address;
    let signed_in = hashing.run(address, move || second_factor.answer(&answer)).await?;
    let secure = settings.secure_cookies;
    let mut response = session_tokens::signed_in(&signed_in, secure);
    if had_cookie {
        add_cookie(&mut response, &forget_cookie(CookieName::Challenge, secure));
    }
    Ok(response)
}

/// The response to a right password of an account with a second factor.
pub(crate) fn response(issued: &IssuedChallenge, secure: bool) -> Result<HttpResponse, Problem> {
    let options = issued.passkey.as_ref().map(RequestOptionsAnswer::of).transpose()?;
    let public_key = options.map(|options| options.public_key);
    let mut response = HttpResponse::Ok().json(ChallengeIssued {
        mfa_required: true,
        mfa_token: issued.token.expose().to_owned(),
        expires_in: issued.lifetime.as_secs(),
        code_mailed: issued.is_mailed,
        public_key,
    });
    if let Some(binding) = &issued.binding {
        let (name, value) = (CookieName::Challenge, binding.expose());
        add_cookie(&mut response, &set_cookie(name, value, issued.lifetime, secure));
    }
    Ok(response)
}
