//! Subjects: the client address, principal or account whose requests are counted.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use portcullis_domain::client_network;

/// A subject of a quota, with a bounded size, so that no client makes an entry larger.
///
/// [`fmt::Display`] writes a short and stable text for the key of a shared limiter. Different
/// subjects have different texts: `a:192.0.2.1`, `a:2001:db8::/64`, `a:fe80::1`, `i:` or `d:` and
/// hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A client address.
    Address(AddressPrefix),
    /// A random id, such as a UUID of a session, service or account.
    Id([u8; 16]),
    /// A keyed digest (HMAC) of anything longer or confidential, such as a typed account name.
    Digest([u8; 32]),
}

/// Few writes: the limiter hashes a subject in each call.
impl Hash for Subject {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Address(prefix) => prefix.hash(state),
            Self::Id(id) => {
                state.write_u8(16);
                state.write(id);
            }
            Self::Digest(digest) => {
                state.write_u8(32);
                state.write(digest);
            }
        }
    }
}

impl From<AddressPrefix> for Subject {
    fn from(prefix: AddressPrefix) -> Self {
        Self::Address(prefix)
    }
}

impl From<IpAddr> for Subject {
    fn from(address: IpAddr) -> Self {
        Self::Address(AddressPrefix::new(address))
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, bytes): (_, &[u8]) = match self {
            Self::Address(prefix) => return write!(f, "a:{prefix}"),
            Self::Id(id) => ("i:", id),
            Self::Digest(digest) => ("d:", digest),
        };
        f.write_str(kind)?;
        bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A client address as limits count it: an IPv4 address, or the /64 network of an IPv6 address.
///
/// A single IPv6 client usually owns a whole /64 and can take another address of it for every
/// request. A link-local address (`fe80::/10`) counts by itself, because the hosts of a link share
/// one /64. A 6to4 address (`2002::/16`) counts by its /48. An IPv6 address that contains an IPv4 address (`::ffff:192.0.2.1`, and
/// `64:ff9b::192.0.2.1` of NAT64) is that IPv4 address. The rule is that of
/// [`client_network`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AddressPrefix(Prefix);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Prefix {
    V4([u8; 4]),
    /// The upper half of the address.
    V6([u16; 4]),
    LinkLocal([u8; 16]),
}

/// Few writes: each request is hashed several times.
impl Hash for AddressPrefix {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.0 {
            Prefix::V4(octets) => {
                state.write_u8(4);
                state.write_u32(u32::from_ne_bytes(octets));
            }
            Prefix::V6([a, b, c, d]) => {
                let [a, b, c, d] = [a, b, c, d].map(u64::from);
                state.write_u8(6);
                state.write_u64(a << 48 | b << 32 | c << 16 | d);
            }
            Prefix::LinkLocal(octets) => {
                state.write_u8(7);
                state.write_u128(u128::from_ne_bytes(octets));
            }
        }
    }
}

impl AddressPrefix {
    /// The prefix of an address.
    pub const fn new(address: IpAddr) -> Self {
        match client_network(address) {
            (IpAddr::V4(address), _) => Self(Prefix::V4(address.octets())),
            (IpAddr::V6(address), WHOLE) => Self(Prefix::LinkLocal(address.octets())),
            (IpAddr::V6(address), _) => {
                let [a, b, c, d, ..] = address.segments();
                Self(Prefix::V6([a, b, c, d]))
            }
        }
    }

    /// The IPv4 address, the first address of the network, or the link-local address.
    pub fn first_address(self) -> IpAddr {
        match self.0 {
            Prefix::V4(octets) => IpAddr::V4(Ipv4Addr::from(octets)),
            Prefix::V6([a, b, c, d]) => IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)),
            Prefix::LinkLocal(octets) => IpAddr::V6(Ipv6Addr::from(octets)),
        }
    }

    /// The number of bits that its addresses have in common: 32, 48, 64, or 128.
    pub const fn prefix_len(self) -> u8 {
        match self.0 {
            Prefix::V4(_) => 32,
            Prefix::V6([SIX_TO_FOUR, ..]) => 48,
            Prefix::V6(_) => 64,
            Prefix::LinkLocal(_) => WHOLE,
        }
    }
}

/// The prefix length of one IPv6 address.
const WHOLE: u8 = 128;

/// Begins every 6to4 address.
const SIX_TO_FOUR: u16 = 0x2002;

