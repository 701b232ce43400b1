//! `POST /api/auth/email/verify` and `/api/auth/email/resend`: mailed links that verify an address.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_domain::{Account, Email};
use portcullis_flows::identity::email_verification::EmailVerification;
use portcullis_flows::identity::pending_registration::NameChoice;
use portcullis_web::{
    Body, Code, FieldProblem, Guard, Hashing, Json, Limit, Method, Priority, Problem, Route,
    SecretText, Text, blocking, origin,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::{MailedAnswer, mailed_response};
use portcullis_web::quotas::MAILED_LINKS;

/// The secret of a mailed link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerificationBody {
    /// The `token` of the link.
    #[schema(value_type = String, example = "pK3vT1mS8xQ6rN0bY5wL2cH9jF4dG7zAeUiOkMtXyZs")]
    token: SecretText,
    /// Another user name, if the name of the registration is taken; only with `password`.
    #[schema(value_type = Option<String>, example = json!(null))]
    username: Option<Text>,
    /// A new password in place of that of the registration; only with `username`.
    #[schema(value_type = Option<String>, max_length = 1024, example = json!(null))]
    password: Option<SecretText>,
}

/// The verified address and its account.
#[derive(Serialize, ToSchema)]
pub(crate) struct VerifiedAnswer {
    /// The user name to sign in with.
    #[schema(example = "ada")]
    username: String,
    /// The verified address.
    #[schema(example = "ada@example.org")]
    email: String,
}

impl From<&Account> for VerifiedAnswer {
    fn from(account: &Account) -> Self {
        Self {
            username: account.username.as_str().to_owned(),
            email: account.email.as_str().to_owned(),
        }
    }
}

pub(crate) const VERIFY: Route = Route {
    method: Method::Post,
    path: "/api/auth/email/verify",
    guard: Guard::PUBLIC,
    limit: Limit::rate(&MAILED_LINKS),
    body: Body::JSON,
    errors: &[
        Code::InvalidLink,
        Code::InvitationRequired,
        Code::AdministratorsOnly,
        Code::RegistrationClosed,
        Code::PasswordTooLong,
        Code::UnacceptableAccount,
        Code::UsernameTaken,
        Code::EmailTaken,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Verifies the address that a link was mailed to. Of a registration that waits, it creates the
/// account.
///
/// A link works once. If the user name of a registration is taken (409), the link stays valid: repeat
/// the request with another `username` and a `password`. After ten refused names the link ends.
#[utoipa::path(post, path = VERIFY.path, operation_id = "verifyEmail", tag = "auth",
    request_body = VerificationBody,
    responses((status = 200, body = VerifiedAnswer, description = "The address is verified")))]
pub(crate) async fn verify(
    request: HttpRequest,
    verification: web::Data<EmailVerification>,
    hashing: Hashing,
    body: Json<VerificationBody>,
) -> Result<HttpResponse, Problem> {
    let VerificationBody { token, username, password } = body.0;
    let choice = match (username, password) {
        (None, None) => None,
        (Some(username), Some(password)) => {
            Some(NameChoice { username: username.0, password: password.0 })
        }
        (given, _) => {
            let field = if given.is_some() { "password" } else { "username" };
            let message = "send user name and password together, or neither".to_owned();
            let fault = FieldProblem::new(field.to_owned(), "incomplete", message);
            return Err(Problem::invalid(vec![fault]));
        }
    };
    let origin = origin(&request);
    let address = origin.address;
    let verify = move || verification.verify(&token.0, choice, &origin);
    let account = hashing.run(address, verify).await?.account;
    Ok(HttpResponse::Ok().json(VerifiedAnswer::from(&account)))
}

/// The address that needs another link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResendBody {
    /// The email address.
    #[schema(value_type = String, example = "ada@example.org")]
    email: Text,
}

pub(crate) const RESEND: Route = Route {
    method: Method::Post,
    path: "/api/auth/email/resend",
    guard: Guard::PUBLIC,
    limit: Limit::rate(&MAILED_LINKS).priority(Priority::Low),
    body: Body::JSON,
    errors: &[Code::OutcomeUnknown, Code::Unavailable],
};

/// Mails another link, if the address has an account that is not verified, or a registration that
/// waits for its link.
///
/// The response is always the same. An address gets a limited number of mails in an hour.
#[utoipa::path(post, path = RESEND.path, operation_id = "resendVerificationEmail", tag = "auth",
    request_body = ResendBody,
    responses((status = 202, body = MailedAnswer, description = "The address gets a mail, if it needs one")))]
pub(crate) async fn resend(
    request: HttpRequest,
    verification: web::Data<EmailVerification>,
    body: Json<ResendBody>,
) -> Result<HttpResponse, Problem> {
    // A malformed address has no account, and the client may know that.
    let Ok(email) = Email::stored(&body.0.email.0) else { return Ok(mailed_response()) };
    let origin = origin(&request);
    blocking(move || verification.resend(&email, &origin)).await?;
    Ok(mailed_response())
}
