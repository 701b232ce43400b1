//! `POST /api/auth/account/disavow`: the link "this was not me" of an alert.

use actix_web::{HttpRequest, HttpResponse, web};
use portcullis_flows::identity::disavowal::Disavowals;
use portcullis_web::{
    Body, Code, Guard, Json, Limit, Method, Problem, Route, SecretText, blocking, origin,
};
use serde::Deserialize;
use utoipa::ToSchema;

use portcullis_web::quotas::SIGN_IN;

/// The secret of the link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DisavowalBody {
    /// The parameter `token` of the link.
    #[schema(value_type = String, example = "pK3vT1mS8xQ6rN0bY5wL2cH9jF4dG7zAeUiOkMtXyZs")]
    token: SecretText,
}

pub(crate) const DISAVOW: Route = Route {
    method: Method::Post,
    path: "/api/auth/account/disavow",
    guard: Guard::PUBLIC,
    limit: Limit::rate(&SIGN_IN),
    body: Body::JSON,
    errors: &[Code::InvalidLink, Code::OutcomeUnknown, Code::Unavailable],
};

/// Reports that the holder of the account did not do what an alert tells of.
///
/// All sessions end, the account is blocked until its password is reset, and a link for that is
/// mailed to the address that the alert was sent to. If that address was replaced since, the account
/// gets it back.
#[utoipa::path(post, path = DISAVOW.path, operation_id = "disavowActivity", tag = "auth",
    request_body = DisavowalBody,
    responses((status = 204, description = "The account is blocked, and a reset link is mailed")))]
pub(crate) async fn disavow(
    request: HttpRequest,
    disavowals: web::Data<Disavowals>,
    body: Json<DisavowalBody>,
) -> Result<HttpResponse, Problem> {
    let (token, origin) = (body.0.token.0, origin(&request));
    blocking(move || disavowals.disavow(&token, &origin)).await?;
    Ok(HttpResponse::NoContent().finish())
}