/// Reads an address, or a network as it is printed: `192.0.2.1`, `2001:db8::1` or `2001:db8::/64`.
impl FromStr for AddressPrefix {
    type Err = AddressPrefixError;

    fn from_str(text: &str) -> Result<Self, AddressPrefixError> {
        let (address, length) =
            text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let prefix = Self::new(address.parse().map_err(|_| AddressPrefixError)?);
        let is_whole = length.is_none_or(|length| length == prefix.prefix_len().to_string());
        if is_whole { Ok(prefix) } else { Err(AddressPrefixError) }
    }
}

/// The error for a text that is neither an address nor a network of the size that limits count.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write an IPv4 address, an IPv6 address, or the /64 network of one")]
pub struct AddressPrefixError;

portcullis_domain::debug_as_display!(AddressPrefixError);

impl From<IpAddr> for AddressPrefix {
    fn from(address: IpAddr) -> Self {
        Self::new(address)
    }
}

impl fmt::Display for AddressPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Prefix::V4(_) | Prefix::LinkLocal(_) => self.first_address().fmt(f),
            Prefix::V6(_) => write!(f, "{}/{}", self.first_address(), self.prefix_len()),
        }
    }
}

impl fmt::Debug for AddressPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(address: &str) -> String {
        AddressPrefix::new(address.parse().unwrap()).to_string()
    }

    #[test]
    fn ipv6_addresses_of_one_64_are_one_subject() {
        assert_eq!(prefix("2001:db8::1"), "2001:db8::/64");
        assert_eq!(prefix("2001:db8::ffff:ffff:ffff:ffff"), "2001:db8::/64");
        assert_eq!(prefix("2001:db8:0:1::1"), "2001:db8:0:1::/64");
        assert_eq!(prefix("::1"), "::/64");
        let subject = |address: &str| Subject::from(address.parse::<IpAddr>().unwrap());
        assert_eq!(subject("2001:db8::1"), subject("2001:db8::2"));
        assert_ne!(subject("2001:db8::1"), subject("2001:db8:0:1::1"));
    }

    #[test]
    fn an_ipv4_address_is_the_same_subject_in_both_notations() {
        assert_eq!(prefix("192.0.2.1"), "192.0.2.1");
        assert_eq!(prefix("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(prefix("64:ff9b::192.0.2.1"), "192.0.2.1");
    }

    #[test]
    fn each_link_local_address_is_a_subject() {
        assert_eq!(prefix("fe80::1:2"), "fe80::1:2");
        let subject = |address: &str| Subject::from(address.parse::<IpAddr>().unwrap());
        assert_ne!(subject("fe80::1"), subject("fe80::2"));
    }

    #[test]
    fn a_prefix_is_read_from_an_address_or_from_its_own_text() {
        for (text, printed) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1/32", "192.0.2.1"),
            ("2001:db8:1:2::", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::/64", "2001:db8:1:2::/64"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("64:ff9b::c000:201", "192.0.2.1"),
            ("fe80::7", "fe80::7"),
            ("fe80::7/128", "fe80::7"),
            ("2002:c000:201:5::7", "2002:c000:201::/48"),
            ("2002:c000:201::/48", "2002:c000:201::/48"),
        ] {
            let prefix: AddressPrefix = text.parse().unwrap();
            assert_eq!(prefix.to_string(), printed);
            assert_eq!(printed.parse(), Ok(prefix));
            assert_eq!(AddressPrefix::new(prefix.first_address()), prefix);
        }
        for text in [
            "",
            "localhost",
            "192.0.2.0/24",
            "2001:db8::/48",
            "192.0.2.1/64",
            "fe80::/64",
            "2002:c000:201::/64",
            "1.2.3/",
        ] {
            assert_eq!(text.parse::<AddressPrefix>(), Err(AddressPrefixError), "{text}");
        }
    }

    #[test]
    fn subjects_of_different_kinds_have_different_texts() {
        let address = Subject::from("192.0.2.1".parse::<IpAddr>().unwrap());
        assert_eq!(address.to_string(), "a:192.0.2.1");
        assert_eq!(
            Subject::Id(*b"0123456789abcdef").to_string(),
            "i:30313233343536373839616263646566"
        );
        assert_eq!(Subject::Digest([10; 32]).to_string(), format!("d:{}", "0a".repeat(32)));
    }
}
