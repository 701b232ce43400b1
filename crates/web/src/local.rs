//! Requests of programs on the machine that the server runs on.

use actix_web::HttpRequest;

use crate::request::RequestContext;

/// Whether a program on this machine has sent it.
///
/// What a proxy has passed on does not count, whatever it says of the client: a proxy on this machine
/// that nobody has declared would let the whole world in.
pub(crate) fn is_local(request: &HttpRequest) -> bool {
    let passed_on = request.headers().keys().any(|name| is_of_a_proxy(name.as_str()));
    RequestContext::of(request).address.is_loopback() && !passed_on
}

/// Whether proxies add a header of this name, in lower case, and programs that ask for themselves
/// do not.
fn is_of_a_proxy(name: &str) -> bool {
    name.starts_with("x-forwarded-")
        || matches!(name, "forwarded" | "via" | "x-real-ip" | "true-client-ip" | "cf-connecting-ip")
}
