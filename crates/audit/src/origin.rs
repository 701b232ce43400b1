//! The origin of a request, as every event records it.

use std::net::IpAddr;

/// Where a request came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The client's address, behind any trusted proxies.
    pub address: IpAddr,
    /// What the client calls itself, at most 256 characters.
    pub user_agent: Option<String>,
    /// The id under which the request is in the log of the server.
    pub request_id: Option<String>,
}
