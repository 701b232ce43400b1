//! Lists of networks (CIDR, RFC 4632 and RFC 4291 section 2.3) that a credential may be used from.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::canonical_address;

/// Networks from which a credential may be used; an empty list names none.
///
/// A network of IPv4-mapped addresses is the IPv4 network that it contains, as addresses are compared in
/// the form of [`canonical_address`]. A network with bits of a host is refused, because either the network
/// or the one address could be meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkList(Vec<IpNet>);

/// The reason why a text is no list of networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkListError {
    /// An entry is neither an address nor a network.
    #[error("must be networks such as 10.0.0.0/8 or 2001:db8::/32, or single addresses")]
    Malformed,
    /// An entry has bits of a host.
    #[error(
        "must be networks without bits of a host, such as 192.0.2.0/24 instead of 192.0.2.1/24"
    )]
    HostBits,
    /// The list has more than [`NetworkList::MAX_NETWORKS`] entries.
    #[error("must be at most 50 networks")]
    TooLong,
}

impl NetworkListError {
    /// The stable code for programs. It never changes.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::HostBits => "host_bits",
            Self::TooLong => "too_long",
        }
    }
}

impl NetworkList {
    /// The maximum number of networks.
    pub const MAX_NETWORKS: usize = 50;

    /// Parses the entries: networks, or single addresses.
    ///
    /// # Errors
    ///
    /// If an entry is malformed, or there are too many.
    pub fn parse<'t>(entries: impl IntoIterator<Item = &'t str>) -> Result<Self, NetworkListError> {
        let mut networks = Vec::new();
        for (place, entry) in entries.into_iter().enumerate() {
            if place == Self::MAX_NETWORKS {
                return Err(NetworkListError::TooLong);
            }
            let network = parse_network(entry)?;
            if !networks.contains(&network) {
                networks.push(network);
            }
        }
        Ok(Self(networks))
    }

    /// Returns whether the list has no network.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether one of the networks has this address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = canonical_address(address);
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The networks that both lists contain: an address is in them if it is in both lists. Networks are
    /// nested or apart, so each is one of the two lists.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        let inside = |one: &Self, other: &Self| {
            let within = |network: &&IpNet| other.0.iter().any(|wide| wide.contains(*network));
            one.0.iter().filter(within).copied().collect::<Vec<_>>()
        };
        let mut networks = inside(self, other);
        for network in inside(other, self) {
            if !networks.contains(&network) {
                networks.push(network);
            }
        }
        Self(networks)
    }

    /// The networks, each in its usual form.
    pub fn networks(&self) -> impl ExactSizeIterator<Item = String> {
        self.0.iter().map(ToString::to_string)
    }
}

/// Prints the networks with spaces between them.
impl fmt::Display for NetworkList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, network) in self.0.iter().enumerate() {
            let space = if place > 0 { " " } else { "" };
            write!(f, "{space}{network}")?;
        }
        Ok(())
    }
}

/// Reads the form that [`Display`](fmt::Display) prints.
impl FromStr for NetworkList {
    type Err = NetworkListError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text.split(' ').filter(|entry| !entry.is_empty()))
    }
}

/// Parses a network, or a single address, under the rules of [`NetworkList`].
///
/// # Errors
///
/// If the text is neither, or has bits of a host.
pub fn parse_network(entry: &str) -> Result<IpNet, NetworkListError> {
    if let Ok(address) = entry.parse::<IpAddr>() {
        return Ok(IpNet::from(canonical_address(address)));
    }
    let network: IpNet = entry.parse().map_err(|_| NetworkListError::Malformed)?;
    if network != network.trunc() {
        return Err(NetworkListError::HostBits);
    }
    Ok(match network {
        IpNet::V6(v6) => unmapped(v6).map_or(network, IpNet::V4),
        IpNet::V4(_) => network,
    })
}

