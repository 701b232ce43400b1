//! Bad addresses: the list of addresses and networks that an operator takes from a file.

use std::net::IpAddr;

use ipnet::IpNet;
use portcullis_domain::{NetworkListError, canonical_address, parse_network};

/// Addresses and networks with a bad reputation, as sorted ranges: a look-up is a binary search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BadAddresses {
    /// The first and the last address of each range; ranges neither overlap nor touch.
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

/// The reason why a file is no list of addresses. Lines count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadAddressesError {
    /// There are more bytes than [`BadAddresses::MAX_BYTES`].
    #[error("the list of bad addresses is larger than 64 MiB")]
    TooLarge,
    /// There are more entries than [`BadAddresses::MAX_ENTRIES`].
    #[error("line {line}: the list of bad addresses has more than 1,000,000 entries")]
    TooManyEntries {
        /// The line of the first entry that is too much.
        line: usize,
    },
    /// A line is no text in UTF-8.
    #[error("line {line}: must be text in UTF-8")]
    NoText {
        /// The line.
        line: usize,
    },
    /// A line is neither an address nor a network.
    #[error("line {line}: {reason}")]
    Entry {
        /// The line.
        line: usize,
        /// The rule that it breaks.
        reason: NetworkListError,
    },
}

impl BadAddresses {
    /// The maximum size of a file, in bytes.
    pub const MAX_BYTES: usize = 64 * 1024 * 1024;

    /// The maximum number of entries. They take 32 MB at most.
    pub const MAX_ENTRIES: usize = 1_000_000;

    /// Parses the content of a file: an address or a network on each line. `#` or `;` begins a comment. A byte
    /// order mark at the start of the file, which some editors write, is skipped.
    ///
    /// # Errors
    ///
    /// The first fault, with its line.
    pub fn parse(content: &[u8]) -> Result<Self, BadAddressesError> {
        Self::parse_up_to(Self::MAX_BYTES, Self::MAX_ENTRIES, content)
    }

    fn parse_up_to(
        max_bytes: usize,
        max_entries: usize,
        content: &[u8],
    ) -> Result<Self, BadAddressesError> {
        if content.len() > max_bytes {
            return Err(BadAddressesError::TooLarge);
        }
        let content = content.strip_prefix(BYTE_ORDER_MARK).unwrap_or(content);
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (place, bytes) in content.split(|byte| *byte == b'\n').enumerate() {
            let line = place.saturating_add(1);
            let text = str::from_utf8(bytes).map_err(|_| BadAddressesError::NoText { line })?;
            let entry = text.split(['#', ';']).next().unwrap_or_default().trim();
            if entry.is_empty() {
                continue;
            }
            if v4.len().saturating_add(v6.len()) == max_entries {
                return Err(BadAddressesError::TooManyEntries { line });
            }
            let network =
                parse_network(entry).map_err(|reason| BadAddressesError::Entry { line, reason })?;
            match network {
                IpNet::V4(net) => v4.push((net.network().to_bits(), net.broadcast().to_bits())),
                IpNet::V6(net) => v6.push((net.network().to_bits(), net.broadcast().to_bits())),
            }
        }
        let v4 = disjoint(v4, |last| last.checked_add(1));
        Ok(Self { v4, v6: disjoint(v6, |last| last.checked_add(1)) })
    }

    /// Returns whether the address is listed.
    pub fn contains(&self, address: IpAddr) -> bool {
        match canonical_address(address) {
            IpAddr::V4(v4) => is_in(&self.v4, v4.to_bits()),
            IpAddr::V6(v6) => is_in(&self.v6, v6.to_bits()),
        }
    }

    /// The number of ranges that the list has after overlapping and adjacent ones are joined.
    pub const fn ranges(&self) -> usize {
        self.v4.len().saturating_add(self.v6.len())
    }
}

/// The encoding signature of UTF-8 (RFC 3629 section 6).
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Sorts the ranges, and joins those that overlap or touch.
fn disjoint<N: Ord + Copy>(mut ranges: Vec<(N, N)>, next: impl Fn(N) -> Option<N>) -> Vec<(N, N)> {
    ranges.sort_unstable();
    let mut joined: Vec<(N, N)> = Vec::new();
    for (first, last) in ranges {
        match joined.last_mut() {
            Some((_, end)) if next(*end).is_none_or(|next| first <= next) => *end = last.max(*end),
            _ => joined.push((first, last)),
        }
    }
    joined.shrink_to_fit();
    joined
}

