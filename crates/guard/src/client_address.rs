//! `ClientAddress`: the address of a client, which credentials may be bound to.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use portcullis_domain::canonical_address;

/// The IP address of the client of a request. An IPv4-mapped IPv6 address is the IPv4 address that it
/// contains.
///
/// Behind a proxy the peer of a connection is not the client. Then read the header of the proxy that you
/// trust, and insert the address into the extensions of the request before the guard: the adapters prefer
/// it to the address of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientAddress(IpAddr);

impl ClientAddress {
    /// The client at this address.
    pub fn new(address: IpAddr) -> Self {
        Self(canonical_address(address))
    }

    /// The address.
    pub const fn ip(self) -> IpAddr {
        self.0
    }
}

impl From<IpAddr> for ClientAddress {
    fn from(address: IpAddr) -> Self {
        Self::new(address)
    }
}

impl From<SocketAddr> for ClientAddress {
    fn from(address: SocketAddr) -> Self {
        Self::new(address.ip())
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_has_one_address() {
        let of = |text: &str| ClientAddress::new(text.parse().unwrap());
        assert_eq!(of("::ffff:192.0.2.7"), of("192.0.2.7"));
        assert_eq!(of("::ffff:192.0.2.7").to_string(), "192.0.2.7");
        assert_ne!(of("2001:db8::7"), of("192.0.2.7"));
        assert_eq!(of("2001:db8::7").ip().to_string(), "2001:db8::7");
    }
}
