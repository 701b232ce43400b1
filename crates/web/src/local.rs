//! Local requests: sent by programs on the machine that the server runs on.

use actix_web::HttpRequest;

use crate::request::RequestContext;

/// True if a program on this machine has sent the request.
///
/// A request forwarded by a proxy does not count, whatever the proxy reports of the client: an
/// undeclared proxy on this machine would otherwise give every client access.
pub(crate) fn is_local(request: &HttpRequest) -> bool {
    let passed_on = request.headers().keys().any(|name| is_of_a_proxy(name.as_str()));
    RequestContext::of(request).address.is_loopback() && !passed_on
}

/// True if proxies add a header of this name, in lower case, and local programs do not.
fn is_of_a_proxy(name: &str) -> bool {
    name.starts_with("x-forwarded-")
        || matches!(name, "forwarded" | "via" | "x-real-ip" | "true-client-ip" | "cf-connecting-ip")
}
