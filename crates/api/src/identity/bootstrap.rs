//! `POST /api/setup`: creates the first administrator.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_flows::identity::account_request::AccountRequest;
use portcullis_flows::identity::bootstrap::Bootstrap;
use portcullis_web::{
    Body, Code, Guard, Hashing, Json, Limit, Method, Problem, Route, SecretText, Text, origin,
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::answer::{AccountAnswer, account_response};
use portcullis_web::quotas::SIGN_IN;

/// The first administrator, with the setup token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetupBody {
    /// The setup token that the server printed at its start.
    #[schema(value_type = String, example = "pK3vT1mS8xQ6rN0bY5wL2cH9jF4dG7zAeUiOkMtXyZs")]
    setup_token: SecretText,
    /// The user name: 3 to 64 characters without spaces.
    #[schema(value_type = String, example = "grace")]
    username: Text,
    /// The email address.
    #[schema(value_type = String, example = "grace@example.org")]
    email: Text,
    /// The password, under the rules of `RegistrationBody`.
    #[schema(value_type = String, max_length = 1024, example = "amber-walrus-paints-9-fences")]
    password: SecretText,
}

pub(crate) const SET_UP: Route = Route {
    method: Method::Post,
    path: "/api/setup",
    guard: Guard::PUBLIC,
    limit: Limit::rate(&SIGN_IN),
    body: Body::JSON,
    errors: &[
        Code::InvalidSetupToken,
        Code::PasswordTooLong,
        Code::UnacceptableAccount,
        Code::UsernameTaken,
        Code::EmailTaken,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Creates the first administrator. This works only once.
#[utoipa::path(post, path = SET_UP.path, operation_id = "createFirstAdministrator", tag = "setup",
    request_body = SetupBody,
    responses((status = 201, body = AccountAnswer, description = "The administrator")))]
pub(crate) async fn set_up(
    request: HttpRequest,
    bootstrap: web::Data<Bootstrap>,
    hashing: Hashing,
    body: Json<SetupBody>,
) -> Result<HttpResponse, Problem> {
    let token = body.0.setup_token.0;
    let wanted = AccountRequest {
        username: body.0.username.0,
        email: body.0.email.0,
        password: body.0.password.0,
        display_name: None,
        origin: origin(&request),
    };
    let address = wanted.origin.address;
    let account = hashing.run(address, move || bootstrap.redeem(&token, &wanted)).await?;
    Ok(account_response(StatusCode::CREATED, &account))
}
