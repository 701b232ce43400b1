//! `POST /api/auth/email/change` and `/api/auth/email/confirm`: the caller changes its address.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_flows::identity::email_change::{EmailChange, EmailChangeRequest};
use portcullis_flows::sign_in::reauthentication::ReauthenticationRequest;
use portcullis_web::{
    Body, Caller, Code, Guard, Hashing, Json, Limit, Method, Problem, Route, SecretText, Text,
    blocking, origin,
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::answer::{MailedAnswer, mailed_response};
use crate::identity::email_verification::VerifiedAnswer;
use crate::sign_in::reauthentication::current;
use portcullis_web::quotas::MAILED_LINKS;

/// The wanted address, with the current credential.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "email": "ada@example.net", "current_password": "violet-otter-plays-7-cellos" }))]
pub(crate) struct EmailChangeBody {
    /// The wanted email address.
    #[schema(value_type = String, example = "ada@example.net")]
    email: Text,
    /// The current password, at most 1,024 bytes.
    #[schema(value_type = Option<String>, max_length = 1024, example = "violet-otter-plays-7-cellos")]
    current_password: Option<SecretText>,
    /// For an account without a password: the result of `navigator.credentials.get` with the options of
    /// `/api/auth/mfa/step-up/options`, by its method `toJSON`.
    #[schema(value_type = Option<Object>)]
    credential: Option<Value>,
}

pub(crate) const CHANGE: Route = Route {
    method: Method::Post,
    path: "/api/auth/email/change",
    guard: Guard::CALLER.recent_factor(),
    limit: Limit::rate(&MAILED_LINKS),
    body: Body::JSON,
    errors: &[
        Code::CsrfFailed,
        Code::WrongPassword,
        Code::PasswordTooLong,
        Code::UnacceptableAccount,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Mails a link to the wanted address, and a notice to the present one.
///
/// The account changes when the link is followed: `POST /api/auth/email/confirm`. The response is the
/// same for an address that has an account. A newer change replaces an earlier one; a change of the
/// password ends it.
#[utoipa::path(post, path = CHANGE.path, operation_id = "requestEmailChange", tag = "auth",
    request_body = EmailChangeBody,
    responses((status = 202, body = MailedAnswer, description = "The wanted address gets a mail")))]
pub(crate) async fn change(
    caller: Caller,
    request: HttpRequest,
    email_change: web::Data<EmailChange>,
    hashing: Hashing,
    body: Json<EmailChangeBody>,
) -> Result<HttpResponse, Problem> {
    let (account, session) = caller.session()?;
    let EmailChangeBody { email, current_password, credential } = body.0;
    let current = current(current_password, credential.as_ref())?;
    let origin = origin(&request);
    let address = origin.address;
    let caller = ReauthenticationRequest { account, session, current, origin };
    let wanted = EmailChangeRequest { caller, email: email.0 };
    hashing.run(address, move || email_change.request(&wanted)).await?;
    Ok(mailed_response())
}

/// The secret of a mailed link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmailConfirmationBody {
    /// The `token` of the link.
    #[schema(value_type = String, example = "pK3vT1mS8xQ6rN0bY5wL2cH9jF4dG7zAeUiOkMtXyZs")]
    token: SecretText,
}

pub(crate) const CONFIRM: Route = Route {
    method: Method::Post,
    path: "/api/auth/email/confirm",
    guard: Guard::PUBLIC,
    limit: Limit::rate(&MAILED_LINKS),
    body: Body::JSON,
    errors: &[Code::InvalidLink, Code::EmailTaken, Code::OutcomeUnknown, Code::Unavailable],
};

/// Gives the account the address that the link was mailed to, verified. The former address gets a
/// notice, and every other link of the account ends.
///
/// A link works once. If another account has the address meanwhile (409), the change ends.
#[utoipa::path(post, path = CONFIRM.path, operation_id = "confirmEmailChange", tag = "auth",
    request_body = EmailConfirmationBody,
    responses((status = 200, body = VerifiedAnswer, description = "The account has the address")))]
pub(crate) async fn confirm(
    request: HttpRequest,
    email_change: web::Data<EmailChange>,
    body: Json<EmailConfirmationBody>,
) -> Result<HttpResponse, Problem> {
    let (token, origin) = (body.0.token.0, origin(&request));
    let account = blocking(move || email_change.confirm(&token, &origin)).await?;
    Ok(HttpResponse::Ok().json(VerifiedAnswer::from(&account)))
}
