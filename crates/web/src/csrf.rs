//! CSRF protection of requests that a cookie authenticates (OWASP CSRF Prevention Cheat Sheet).
//!
//! Browsers attach the access cookie automatically. So such a request is accepted only if it was
//! sent from an allowed page *and* carries a token that only a page which can read our responses
//! knows.

use actix_web::HttpRequest;
use portcullis_domain::SessionId;
use portcullis_token::CsrfKey;

use crate::page::{self, Page};
use crate::problem::{Code, Problem};
use crate::settings::Settings;

/// The header that carries the token.
pub(crate) const HEADER: &str = "x-csrf-token";

/// Refuses a request that another site may have caused.
pub(crate) fn check(
    request: &HttpRequest,
    key: &CsrfKey,
    session: SessionId,
) -> Result<(), Problem> {
    let token = request.headers().get(HEADER).and_then(|value| value.to_str().ok());
    let genuine = token.is_some_and(|token| key.verify(token, session));
    if genuine && page::of(request.headers(), Settings::of(request)?) == Page::Allowed {
        Ok(())
    } else {
        Err(Problem::new(Code::CsrfFailed))
    }
}
