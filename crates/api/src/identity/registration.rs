//! `POST /api/auth/register`: self-registration.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_flows::identity::account_request::AccountRequest;
use portcullis_flows::identity::registration::Registration;
use portcullis_web::{
    Body, Code, Guard, Hashing, Json, Limit, Method, Priority, Problem, Route, SecretText, Text,
    origin,
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::answer::{AccountAnswer, account_response};
use crate::limits::REGISTRATION;

/// The account to create.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegistrationBody {
    /// The user name: 3 to 64 characters without spaces. It is case-insensitive.
    #[schema(value_type = String, example = "ada")]
    username: Text,
    /// The email address.
    #[schema(value_type = String, example = "ada@example.org")]
    email: Text,
    /// The password: 12 to 256 characters by default, at most 1,024 bytes of Unicode, with spaces. It
    /// must not be easy to guess, be common, or consist mainly of a name, an email address or the
    /// product name. The error 422 lists every violated rule.
    #[schema(value_type = String, max_length = 1024, example = "violet-otter-plays-7-cellos")]
    password: SecretText,
    /// The display name of the person.
    #[schema(value_type = Option<String>, example = "Ada Lovelace")]
    display_name: Option<Text>,
}

pub(crate) const REGISTER: Route = Route {
    method: Method::Post,
    path: "/api/auth/register",
    guard: Guard::PUBLIC,
    limit: Limit::rate(&REGISTRATION).priority(Priority::Low),
    body: Body::JSON,
    errors: &[
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

/// Creates an account.
///
/// A user name or an email address that is taken has its own error (409). A client can thus detect
/// existing accounts: a known gap against ASVS 6.3.8 until email verification exists.
#[utoipa::path(post, path = REGISTER.path, tag = "auth",
    request_body = RegistrationBody,
    responses((status = 201, body = AccountAnswer, description = "The new account")))]
pub(crate) async fn register(
    request: HttpRequest,
    registration: web::Data<Registration>,
    hashing: Hashing,
    body: Json<RegistrationBody>,
) -> Result<HttpResponse, Problem> {
    let wanted = AccountRequest {
        username: body.0.username.0,
        email: body.0.email.0,
        password: body.0.password.0,
        display_name: body.0.display_name.map(|name| name.0),
        origin: origin(&request),
    };
    let address = wanted.origin.address;
    let account = hashing.run(address, move || registration.register(&wanted)).await?;
    Ok(account_response(StatusCode::CREATED, &account))
}
