//! The answer to a page that has opened a session: its cookies, and the page to which the browser goes.

use actix_web::HttpResponse;
use portcullis_flows::sign_in::SignedIn;
use portcullis_web::{RefreshPlace, remember_device, set_session};

use crate::page::see;

/// The browser keeps the session and goes to this path.
pub(crate) fn opened(signed_in: &SignedIn, path: &str, secure: bool) -> HttpResponse {
    let mut response = see(path);
    keep(&mut response, signed_in, secure);
    response
}

/// The browser keeps the session.
pub(super) fn keep(response: &mut HttpResponse, signed_in: &SignedIn, secure: bool) {
    let SignedIn { tokens, binding, device_token } = signed_in;
    set_session(response, tokens, binding.as_ref(), RefreshPlace::Cookie, secure);
    remember_device(response, device_token.as_ref(), secure);
}
