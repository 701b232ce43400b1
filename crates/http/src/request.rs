use actix_web::{HttpMessage, HttpRequest};
use std::net::{IpAddr, Ipv4Addr};

/// What the outermost layer learnt of a request, for all that follow.
#[derive(Clone, Debug)]
pub(crate) struct RequestContext {
    /// Names the request in answers, logs and the audit trail.
    pub(crate) id: String,
    /// The client, behind any trusted proxies.
    pub(crate) address: IpAddr,
}

impl RequestContext {
    /// What was learnt of this request.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        request.extensions().get::<Self>().cloned().unwrap_or_else(|| Self {
            id: String::new(),
            address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        })
    }
}
