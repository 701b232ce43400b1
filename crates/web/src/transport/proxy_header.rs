//! The header of the PROXY protocol, version 2: a proxy that passes bytes on without reading them tells
//! with it from which client a connection comes.
//!
//! Only trusted proxies may send it, and then each of their connections must begin with it. The text
//! form of version 1 is refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use actix_web::rt::net::TcpStream;
use portcullis_domain::canonical_address;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::bounds::HEAD_TIMEOUT;

/// A header that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyHeaderError {
    /// The connection does not begin with a header of version 2.
    #[error("no header of version 2")]
    Missing,
    /// The header is longer than 2 KiB.
    #[error("the header is too long")]
    TooLong,
    /// The header has an unknown command or family, or ends too early.
    #[error("the header is invalid")]
    Invalid,
    /// The connection ended, or the header did not come within 5 s.
    #[error("the header did not come")]
    Incomplete,
}

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// The bytes before the addresses: signature, version and command, family, length.
const PREFIX: usize = 16;

/// The maximum of addresses and further fields, in bytes.
const MAX_REST: usize = 2 * 1024;

/// Reads the header of a connection; see [`proxied_client`].
pub(super) async fn read(stream: &mut TcpStream) -> Result<Option<SocketAddr>, ProxyHeaderError> {
    let header = async {
        let mut prefix = [0; PREFIX];
        let read = stream.read_exact(&mut prefix).await;
        read.map_err(|_| ProxyHeaderError::Incomplete)?;
        let mut rest = vec![0; rest_length(&prefix)?];
        let read = stream.read_exact(&mut rest).await;
        read.map_err(|_| ProxyHeaderError::Incomplete)?;
        client(&prefix, &rest)
    };
    timeout(HEAD_TIMEOUT, header).await.unwrap_or(Err(ProxyHeaderError::Incomplete))
}

/// The client that a whole header names; `None` if the proxy speaks for itself, or for a client without
/// an IP address.
///
/// # Errors
///
/// If the bytes are not exactly one header.
pub fn proxied_client(header: &[u8]) -> Result<Option<SocketAddr>, ProxyHeaderError> {
    let (prefix, rest) = header.split_first_chunk().ok_or(ProxyHeaderError::Incomplete)?;
    if rest_length(prefix)? != rest.len() {
        return Err(ProxyHeaderError::Incomplete);
    }
    client(prefix, rest)
}

/// The number of bytes after the prefix.
fn rest_length(prefix: &[u8; PREFIX]) -> Result<usize, ProxyHeaderError> {
    let Some([version, _, high, low]) = prefix.strip_prefix(SIGNATURE) else {
        return Err(ProxyHeaderError::Missing);
    };
    if version >> 4 != 2 {
        return Err(ProxyHeaderError::Missing);
    }
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    if length > MAX_REST { Err(ProxyHeaderError::TooLong) } else { Ok(length) }
}

/// The client. What follows the addresses says more about the connection, and is ignored.
fn client(prefix: &[u8; PREFIX], rest: &[u8]) -> Result<Option<SocketAddr>, ProxyHeaderError> {
    let [.., command, family, _, _] = prefix;
    match (command & 0xf, family) {
        // The proxy itself, such as a check of health; or no family, or local sockets.
        (0, _) | (1, 0x00 | 0x31) => Ok(None),
        (1, 0x11) => {
            let (source, ports) = addresses::<4>(rest)?;
            Ok(Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::from(source)), ports)))
        }
        (1, 0x21) => {
            let (source, ports) = addresses::<16>(rest)?;
            let client = canonical_address(IpAddr::V6(Ipv6Addr::from(source)));
            Ok(Some(SocketAddr::new(client, ports)))
        }
        _ => Err(ProxyHeaderError::Invalid),
    }
}

/// Address and port of the source; those of the destination must be there too.
fn addresses<const N: usize>(rest: &[u8]) -> Result<([u8; N], u16), ProxyHeaderError> {
    let parts = || {
        let (source, rest) = rest.split_first_chunk::<N>()?;
        let (_destination, rest) = rest.split_first_chunk::<N>()?;
        let (port, rest) = rest.split_first_chunk()?;
        let (_port, _) = rest.split_first_chunk::<2>()?;
        Some((*source, u16::from_be_bytes(*port)))
    };
    parts().ok_or(ProxyHeaderError::Invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [SIGNATURE.as_slice(), &[command, family], &length, rest].concat()
    }

    const IPV4: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 1, 0x30, 0x39, 0x01, 0xbb];

    #[test]
    fn the_client_is_the_source_of_the_header() {
        let client = |header: &[u8]| proxied_client(header).unwrap().map(|it| it.to_string());
        assert_eq!(client(&header(0x21, 0x11, &IPV4)).as_deref(), Some("192.0.2.1:12345"));
        let with_more = [IPV4.as_slice(), &[0x04, 0, 1, 0], &[0xee; 40]].concat();
        assert_eq!(client(&header(0x21, 0x11, &with_more)).as_deref(), Some("192.0.2.1:12345"));
        let source: Ipv6Addr = "2001:db8::1".parse().unwrap();
        let ipv6 = [source.octets().as_slice(), &[0; 16], &[0, 80, 0, 80]].concat();
        assert_eq!(client(&header(0x21, 0x21, &ipv6)).as_deref(), Some("[2001:db8::1]:80"));
        let mapped = Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped();
        let mapped = [mapped.octets().as_slice(), &[0; 16], &[0, 80, 0, 80]].concat();
        assert_eq!(client(&header(0x21, 0x21, &mapped)).as_deref(), Some("192.0.2.1:80"));
        for (command, family) in [(0x20, 0x00), (0x20, 0x11), (0x21, 0x00), (0x21, 0x31)] {
            assert_eq!(client(&header(command, family, &[])), None);
        }
    }

    #[test]
    fn every_other_header_is_refused() {
        use ProxyHeaderError::{Incomplete, Invalid, Missing, TooLong};
        for (header, error) in [
            (header(0x11, 0x11, &IPV4), Missing),
            (header(0x01, 0x11, &IPV4), Missing),
            (b"PROXY TCP4 192.0.2.1 198.51.100.1 1 2\r\n".to_vec(), Missing),
            (b"GET /api/auth/me HTTP/1.1\r\n\r\n".to_vec(), Missing),
            (header(0x22, 0x11, &IPV4), Invalid),
            (header(0x21, 0x12, &IPV4), Invalid),
            (header(0x21, 0x13, &IPV4), Invalid),
            (header(0x21, 0x11, &IPV4[..11]), Invalid),
            (header(0x21, 0x21, &IPV4), Invalid),
            (header(0x21, 0x11, &[0; MAX_REST + 1]), TooLong),
            (SIGNATURE.to_vec(), Incomplete),
            ([header(0x21, 0x11, &IPV4).as_slice(), b"x"].concat(), Incomplete),
        ] {
            assert_eq!(proxied_client(&header), Err(error), "{header:?}");
        }
    }

    #[test]
    fn no_header_of_any_length_panics() {
        for command in 0..=0xff {
            for family in [0x00, 0x11, 0x21, 0x31, 0xff] {
                for length in 0..64 {
                    let rest = vec![0xff; length];
                    let whole = header(command, family, &rest);
                    let _ = proxied_client(&whole);
                    let _ = proxied_client(&whole[..whole.len().saturating_sub(1)]);
                }
            }
        }
    }
}
