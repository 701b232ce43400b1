//! `POST /api/auth/password/forgot`: asks for a link that resets a password.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_flows::identity::password_reset_request::PasswordResetRequests;
use portcullis_web::{
    Body, Code, Guard, Json, Limit, Method, Problem, Route, Text, blocking, origin,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use portcullis_web::quotas::PASSWORD_RESET;

/// The account whose password is forgotten.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordResetRequestBody {
    /// The email address of the account.
    #[schema(value_type = String, example = "ada@example.org")]
    email: Text,
}

/// The answer to every request for a link.
#[derive(Serialize, ToSchema)]
pub(crate) struct PasswordResetRequestAnswer {
    /// The advice for the person, the same for every address.
    #[schema(example = "If an account has this address, a mail with a link is on its way.")]
    message: &'static str,
}

pub(crate) const FORGOT: Route = Route {
    method: Method::Post,
    path: "/api/auth/password/forgot",
    guard: Guard::PUBLIC,
    limit: Limit::rate(&PASSWORD_RESET),
    body: Body::JSON,
    errors: &[Code::OutcomeUnknown, Code::Unavailable],
};

/// Sends a mail with a link that resets the password, if an active account has the address.
///
/// The answer is the same for every address, and takes the same time. The link works once, for 30
/// minutes at most; a newer link, a change of the password or of the address invalidates it. An
/// address gets at most three mails, until an hour has passed since the last one.
#[utoipa::path(post, path = FORGOT.path, operation_id = "requestPasswordReset", tag = "auth",
    request_body = PasswordResetRequestBody,
    responses((status = 202, body = PasswordResetRequestAnswer,
        description = "The request is accepted, whether or not an account has the address")))]
pub(crate) async fn forgot(
    request: HttpRequest,
    reset_requests: web::Data<PasswordResetRequests>,
    body: Json<PasswordResetRequestBody>,
) -> Result<HttpResponse, Problem> {
    let (email, origin) = (body.0.email.0, origin(&request));
    blocking(move || reset_requests.request(&email, &origin)).await?;
    let message = "If an account has this address, a mail with a link is on its way.";
    Ok(HttpResponse::Accepted().json(PasswordResetRequestAnswer { message }))
}
