//! A header of the PROXY protocol gives the address that stands in it, or an error, and never a panic.
#![no_main]

use std::net::{Ipv4Addr, SocketAddr};

use libfuzzer_sys::fuzz_target;
use portcullis_web::proxied_client;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fuzz_target!(|input: (Vec<u8>, [u8; 4], u16, Vec<u8>)| {
    let (bytes, client, port, more) = input;
    let _ = proxied_client(&bytes);
    // Behind the signature, the bytes reach the rest of the parser.
    let _ = proxied_client(&[SIGNATURE, bytes.as_slice()].concat());

    let addresses = [client.as_slice(), &[0; 4], &port.to_be_bytes(), &[0; 2], &more].concat();
    let Ok(length) = u16::try_from(addresses.len()) else { return };
    let head = [SIGNATURE, &[0x21, 0x11], &length.to_be_bytes()].concat();
    let found = proxied_client(&[head.as_slice(), &addresses].concat());
    if addresses.len() <= 2 * 1024 {
        let expected = SocketAddr::from((Ipv4Addr::from(client), port));
        assert_eq!(found, Ok(Some(expected)));
    } else {
        assert!(found.is_err());
    }
});
