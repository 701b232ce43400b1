//! Any bytes are a list of bad addresses or a fault with its line, and a list has each of its entries.
#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use portcullis_flows::sign_in::risk::BadAddresses;

fuzz_target!(|bytes: &[u8]| {
    match BadAddresses::parse(bytes) {
        Ok(list) => {
            let text = std::str::from_utf8(bytes).expect("a list is text");
            assert!(list.ranges() <= text.lines().count());
            for line in text.strip_prefix('\u{feff}').unwrap_or(text).lines() {
                let entry = line.split(['#', ';']).next().unwrap_or_default().trim();
                if let Ok(address) = entry.parse::<IpAddr>() {
                    assert!(list.contains(address));
                }
            }
        }
        Err(fault) => {
            let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
            let text = fault.to_string();
            let line = text.strip_prefix("line ").and_then(|rest| rest.split_once(':'));
            let line: usize = line.expect("the line").0.parse().expect("a number");
            assert!((1..=lines).contains(&line));
        }
    }
});
