//! Client address: the peer, or the address that a chain of trusted proxies forwards.
//!
//! The configured header is read only if the peer is a trusted proxy, from right to left, skipping
//! trusted hops; the first hop that is not an address ends the search. No other header counts: a
//! proxy that sets one of them passes the others on as the client wrote them.

mod forwarded;
mod hop;

use std::net::IpAddr;

use actix_web::http::header::{HeaderMap, HeaderValue};
use ipnet::IpNet;
use portcullis_domain::canonical_address;

use self::hop::parse_hop;
use crate::text::trim_blanks;

/// The header in which the trusted proxies forward the client address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardingHeader {
    /// `X-Forwarded-For`: a list of addresses.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239): a list of elements with `for=`.
    Forwarded,
}

/// The owner of a client address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum AddressOwner {
    /// One client.
    #[default]
    Client,
    /// A service of the deployment, in a network without limits for each address.
    OwnService,
    /// A trusted proxy. As a client address it means that the proxy has forwarded no readable one.
    Proxy,
}

impl AddressOwner {
    pub(crate) fn stands_for_many(self) -> bool {
        self != Self::Client
    }
}

/// The address of the client whose request came from this peer.
pub fn client_address(
    peer: IpAddr,
    headers: &HeaderMap,
    trusted: &[IpNet],
    header: ForwardingHeader,
) -> IpAddr {
    let peer = canonical_address(peer);
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    if !is_trusted(&peer) {
        return peer;
    }
    let mut client = peer;
    for hop in header.hops(headers) {
        let Some(address) = hop else { break };
        client = address;
        if !is_trusted(&address) {
            break;
        }
    }
    client
}

impl ForwardingHeader {
    /// The hops of all lines, from right to left; `None` for one that is not an address. The parts
    /// are separated before they are read: the text of the client, further left, cannot hide the
    /// hop that a proxy has appended.
    fn hops(self, headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
        let name = match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        };
        let lines: Vec<&[u8]> = headers.get_all(name).map(HeaderValue::as_bytes).collect();
        let parts = lines.into_iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b','));
        parts.map(move |part| self.hop(trim_blanks(str::from_utf8(part).ok()?)))
    }

    fn hop(self, part: &str) -> Option<IpAddr> {
        match self {
            Self::XForwardedFor => parse_hop(part),
            Self::Forwarded => forwarded::hop(part),
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderName;
    use portcullis_rate_limit::AddressPrefix;
    use serde_json::Value;

    use super::*;

    const HEADER: ForwardingHeader = ForwardingHeader::XForwardedFor;

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
            let client = client_address(peer, &headers, &trusted, HEADER);
            assert_eq!(client.to_string(), case["expect_client_ip"], "{}", case["id"]);
            let prefix = AddressPrefix::new(client).to_string();
            assert_eq!(prefix, case["expect_rate_key"], "{}", case["id"]);
        }
    }

    #[test]
    fn a_hop_that_cannot_be_read_ends_the_walk() {
        let mut headers = HeaderMap::new();
        append(&mut headers, "x-forwarded-for", "198.51.100.1");
        let name = HeaderName::from_static("x-forwarded-for");
        headers.append(name, HeaderValue::from_bytes(b"198.51.100.\xff").unwrap());
        let (peer, trusted) = (IpAddr::from([10, 0, 0, 5]), ["10.0.0.0/8".parse().unwrap()]);
        assert_eq!(client_address(peer, &headers, &trusted, HEADER), peer);
    }

    #[test]
    fn only_the_configured_header_counts() {
        let mut headers = HeaderMap::new();
        append(&mut headers, "x-forwarded-for", "198.51.100.1");
        append(&mut headers, "forwarded", "for=203.0.113.9, for=\"198.51.100.2:80\", for=10.0.0.6");
        let (peer, trusted) = (IpAddr::from([10, 0, 0, 5]), ["10.0.0.0/8".parse().unwrap()]);
        let client = |header| client_address(peer, &headers, &trusted, header).to_string();
        assert_eq!(client(ForwardingHeader::XForwardedFor), "198.51.100.1");
        assert_eq!(client(ForwardingHeader::Forwarded), "198.51.100.2");
    }

    #[test]
    fn nothing_that_the_client_writes_hides_the_hop_of_the_proxy() {
        let (peer, trusted) = (IpAddr::from([10, 0, 0, 5]), ["10.0.0.0/8".parse().unwrap()]);
        let cases: [(ForwardingHeader, &str, &[&[u8]]); 2] = [
            (
                ForwardingHeader::XForwardedFor,
                ", 198.51.100.1",
                &[b"\xa0", "é".as_bytes(), b"", b"\"x"],
            ),
            (
                ForwardingHeader::Forwarded,
                ", for=198.51.100.1",
                &[
                    b"for=\"x",
                    b"for=1.1.1.1;for=2.2.2.2",
                    b"",
                    b"\xff",
                    b"for=\"x\\",
                    b"for=1.1.1.1;",
                ],
            ),
        ];
        for (header, appended, texts) in cases {
            let name = match header {
                ForwardingHeader::XForwardedFor => "x-forwarded-for",
                ForwardingHeader::Forwarded => "forwarded",
            };
            for text in texts {
                let line = [text, appended.as_bytes()].concat();
                let mut headers = HeaderMap::new();
                let name = HeaderName::from_static(name);
                headers.append(name, HeaderValue::from_bytes(&line).unwrap());
                let client = client_address(peer, &headers, &trusted, header);
                assert_eq!(client.to_string(), "198.51.100.1", "{line:?}");
            }
        }
    }

    fn texts(list: &Value) -> impl Iterator<Item = &str> {
        list.as_array().unwrap().iter().map(|text| text.as_str().unwrap())
    }

    fn append(headers: &mut HeaderMap, name: &str, value: &str) {
        let name: HeaderName = name.to_ascii_lowercase().parse().unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
}
