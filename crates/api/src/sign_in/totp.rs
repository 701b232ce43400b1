//! `/api/auth/mfa/totp/…`: enrol, confirm and remove an authenticator app.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_domain::ExposeSecret;
use portcullis_flows::sign_in::totp::{ConfirmationRequest, StartedTotp, TotpEnrolment};
use portcullis_web::{
    Body, Caller, Code, Guard, Hashing, Json, Limit, Method, Problem, Route, SecretText, Settings,
    blocking, origin,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::sign_in::reauthentication::CurrentCredentialBody;
use crate::sign_in::session_tokens::{self, TokensAnswer};

/// A seed for an authenticator app. It is shown only here.
#[derive(Serialize, ToSchema)]
pub(crate) struct TotpEnrolmentAnswer {
    /// The seed in base32, to be typed into an app that cannot read the QR code.
    #[schema(example = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")]
    secret: String,
    /// The seed as a URI for apps.
    #[schema(
        example = "otpauth://totp/Portcullis:ada?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Portcullis"
    )]
    uri: String,
    /// The URI as a QR code: an SVG document.
    #[schema(example = "<svg xmlns=\"http://www.w3.org/2000/svg\"/>")]
    qr_code: String,
    /// The time within which it must be confirmed, in seconds.
    #[schema(example = 600)]
    expires_in: u64,
}

impl From<StartedTotp> for TotpEnrolmentAnswer {
    fn from(started: StartedTotp) -> Self {
        Self {
            secret: started.secret.expose_secret().to_owned(),
            uri: started.uri.expose().to_owned(),
            qr_code: started.qr_code,
            expires_in: TotpEnrolment::LIFETIME.as_secs(),
        }
    }
}

/// A code of the new authenticator app.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmationBody {
    /// The present code of the authenticator app: six digits.
    #[schema(value_type = String, example = "492039")]
    code: SecretText,
}

pub(crate) const ENROL: Route = Route {
    method: Method::Post,
    path: "/api/auth/mfa/totp/enrol",
    guard: Guard::FACTOR_ENROLMENT.recent(),
    limit: Limit::GENERAL,
    body: Body::JSON,
    errors: &[
        Code::CsrfFailed,
        Code::WrongPassword,
        Code::PasswordTooLong,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Starts the enrolment of an authenticator app.
///
/// Nothing changes until a code of the app is confirmed, in the same session and within ten minutes. An
/// app that the account has already stays in force until then.
#[utoipa::path(post, path = ENROL.path, operation_id = "startTotpEnrolment", tag = "factors",
    request_body = CurrentCredentialBody,
    responses((status = 200, body = TotpEnrolmentAnswer, description = "The seed, shown once")))]
pub(crate) async fn enrol(
    caller: Caller,
    request: HttpRequest,
    enrolment: web::Data<TotpEnrolment>,
    hashing: Hashing,
    body: Json<CurrentCredentialBody>,
) -> Result<HttpResponse, Problem> {
    let wanted = body.0.request(&caller, &request)?;
    let address = wanted.origin.address;
    let started = hashing.run(address, move || enrolment.start(&wanted)).await?;
    Ok(HttpResponse::Ok().json(TotpEnrolmentAnswer::from(started)))
}

pub(crate) const CONFIRM: Route = Route {
    method: Method::Post,
    path: "/api/auth/mfa/totp/confirm",
    guard: Guard::FACTOR_ENROLMENT.recent(),
    limit: Limit::GENERAL,
    body: Body::JSON,
    errors: &[
        Code::CsrfFailed,
        Code::WrongCode,
        Code::NoEnrolment,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Confirms an authenticator app by a code of it. From then on every sign-in requires a second factor.
///
/// All sessions of the account end. The response contains tokens and cookies of a new session, which
/// has two factors. The code is used up.
#[utoipa::path(post, path = CONFIRM.path, operation_id = "confirmTotpEnrolment", tag = "factors",
    request_body = ConfirmationBody,
    responses((status = 200, body = TokensAnswer, description = "The tokens of the new session")))]
pub(crate) async fn confirm(
    caller: Caller,
    request: HttpRequest,
    enrolment: web::Data<TotpEnrolment>,
    settings: web::Data<Settings>,
    body: Json<ConfirmationBody>,
) -> Result<HttpResponse, Problem> {
    let (account, session) = caller.session()?;
    let code = body.0.code.0;
    let wanted = ConfirmationRequest { account, session, code, origin: origin(&request) };
    let confirmed = blocking(move || enrolment.confirm(&wanted)).await?;
    let secure = settings.secure_cookies;
    Ok(session_tokens::bound(&confirmed.tokens, confirmed.binding.as_ref(), secure))
}

pub(crate) const DISABLE: Route = Route {
    method: Method::Post,
    path: "/api/auth/mfa/totp/disable",
    guard: Guard::CALLER.recent(),
    limit: Limit::GENERAL,
    body: Body::JSON,
    errors: &[
        Code::CsrfFailed,
        Code::WrongPassword,
        Code::PasswordTooLong,
        Code::NoFactor,
        Code::LastFactor,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Removes the authenticator app of the caller, and the backup codes if no other factor remains.
#[utoipa::path(post, path = DISABLE.path, operation_id = "disableTotp", tag = "factors",
    request_body = CurrentCredentialBody,
    responses((status = 204, description = "The app is removed")))]
pub(crate) async fn disable(
    caller: Caller,
    request: HttpRequest,
    enrolment: web::Data<TotpEnrolment>,
    hashing: Hashing,
    body: Json<CurrentCredentialBody>,
) -> Result<HttpResponse, Problem> {
    let wanted = body.0.request(&caller, &request)?;
    let address = wanted.origin.address;
    hashing.run(address, move || enrolment.remove(&wanted)).await?;
    Ok(HttpResponse::NoContent().finish())
}
