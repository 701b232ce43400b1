//! Client address: the peer, or the address that a chain of trusted proxies forwards.
//!
//! `X-Forwarded-For` is read only if the peer is a trusted proxy, from right to left, skipping
//! trusted hops; the first hop that is not an address ends the search. No other header counts.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::HeaderMap;
use ipnet::IpNet;

/// The client's address.
pub(crate) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    if !is_trusted(&peer) {
        return peer;
    }
    let lines: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .map(|value| value.to_str().unwrap_or("unreadable"))
        .collect();
    let mut client = peer;
    for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        let Some(address) = parse_hop(hop.trim()) else { break };
        client = address;
        if !is_trusted(&address) {
            break;
        }
    }
    client
}

/// An address, or an address with a port, with IPv6 in brackets when a port follows.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse::<IpAddr>().ok();
    let address = address.or_else(|| hop.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};
    use serde_json::Value;

    use super::*;

    const CASES: &str = include_str!("../tests/vectors/client_ip_cases.json");

    #[test]
    fn the_client_is_found_behind_trusted_proxies_only() {
        let file: Value = serde_json::from_str(CASES).unwrap();
        let cases = file["cases"].as_array().unwrap();
        assert_eq!(cases.len(), 16);
        for case in cases {
            let trusted: Vec<IpNet> =
                texts(&case["trusted_proxies"]).map(|network| network.parse().unwrap()).collect();
            let mut headers = HeaderMap::new();
            for line in texts(&case["x_forwarded_for"]) {
                append(&mut headers, "x-forwarded-for", line);
            }
            for (name, value) in case["other_headers"].as_object().into_iter().flatten() {
                append(&mut headers, name, value.as_str().unwrap());
            }
            let peer = case["peer"].as_str().unwrap().parse().unwrap();
            let client = client_address(peer, &headers, &trusted).to_string();
            assert_eq!(client, case["expect_client_ip"].as_str().unwrap(), "{}", case["id"]);
        }
    }

    #[test]
    fn a_hop_that_cannot_be_read_ends_the_walk() {
        let mut headers = HeaderMap::new();
        append(&mut headers, "x-forwarded-for", "198.51.100.1");
        let name = HeaderName::from_static("x-forwarded-for");
        headers.append(name, HeaderValue::from_bytes(b"198.51.100.\xff").unwrap());
        let (peer, trusted) = (IpAddr::from([10, 0, 0, 5]), ["10.0.0.0/8".parse().unwrap()]);
        assert_eq!(client_address(peer, &headers, &trusted), peer);
    }

    fn texts(list: &Value) -> impl Iterator<Item = &str> {
        list.as_array().unwrap().iter().map(|text| text.as_str().unwrap())
    }

    fn append(headers: &mut HeaderMap, name: &str, value: &str) {
        let name: HeaderName = name.to_ascii_lowercase().parse().unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
}
