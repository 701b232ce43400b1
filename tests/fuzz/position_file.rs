//! Any bytes are a position file or are refused, and every position is on the globe.
#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use portcullis_flows::sign_in::risk::{PositionSource, Positions};

fuzz_target!(|bytes: &[u8]| {
    let Ok(positions) = Positions::parse(bytes.to_vec()) else { return };
    let head: [u8; 16] = std::array::from_fn(|place| bytes.get(place).copied().unwrap_or_default());
    let [a, b, c, d, ..] = head;
    for address in [
        IpAddr::from(head),
        IpAddr::from([a, b, c, d]),
        IpAddr::from([0; 4]),
        IpAddr::from([u8::MAX; 4]),
        IpAddr::from([0; 16]),
        IpAddr::from([u8::MAX; 16]),
    ] {
        if let Some(position) = positions.position(address) {
            assert!(position.latitude.abs() <= 90.0 && position.longitude.abs() <= 180.0);
        }
    }
});
