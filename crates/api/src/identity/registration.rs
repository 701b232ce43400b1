//! `POST /api/auth/register`: self-registration.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_flows::identity::account_request::AccountRequest;
use portcullis_flows::identity::registration::Registration;
use portcullis_web::{
    Body, Code, Guard, Hashing, Json, Limit, Method, Problem, Route, SecretText, Text, origin,
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::answer::{AccountAnswer, account_response};

/// The wanted account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegistrationBody {
    /// 3 to 64 characters without spaces; letter case does not matter.
    #[schema(value_type = String, example = "ada")]
    username: Text,
    /// The owner's address.
    #[schema(value_type = String, example = "ada@example.org")]
    email: Text,
    /// 12 to 256 characters by default, at most 1,024 bytes; any Unicode, spaces count. Not easy to
    /// guess, not common, not mainly a name, an email or the product: 422 names each rule that is
    /// broken.
    #[schema(value_type = String, max_length = 1024, example = "violet-otter-plays-7-cellos")]
    password: SecretText,
    /// What to call the person.
    #[schema(value_type = Option<String>, example = "Ada Lovelace")]
    display_name: Option<Text>,
}

pub(crate) const REGISTER: Route = Route {
    method: Method::Post,
    path: "/api/auth/register",
    guard: Guard::PUBLIC,
    limit: Limit::Unlimited,
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

/// Creates an account for the caller.
///
/// A taken name or email is told apart from other refusals (409), which a stranger can use to learn
/// that an account exists: a known gap against ASVS 6.3.8 until mail verification arrives.
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
    account_response(StatusCode::CREATED, &account)
}
