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
    /// The address of the client of this request.
    pub(crate) fn address_of(request: &HttpRequest) -> IpAddr {
        let extensions = request.extensions();
        extensions.get::<Self>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |known| known.address)
    }
}
