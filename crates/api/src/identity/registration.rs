//! `POST /api/auth/register`: self-registration.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_flows::identity::account_request::{AccountRequest, FieldError, RegistrationError};
use portcullis_flows::identity::invitation::{Invitations, InvitedAccount};
use portcullis_flows::identity::registration::{Registered, Registration};
use portcullis_web::{
    Body, Code, Guard, Hashing, Json, Limit, Method, Priority, Problem, Route, SecretText, Text,
    origin,
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::answer::{AccountAnswer, MailedAnswer, account_response, mailed_response};
use portcullis_web::quotas::REGISTRATION;

/// The account to create.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegistrationBody {
    /// The user name: 3 to 64 characters without spaces. It is case-insensitive.
    #[schema(value_type = String, example = "ada")]
    username: Text,
    /// The email address. Required without an invitation; with one, leave it out, or send that of the
    /// invitation.
    #[schema(value_type = Option<String>, example = "ada@example.org")]
    email: Option<Text>,
    /// The password: 12 to 256 characters by default, at most 1,024 bytes of Unicode, with spaces. It
    /// must not be easy to guess, be common, or consist mainly of a name, an email address or the
    /// product name. The error 422 lists every violated rule.
    #[schema(value_type = String, max_length = 1024, example = "violet-otter-plays-7-cellos")]
    password: SecretText,
    /// The display name of the person.
    #[schema(value_type = Option<String>, example = "Ada Lovelace")]
    display_name: Option<Text>,
    /// The token of the link of an invitation. The account then gets the address, the role and the
    /// kind of the invitation.
    #[schema(value_type = Option<String>, example = json!(null))]
    invitation: Option<SecretText>,
}

pub(crate) const REGISTER: Route = Route {
    method: Method::Post,
    path: "/api/auth/register",
    guard: Guard::PUBLIC,
    limit: Limit::rate(&REGISTRATION).priority(Priority::Low),
    body: Body::JSON,
    errors: &[
        Code::InvitationRequired,
        Code::AdministratorsOnly,
        Code::RegistrationClosed,
        Code::PasswordTooLong,
        Code::UnacceptableAccount,
        Code::InvalidInvitation,
        Code::UsernameTaken,
        Code::EmailTaken,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Registers an account.
///
/// With `registration.answer = "verified"` (the default in production) the response is always 202,
/// also for a user name or an email address that is taken, and the address gets a mail. The account
/// is created when the link in the mail is followed: `POST /api/auth/email/verify`.
///
/// With an `invitation` the account is created at once (201), with a verified address.
///
/// With `registration.answer = "immediate"` the account is created at once (201), and a taken user name
/// or email address has its own error (409), by which a client can detect accounts (ASVS 6.3.8).
#[utoipa::path(post, path = REGISTER.path, operation_id = "registerAccount", tag = "auth",
    request_body = RegistrationBody,
    responses(
        (status = 201, body = AccountAnswer, description = "The new account"),
        (status = 202, body = MailedAnswer, description = "The address gets a mail"),
    ))]
pub(crate) async fn register(
    request: HttpRequest,
    registration: web::Data<Registration>,
    invitations: web::Data<Invitations>,
    hashing: Hashing,
    body: Json<RegistrationBody>,
) -> Result<HttpResponse, Problem> {
    let RegistrationBody { username, email, password, display_name, invitation } = body.0;
    let (username, email) = (username.0, email.map(|email| email.0));
    let (password, display_name) = (password.0, display_name.map(|name| name.0));
    let origin = origin(&request);
    let address = origin.address;
    if let Some(invitation) = invitation {
        let invitation = invitation.0;
        let wanted = InvitedAccount { invitation, username, email, password, display_name, origin };
        let account = hashing.run(address, move || invitations.accept(wanted)).await?;
        return Ok(account_response(StatusCode::CREATED, &account));
    }
    let email = email.ok_or_else(|| RegistrationError::Invalid(vec![FieldError::EmailMissing]))?;
    let wanted = AccountRequest { username, email, password, display_name, origin };
    let registered = hashing.run(address, move || registration.register(&wanted)).await?;
    Ok(match registered {
        Registered::Created(account) => account_response(StatusCode::CREATED, &account),
        Registered::Requested => mailed_response(),
    })
}
