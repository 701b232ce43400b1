//! Protection of requests that a cookie authenticates (OWASP CSRF Prevention Cheat Sheet).
//!
//! A browser attaches the access cookie by itself, so such a request counts only if it was sent from
//! an allowed page *and* carries a token that only a page which can read our answers knows.

use actix_web::HttpRequest;
use actix_web::web::{self, Json};
use portcullis_domain::SessionId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::guard::Authenticated;
use crate::origin::{self, Page};
use crate::problem::{Code, Problem};
use crate::server::Settings;
use crate::services::Services;

/// The header that carries the token.
pub(crate) const HEADER: &str = "x-csrf-token";

/// Refuses what another site may have made the browser send.
pub(crate) fn check(
    request: &HttpRequest,
    settings: &Settings,
    services: &Services,
    session: SessionId,
) -> Result<(), Problem> {
    let token = request.headers().get(HEADER).and_then(|value| value.to_str().ok());
    let genuine = token.is_some_and(|token| services.csrf.verify(token, session));
    if genuine && origin::page(request.headers(), settings) == Page::Allowed {
        Ok(())
    } else {
        Err(Problem::new(Code::CsrfFailed))
    }
}

/// A token for requests of this session.
#[derive(Serialize, ToSchema)]
pub(crate) struct CsrfAnswer {
    /// Send it back in `X-CSRF-Token` with every request that changes something.
    #[schema(example = "b0Zk1cVw0n8Vv0p2C3l9bU7yT8d5QfA2rK4mN6sX1hE7jP0wLgYzOiBuRtDc")]
    csrf_token: String,
}

/// Issues a CSRF token for the session of the caller.
#[utoipa::path(get, path = "/api/auth/csrf", tag = "auth",
    responses((status = 200, body = CsrfAnswer, description = "A token for this session")))]
pub(crate) async fn issue(guard: Authenticated, services: web::Data<Services>) -> Json<CsrfAnswer> {
    Json(CsrfAnswer { csrf_token: services.csrf.issue(guard.session, &*services.random) })
}
