//! Whatever a client writes in front of the hops of trusted proxies changes nothing.
#![no_main]

use std::net::IpAddr;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use portcullis_web::{ForwardingHeader, client_address};

const PROXY: &str = "10.0.0.1";

fuzz_target!(|input: (bool, Vec<Vec<u8>>, [u8; 4])| {
    let (is_forwarded, written, client) = input;
    let (header, name) = match is_forwarded {
        true => (ForwardingHeader::Forwarded, HeaderName::from_static("forwarded")),
        false => (ForwardingHeader::XForwardedFor, HeaderName::from_static("x-forwarded-for")),
    };
    let trusted = ["10.0.0.0/8".parse().expect("a network")];
    let proxy: IpAddr = PROXY.parse().expect("an address");
    let client = IpAddr::from(client);
    let mut headers = HeaderMap::new();
    for line in written.iter().filter_map(|line| HeaderValue::from_bytes(line).ok()) {
        headers.append(name.clone(), line);
    }
    // Alone, it is read without a panic, and it gives some address.
    let _ = client_address(proxy, &headers, &trusted, header);
    assert_eq!(client_address(client, &HeaderMap::new(), &trusted, header), client);

    // The proxy appends the client, to the last line or as another one.
    let hop = if is_forwarded { format!("for={client};by={PROXY}") } else { client.to_string() };
    if !trusted[0].contains(&client) {
        headers.append(name.clone(), HeaderValue::from_str(&hop).expect("a field value"));
        assert_eq!(client_address(proxy, &headers, &trusted, header), client);
        assert_eq!(client_address(client, &headers, &trusted, header), client);
        let joined = [written.join(&b", "[..]), hop.into_bytes()].join(&b", "[..]);
        if let Ok(joined) = HeaderValue::from_bytes(&joined) {
            headers.insert(name, joined);
            assert_eq!(client_address(proxy, &headers, &trusted, header), client);
        }
    }
});
