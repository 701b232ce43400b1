//! `GET /api/auth/csrf`: issues a CSRF token.

use actix_web::web::{self, Json};
use portcullis_domain::Ambient;
use portcullis_web::{Authenticator, Body, Caller, Guard, Limit, Method, Priority, Problem, Route};
use serde::Serialize;
use utoipa::ToSchema;

/// A CSRF token of the session.
#[derive(Serialize, ToSchema)]
pub(crate) struct CsrfAnswer {
    /// The CSRF token. Send it in the header `X-CSRF-Token` of every request that changes data.
    #[schema(example = "b0Zk1cVw0n8Vv0p2C3l9bU7yT8d5QfA2rK4mN6sX1hE7jP0wLgYzOiBuRtDc")]
    csrf_token: String,
}

pub(crate) const ISSUE: Route = Route {
    method: Method::Get,
    path: "/api/auth/csrf",
    guard: Guard::SIGNED_IN,
    limit: Limit::GENERAL.priority(Priority::High),
    body: Body::None,
    errors: &[],
};

/// Issues a CSRF token for the session of the caller.
#[utoipa::path(get, path = ISSUE.path, operation_id = "getCsrfToken", tag = "auth",
    responses((status = 200, body = CsrfAnswer, description = "The CSRF token")))]
pub(crate) async fn issue(
    caller: Caller,
    authenticator: web::Data<Authenticator>,
    ambient: web::Data<Ambient>,
) -> Result<Json<CsrfAnswer>, Problem> {
    let (_, session) = caller.session()?;
    let csrf_token = authenticator.csrf.issue(session, &*ambient.random);
    Ok(Json(CsrfAnswer { csrf_token }))
}
