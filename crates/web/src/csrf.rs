//! CSRF protection of requests that a cookie authenticates (OWASP CSRF Prevention Cheat Sheet).
//!
//! Browsers attach the access cookie automatically. So such a request is accepted only if it was
//! sent from an allowed page *and* carries a token that only a page which can read our responses
//! knows: in the header `X-CSRF-Token`, or in the field `csrf_token` of a form.

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::{HttpMessage, HttpRequest};
use portcullis_domain::SessionId;
use portcullis_token::CsrfKey;
use url::form_urlencoded;

use crate::page::{self, Page};
use crate::problem::{Code, Problem};

/// The header that carries the token.
pub(crate) const HEADER: &str = "x-csrf-token";

/// The field of a form that carries the token, for pages without script.
const FIELD: &str = "csrf_token";

/// Refuses a request that another site may have caused. Without the header, the token of a form is
/// checked when its body is read: see [`check_form`].
pub(crate) fn check(
    request: &HttpRequest,
    key: &Arc<CsrfKey>,
    session: SessionId,
) -> Result<(), Problem> {
    if page::of(request)? != Page::Allowed {
        return Err(Problem::new(Code::CsrfFailed));
    }
    match request.headers().get(HEADER) {
        Some(token) if token.to_str().is_ok_and(|token| key.verify(token, session)) => Ok(()),
        None if is_form(request) && request.extensions().contains::<FormRoute>() => {
            request.extensions_mut().insert(AwaitedToken { key: Arc::clone(key), session });
            Ok(())
        }
        _ => Err(Problem::new(Code::CsrfFailed)),
    }
}

/// A mark of a request whose route reads a form.
struct FormRoute;

/// Notes that the route of this request reads a form.
pub(crate) fn accept_form(request: &HttpRequest) {
    request.extensions_mut().insert(FormRoute);
}

/// A token that must be in the body of the request, which is a form.
struct AwaitedToken {
    key: Arc<CsrfKey>,
    session: SessionId,
}

/// Refuses a form whose token is awaited and wrong; returns the form without the token. `None` means
/// that no token is awaited.
pub(crate) fn check_form(request: &HttpRequest, form: &[u8]) -> Result<Option<String>, Problem> {
    let Some(awaited) = request.extensions_mut().remove::<AwaitedToken>() else { return Ok(None) };
    let is_token = |(name, _): &(Cow<'_, str>, Cow<'_, str>)| name == FIELD;
    let (tokens, rest): (Vec<_>, Vec<_>) = form_urlencoded::parse(form).partition(is_token);
    match tokens.as_slice() {
        [(_, token)] if awaited.key.verify(token, awaited.session) => {
            Ok(Some(form_urlencoded::Serializer::new(String::new()).extend_pairs(rest).finish()))
        }
        _ => Err(Problem::new(Code::CsrfFailed)),
    }
}

/// Refuses a request whose handler has not read the form with the token.
pub(crate) fn require_checked(request: &HttpRequest) -> Result<(), Problem> {
    if request.extensions().contains::<AwaitedToken>() {
        return Err(Problem::new(Code::CsrfFailed));
    }
    Ok(())
}

fn is_form(request: &HttpRequest) -> bool {
    request.content_type().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}
