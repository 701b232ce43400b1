//! The answer to a page that has opened a session: its cookies, and the page to which the browser goes.

use actix_web::HttpResponse;
use portcullis_flows::sign_in::SignedIn;
use portcullis_web::{RefreshPlace, remember_device, set_session};

use crate::page::see;

/// The browser keeps the session and goes to this path.
pub(crate) fn opened(signed_in: &SignedIn, path: &str, secure: bool) -> HttpResponse {
    let SignedIn { tokens, binding, device_token } = signed_in;
    let mut response = see(path);
    set_session(&mut response, tokens, binding.as_ref(), RefreshPlace::Cookie, secure);
    remember_device(&mut response, device_token.as_ref(), secure);
    response
}
