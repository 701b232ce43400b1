//! Client network: the addresses that one client owns, under which limits count its requests.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address in the form in which it is compared: an IPv6 address that contains an IPv4 address is
/// that IPv4 address.
///
/// These are the IPv4-mapped addresses (`::ffff:192.0.2.1`), and those of the well-known prefix of
/// NAT64 (`64:ff9b::192.0.2.1`, RFC 6052). A translator never writes a private or a loopback address
/// behind that prefix (section 3.1), so one there is no address of this machine or its network.
pub const fn canonical_address(address: IpAddr) -> IpAddr {
    #[expect(clippy::disallowed_methods, reason = "the rule has its place here")]
    let address = address.to_canonical();
    let IpAddr::V6(v6) = address else { return address };
    let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = v6.segments() else { return address };
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    let v4 = Ipv4Addr::new(a, b, c, d);
    let is_local = v4.is_loopback() || v4.is_unspecified() || v4.is_private() || v4.is_link_local();
    if is_local { address } else { IpAddr::V4(v4) }
}

/// The network that one client owns: its first address, and the number of bits that its addresses
/// have in common.
///
/// It is an IPv4 address, or the /64 network of an IPv6 address, of which a client can take another
/// address for every request. The hosts of a link share `fe80::/64`, so each link-local address counts
/// by itself. The holder of one IPv4 address owns a /48 of 6to4 addresses (`2002::/16`, RFC 3056).
pub const fn client_network(address: IpAddr) -> (IpAddr, u8) {
    match canonical_address(address) {
        v4 @ IpAddr::V4(_) => (v4, 32),
        IpAddr::V6(v6) if v6.is_unicast_link_local() => (IpAddr::V6(v6), 128),
        IpAddr::V6(v6) => {
            let length = if v6.segments()[0] == 0x2002 { 48 } else { 64 };
            let host_bits = 128 - length;
            (IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> host_bits << host_bits)), length)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(address: &str) -> String {
        let (first, length) = client_network(address.parse().unwrap());
        format!("{first}/{length}")
    }

    #[test]
    fn an_address_that_contains_an_ipv4_address_is_that_address() {
        for address in ["192.0.2.1", "::ffff:192.0.2.1", "64:ff9b::192.0.2.1", "64:ff9b::c000:201"]
        {
            assert_eq!(network(address), "192.0.2.1/32", "{address}");
        }
        for address in ["64:ff9b::127.0.0.1", "64:ff9b::10.1.2.3", "64:ff9b::", "64:ff9b::1:0:0:0"]
        {
            assert!(canonical_address(address.parse().unwrap()).is_ipv6(), "{address}");
            assert!(network(address).ends_with("/64"), "{address}");
        }
        assert_eq!(network("64:ff9b:1::192.0.2.1"), "64:ff9b:1::/64", "a prefix for local use");
    }

    #[test]
    fn an_ipv6_client_owns_a_64_and_a_host_of_the_link_its_address() {
        assert_eq!(network("2001:db8:1:2:ffff::9"), "2001:db8:1:2::/64");
        assert_eq!(network("fe80::1"), "fe80::1/128");
        assert_eq!(network("febf::1"), "febf::1/128");
        assert_eq!(network("fec0::1"), "fec0::/64");
    }

    #[test]
    fn a_client_owns_all_6to4_addresses_of_its_ipv4_address() {
        assert_eq!(network("2002:c000:201:9:8::7"), "2002:c000:201::/48");
        assert_eq!(network("2003:c000:201:9:8::7"), "2003:c000:201:9::/64");
        let private = "2002:a00:1::1".parse().unwrap();
        assert_eq!(canonical_address(private), private, "anybody can send from it");
    }
}