/// The IPv4 network that a network of IPv4-mapped addresses contains.
fn unmapped(network: Ipv6Net) -> Option<Ipv4Net> {
    const MAPPED: u8 = 96;
    let first: Ipv6Addr = network.addr();
    let length = network.prefix_len().checked_sub(MAPPED)?;
    Ipv4Net::new(first.to_ipv4_mapped()?, length).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> NetworkList {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_has_its_first_and_its_last_address_and_none_beyond() {
        let networks = list("192.0.2.64/26 2001:db8:1::/48 198.51.100.7 2001:db8::9");
        for address in [
            "192.0.2.64",
            "192.0.2.127",
            "::ffff:192.0.2.64",
            "64:ff9b::192.0.2.127",
            "2001:db8:1::",
            "2001:db8:1:ffff:ffff:ffff:ffff:ffff",
            "198.51.100.7",
            "2001:db8::9",
        ] {
            assert!(networks.contains(address.parse().unwrap()), "{address}");
        }
        for address in [
            "192.0.2.63",
            "192.0.2.128",
            "::ffff:192.0.2.63",
            "2001:db8:0:ffff:ffff:ffff:ffff:ffff",
            "2001:db8:2::",
            "198.51.100.6",
            "198.51.100.8",
            "2001:db8::8",
            "::192.0.2.64",
        ] {
            assert!(!networks.contains(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn a_mapped_network_is_the_ipv4_network_in_it() {
        let networks = list("::ffff:192.0.2.0/120 ::ffff:198.51.100.7 192.0.2.0/24");
        assert_eq!(networks.to_string(), "192.0.2.0/24 198.51.100.7/32", "each once");
        assert!(networks.contains("192.0.2.255".parse().unwrap()));
        assert_eq!(list("::ffff:0:0/96").to_string(), "0.0.0.0/0");
        let all = list("::/0");
        assert!(all.contains("2001:db8::1".parse().unwrap()));
        assert!(!all.contains("192.0.2.1".parse().unwrap()), "every IPv6 address only");
        assert!(!all.contains("::ffff:192.0.2.1".parse().unwrap()), "it is an IPv4 address");
    }

    #[test]
    fn the_common_networks_are_those_in_both_lists() {
        let cases = [
            ("192.0.2.0/24 198.51.100.0/24", "192.0.2.64/26 203.0.113.0/24", "192.0.2.64/26"),
            ("192.0.2.7", "192.0.0.0/16 ::/0", "192.0.2.7/32"),
            ("192.0.2.0/24", "192.0.2.0/24", "192.0.2.0/24"),
            ("10.0.0.0/8 2001:db8::/48", "10.1.0.0/16 2001:db8::/32", "2001:db8::/48 10.1.0.0/16"),
            ("192.0.2.0/24", "198.51.100.0/24", ""),
            ("192.0.2.0/24", "", ""),
        ];
        for (one, other, common) in cases {
            assert_eq!(list(one).common(&list(other)).to_string(), common, "{one} | {other}");
            let swapped = list(other).common(&list(one));
            assert_eq!(swapped.networks().len(), list(common).networks().len());
        }
    }

    #[test]
    fn an_empty_list_has_no_address() {
        assert!(list("").is_empty() && !list("").contains("192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn other_texts_are_no_networks() {
        for text in ["192.0.2.1/24", "2001:db8::1/64", "::ffff:192.0.2.1/120"] {
            assert_eq!(text.parse::<NetworkList>(), Err(NetworkListError::HostBits), "{text}");
        }
        for text in [
            "192.0.2.0/33",
            "192.0.2/24",
            "2001:db8::/129",
            "192.0.2.0/-1",
            "any",
            "192.0.2.0/",
            "010.0.0.1",
            "1.2.3.4/024x",
        ] {
            assert_eq!(text.parse::<NetworkList>(), Err(NetworkListError::Malformed), "{text}");
        }
        assert_eq!(NetworkList::parse(vec!["192.0.2.0/24"; 51]), Err(NetworkListError::TooLong));
    }
}
