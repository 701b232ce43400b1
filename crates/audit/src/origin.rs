//! The source of a request, as every event records it.

use std::net::IpAddr;

/// The source of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The address of the client, behind any trusted proxies.
    pub address: IpAddr,
    /// The user agent of the client, at most 256 characters.
    pub user_agent: Option<String>,
    /// The id of the request in the log of the server.
    pub request_id: Option<String>,
}
