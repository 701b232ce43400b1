//! `POST /api/auth/password/reset`: resets a password with a link from a mail.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_flows::identity::password_reset::{PasswordResetRequest, PasswordResets};
use portcullis_web::{
    Body, Code, Guard, Hashing, Json, Limit, Method, Problem, Route, SecretText, origin,
};
use serde::Deserialize;
use utoipa::ToSchema;

use portcullis_web::quotas::SIGN_IN;

/// The secret of the link and the new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordResetBody {
    /// The parameter `token` of the link.
    #[schema(value_type = String, example = "pK3vT1mS8xQ6rN0bY5wL2cH9jF4dG7zAeUiOkMtXyZs")]
    token: SecretText,
    /// The new password, under the rules of `PasswordChangeBody`.
    #[schema(value_type = String, max_length = 1024, example = "amber-walrus-paints-9-fences")]
    new_password: SecretText,
}

pub(crate) const RESET: Route = Route {
    method: Method::Post,
    path: "/api/auth/password/reset",
    guard: Guard::PUBLIC,
    limit: Limit::rate(&SIGN_IN),
    body: Body::JSON,
    errors: &[
        Code::InvalidLink,
        Code::PasswordTooLong,
        Code::UnacceptablePassword,
        Code::Overloaded,
        Code::OutcomeUnknown,
        Code::Unavailable,
    ],
};

/// Resets the password of the account that the link was sent to.
///
/// It opens no session: sign in afterwards, with the second factor if the account has one. All
/// sessions end, every device becomes unknown, and a lockout ends. A password that breaks a rule
/// (422) leaves the link valid.
#[utoipa::path(post, path = RESET.path, operation_id = "resetPassword", tag = "auth",
    request_body = PasswordResetBody,
    responses((status = 204, description = "The account has the new password")))]
pub(crate) async fn reset(
    request: HttpRequest,
    resets: web::Data<PasswordResets>,
    hashing: Hashing,
    body: Json<PasswordResetBody>,
) -> Result<HttpResponse, Problem> {
    let wanted = PasswordResetRequest {
        token: body.0.token.0,
        new: body.0.new_password.0,
        origin: origin(&request),
    };
    let address = wanted.origin.address;
    hashing.run(address, move || resets.reset(&wanted)).await?;
    Ok(HttpResponse::NoContent().finish())
}
