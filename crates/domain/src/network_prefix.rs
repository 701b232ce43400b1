//! Network prefix: the addresses that one provider hands to neighbours, by which habits are compared.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::canonical_address;

/// The network of an address, larger than the one that [`client_network`](crate::client_network()) counts
/// under: a client gets another address of it by every new connection to its provider.
///
/// It is the /24 network of an IPv4 address, and the /48 network of an IPv6 address. The /40 network of a
/// 6to4 address (`2002::/16`, RFC 3056) has the 24 bits of the IPv4 address in it. A link-local IPv6
/// address is on no network of a provider, and stands by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetworkPrefix {
    first: IpAddr,
    length: u8,
}

impl NetworkPrefix {
    /// Returns the network of the address, in the form of [`canonical_address`].
    pub const fn of(address: IpAddr) -> Self {
        match canonical_address(address) {
            IpAddr::V4(v4) => {
                let first = IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() >> 8 << 8));
                Self { first, length: 24 }
            }
            IpAddr::V6(v6) if v6.is_unicast_link_local() => {
                Self { first: IpAddr::V6(v6), length: 128 }
            }
            IpAddr::V6(v6) => {
                let length = if v6.segments()[0] == 0x2002 { 40 } else { 48 };
                let host_bits = 128 - length;
                let first = IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> host_bits << host_bits));
                Self { first, length }
            }
        }
    }

    /// The first address of the network.
    pub const fn first(self) -> IpAddr {
        self.first
    }

    /// The number of bits that its addresses have in common.
    pub const fn length(self) -> u8 {
        self.length
    }
}

/// Prints `192.0.2.0/24`.
impl fmt::Display for NetworkPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_a_prefix() {
        for (address, prefix) in [
            ("192.0.2.77", "192.0.2.0/24"),
            ("::ffff:192.0.2.255", "192.0.2.0/24"),
            ("64:ff9b::192.0.2.1", "192.0.2.0/24"),
            ("2001:db8:1:2:ffff::9", "2001:db8:1::/48"),
            ("2002:c000:24d:9:8::7", "2002:c000:200::/40"),
            ("2003:c000:24d:9:8::7", "2003:c000:24d::/48"),
            ("fe80::1", "fe80::1/128"),
        ] {
            let found = NetworkPrefix::of(address.parse().unwrap());
            assert_eq!(found.to_string(), prefix, "{address}");
            assert_eq!(format!("{}/{}", found.first(), found.length()), prefix);
        }
    }
}
