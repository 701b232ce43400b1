//! A list of networks reads back as it prints, and contains exactly the addresses with its prefixes.
#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use portcullis_domain::{NetworkList, canonical_address};

fuzz_target!(|input: (String, Vec<IpAddr>)| {
    let (text, addresses) = input;
    let Ok(list) = text.parse::<NetworkList>() else { return };
    let printed = list.to_string();
    assert_eq!(printed.parse::<NetworkList>().as_ref(), Ok(&list));
    let networks: Vec<String> = list.networks().collect();
    assert!(networks.len() <= NetworkList::MAX_NETWORKS);
    assert_eq!(networks.is_empty(), list.is_empty());
    assert_eq!(NetworkList::parse(networks.iter().map(String::as_str)).as_ref(), Ok(&list));
    let networks: Vec<_> = networks.iter().map(|network| prefix(network)).collect();
    let firsts = networks.iter().map(|(first, _)| *first);
    for address in addresses.into_iter().chain(firsts) {
        let expected = networks.iter().any(|(first, length)| is_within(address, *first, *length));
        assert_eq!(list.contains(address), expected, "{address} in {printed}");
    }
});

/// The first address and the length of the prefix of a printed network.
fn prefix(network: &str) -> (IpAddr, u32) {
    let (first, length) = network.split_once('/').expect("a network");
    (first.parse().expect("an address"), length.parse().expect("a length"))
}

/// Compares bit by bit.
fn is_within(address: IpAddr, first: IpAddr, length: u32) -> bool {
    let (address, first, bits) = match (canonical_address(address), first) {
        (IpAddr::V4(address), IpAddr::V4(first)) => {
            (u128::from(address.to_bits()), u128::from(first.to_bits()), 32)
        }
        (IpAddr::V6(address), IpAddr::V6(first)) => (address.to_bits(), first.to_bits(), 128),
        _ => return false,
    };
    let host = bits - length;
    host == 128 || address >> host == first >> host
}
