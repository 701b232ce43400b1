//! A hop of a forwarding header.

use std::net::{IpAddr, SocketAddr};

use portcullis_domain::canonical_address;

/// An address, or an address with a port, with IPv6 in brackets when a port follows.
pub(super) fn parse_hop(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse::<IpAddr>().ok();
    let address = address.or_else(|| hop.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    address.map(canonical_address)
}
