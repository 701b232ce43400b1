//! Questions to the server of this configuration that runs on this machine: over plain HTTP, by its operations
//! listener.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::config::LoadedConfig;
use crate::failure::Failure;

/// The maximum time for the connection, and for each part of the answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum length of an answer.
const MAX_ANSWER: u64 = 1024 * 1024;

const REMEDY: &str = "start the server, or name its configuration with --config";

/// The answer of a server.
pub(crate) struct ServerAnswer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// The listener that a question is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listener {
    /// The operations listener.
    Operations,
    /// The public listener too, if it speaks plain HTTP and there is no operations listener.
    Any,
}

/// Sends a GET to the server. Only the addresses of the configuration must be valid.
pub(crate) fn get(
    loaded: &LoadedConfig,
    listener: Listener,
    path: &str,
) -> Result<ServerAnswer, Failure> {
    let address = local(address(loaded, listener)?);
    ask(address, path).map_err(|error| {
        Failure::failed(format!("no server answers at http://{address}: {error}"), REMEDY)
    })
}

/// True if the listener answers that the process is alive.
pub(crate) fn is_live(listener: SocketAddr) -> bool {
    ask(local(listener), "/health/live").is_ok_and(|answer| answer.status == 200)
}

fn address(loaded: &LoadedConfig, listener: Listener) -> Result<SocketAddr, Failure> {
    let server = &loaded.needing(&["server", "environment"])?.server;
    let public = (listener == Listener::Any && server.tls.is_none()).then_some(server.address);
    let address = server.operations_address.or(public).ok_or_else(|| {
        let problem = "server.operations_address is off, and there is no other listener to ask";
        Failure::failed(problem, "set it to a loopback address, such as 127.0.0.1:9080")
    })?;
    if address.port() == 0 {
        let problem = "the port of the server is 0, which is another one at each start";
        return Err(Failure::failed(problem, "configure a port"));
    }
    Ok(address)
}

/// The address on this machine of a listener that is bound to all addresses.
fn local(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

fn ask(address: SocketAddr, path: &str) -> io::Result<ServerAnswer> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
    )?;
    let mut text = String::new();
    stream.take(MAX_ANSWER).read_to_string(&mut text)?;
    parse(&text).ok_or_else(|| io::Error::other("the answer is not that of a server"))
}

/// Reads an answer whose body is not divided into chunks.
fn parse(text: &str) -> Option<ServerAnswer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some(ServerAnswer { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_all_addresses_is_asked_on_this_machine() {
        for (bound, asked) in [
            ("0.0.0.0:9080", "127.0.0.1:9080"),
            ("[::]:9080", "[::1]:9080"),
            ("192.0.2.7:9080", "192.0.2.7:9080"),
        ] {
            assert_eq!(local(bound.parse().unwrap()).to_string(), asked);
        }
    }

    #[test]
    fn an_answer_is_read_and_another_protocol_refused() {
        let answer = parse("HTTP/1.1 503 Service Unavailable\r\na: b\r\n\r\n{}").unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (503, "{}"));
        for text in ["", "HTTP/1.1 200 OK\r\n", "SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 2\r\n\r\n"] {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