fn is_in<N: Ord + Copy>(ranges: &[(N, N)], address: N) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= address);
    let range = after.checked_sub(1).and_then(|place| ranges.get(place));
    range.is_some_and(|(_, last)| address <= *last)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    fn list(text: &str) -> BadAddresses {
        BadAddresses::parse(text.as_bytes()).unwrap()
    }

    fn has(list: &BadAddresses, address: &str) -> bool {
        list.contains(address.parse().unwrap())
    }

    #[test]
    fn comments_and_blank_lines_are_no_entries() {
        let list =
            list("# a list\r\n\r\n192.0.2.0/25 # half\n  2001:db8::/32 ; SBL1\n;\n198.51.100.7");
        for address in ["192.0.2.0", "::ffff:192.0.2.127", "64:ff9b::192.0.2.1", "2001:db8:ffff::1"]
        {
            assert!(has(&list, address), "{address}");
        }
        for address in ["192.0.1.255", "192.0.2.128", "2001:db9::", "198.51.100.6", "198.51.100.8"]
        {
            assert!(!has(&list, address), "{address}");
        }
        assert!(has(&list, "198.51.100.7"));
        assert_eq!(list.ranges(), 3);
    }

    #[test]
    fn overlapping_and_adjacent_networks_become_one_range() {
        let joined = list("192.0.2.128/25\n192.0.2.0/25\n192.0.2.64/26\n192.0.2.9");
        assert_eq!(joined.ranges(), 1);
        assert_eq!(list("192.0.2.0\n192.0.2.2").ranges(), 2);
        assert_eq!(list("0.0.0.0/0\n255.255.255.255\n::/0\n::1").ranges(), 2);
        assert!(has(&list("::/0\n0.0.0.0/0"), "255.255.255.255"));
        assert_eq!(list("::ffff:192.0.2.0/120\n192.0.2.0/24").ranges(), 1);
    }

    #[test]
    fn a_byte_order_mark_is_skipped_at_the_start_of_the_file_only() {
        for text in ["\u{feff}192.0.2.1\n198.51.100.7", "\u{feff}# a list\r\n192.0.2.1\r\n"] {
            assert!(has(&list(text), "192.0.2.1"), "{text:?}");
        }
        assert_eq!(list("\u{feff}"), BadAddresses::default());
        for (text, line) in [("192.0.2.1\n\u{feff}::1", 2), ("\u{feff}\u{feff}::1", 1)] {
            let reason = NetworkListError::Malformed;
            let fault = BadAddressesError::Entry { line, reason };
            assert_eq!(BadAddresses::parse(text.as_bytes()), Err(fault), "{text:?}");
        }
    }

    #[test]
    fn an_error_names_the_line() {
        let fault = |text: &[u8]| BadAddresses::parse(text).unwrap_err().to_string();
        assert!(
            fault(b"192.0.2.1\n\nhost.example").starts_with("line 3: must be networks such as")
        );
        assert!(fault(b"192.0.2.1/24").starts_with("line 1: must be networks without bits"));
        assert_eq!(fault(b"#\n\xff"), "line 2: must be text in UTF-8");
    }

    #[test]
    fn bytes_and_entries_are_bounded() {
        let parse = |text: &str| BadAddresses::parse_up_to(30, 2, text.as_bytes());
        let text = "192.0.2.0\n# two\n198.51.100.0\n#";
        assert_eq!(text.len(), 30);
        assert_eq!(parse(text).unwrap().ranges(), 2);
        assert_eq!(parse(&format!("{text} ")), Err(BadAddressesError::TooLarge));
        let error = BadAddressesError::TooManyEntries { line: 4 };
        assert_eq!(parse("::1\n::3\n\n192.0.2.1"), Err(error));
        assert_eq!((BadAddresses::MAX_BYTES, BadAddresses::MAX_ENTRIES), (67_108_864, 1_000_000));
        let large = vec![b'#'; BadAddresses::MAX_BYTES + 1];
        assert_eq!(BadAddresses::parse(&large), Err(BadAddressesError::TooLarge));
    }

    proptest! {
        #[test]
        fn a_look_up_finds_what_a_linear_search_finds(
            networks in prop::collection::vec((0..64_u32, 26..=32_u8), 0..12),
            address in 0..80_u32,
        ) {
            let nets: Vec<IpNet> = networks
                .iter()
                .map(|(bits, length)| {
                    IpNet::new(Ipv4Addr::from_bits(*bits).into(), *length).unwrap().trunc()
                })
                .collect();
            let text: Vec<String> = nets.iter().map(ToString::to_string).collect();
            let address = IpAddr::from(Ipv4Addr::from_bits(address));
            let expected = nets.iter().any(|net| net.contains(&address));
            prop_assert_eq!(list(&text.join("\n")).contains(address), expected);
        }

        #[test]
        fn any_bytes_are_a_list_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = BadAddresses::parse(&bytes);
        }
    }
}
