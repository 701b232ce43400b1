//! Requests of operators and monitors: sent to the listener for them, and by no proxy.

use std::net::IpAddr;

use actix_web::HttpRequest;

use crate::request::RequestContext;

/// The network from which monitors reach the listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MonitorNetwork {
    /// This machine.
    Loopback,
    /// Every network that reaches the address: the operator has chosen it.
    Any,
}

impl MonitorNetwork {
    /// The network of a listener at this address.
    pub(crate) const fn of(bound: IpAddr) -> Self {
        if bound.is_loopback() { Self::Loopback } else { Self::Any }
    }
}

/// True if a program on this machine, or on the network of the monitors, has sent the request.
///
/// A request forwarded by a proxy does not count, whatever the proxy reports of the client: an
/// undeclared proxy on this machine would otherwise give every client access.
pub(crate) fn is_local(request: &HttpRequest) -> bool {
    let passed_on = request.headers().keys().any(|name| is_of_a_proxy(name.as_str()));
    let is_near = match request.app_data() {
        Some(MonitorNetwork::Any) => true,
        Some(MonitorNetwork::Loopback) | None => RequestContext::of(request).address.is_loopback(),
    };
    is_near && !passed_on
}

/// True if proxies add a header of this name, in lower case, and local programs do not.
fn is_of_a_proxy(name: &str) -> bool {
    name.starts_with("x-forwarded-")
        || matches!(name, "forwarded" | "via" | "x-real-ip" | "true-client-ip" | "cf-connecting-ip")
}
