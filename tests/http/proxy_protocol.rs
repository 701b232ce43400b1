//! The PROXY protocol: a trusted proxy tells the client before the first byte of the connection.

use std::io::{Read, Write};
use std::net::{IpAddr, TcpStream};

use portcullis_testkit::{TestDatabase, TestServer, TestSettings};
use portcullis_web::ConnectionLimits;

use crate::wire;

fn server(trusted: &str) -> TestServer {
    let settings = TestSettings {
        trusted_proxies: vec![trusted.to_owned()],
        proxy_protocol: true,
        connections: ConnectionLimits { total: 100, per_address: 2, exempt_networks: Vec::new() },
        ..TestSettings::default()
    };
    TestServer::with(TestDatabase::sqlite(), settings)
}

/// A header with this command and this client.
pub(crate) fn header(command: u8, client: &str) -> Vec<u8> {
    let (family, client) = match client.parse().expect("an address") {
        IpAddr::V4(client) => (0x11, client.octets().to_vec()),
        IpAddr::V6(client) => (0x21, client.octets().to_vec()),
    };
    let addresses = [client.clone(), client, vec![0x30, 0x39, 0x01, 0xbb]].concat();
    let length = u16::try_from(addresses.len()).expect("short").to_be_bytes();
    let signature = b"\r\n\r\n\0\r\nQUIT\n";
    [signature.as_slice(), &[command, family], &length, &addresses].concat()
}

fn connect(server: &TestServer) -> TcpStream {
    let address = server.origin().strip_prefix("http://").expect("HTTP");
    TcpStream::connect(address).expect("the server listens")
}

/// Sends these bytes and reads until the server closes the connection.
fn exchange(server: &TestServer, bytes: &[u8]) -> String {
    let mut stream = connect(server);
    let mut answer = Vec::new();
    // The server may have closed the connection already.
    let read = stream.write_all(bytes).and_then(|()| stream.read_to_end(&mut answer));
    drop(read);
    String::from_utf8(answer).expect("the server answers in UTF-8")
}

const SIGN_IN: &str = "POST /api/auth/login/json HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
    x-forwarded-for: 203.0.113.9\r\ncontent-type: application/json\r\ncontent-length: 35\r\n\r\n\
    {\"username\":\"ada\",\"password\":\"x y\"}";

/// True if the audit log has an event of this client.
fn is_recorded(server: &TestServer, client: &str) -> bool {
    let events = format!("SELECT address FROM security_events WHERE address = '{client}'");
    !server.database().store().texts(&events).expect("the database answers").is_empty()
}

#[test]
fn the_header_names_the_client_and_forwarding_headers_of_that_client_do_not() {
    let server = server("127.0.0.1/32");
    for client in ["192.0.2.7", "2001:db8::7"] {
        let bytes = [header(0x21, client), SIGN_IN.into()].concat();
        let answer = wire::parse(&exchange(&server, &bytes));
        assert_eq!(answer.status, 401, "{answer:?}");
        assert!(is_recorded(&server, client), "{client}");
    }
    assert!(!is_recorded(&server, "203.0.113.9"));
    // The proxy itself, which is trusted, forwards an address in its request.
    let bytes = [header(0x20, "192.0.2.7"), SIGN_IN.into()].concat();
    assert_eq!(wire::parse(&exchange(&server, &bytes)).status, 401);
    assert!(is_recorded(&server, "203.0.113.9"));
}

#[test]
fn a_connection_of_a_proxy_without_a_valid_header_is_closed_unanswered() {
    let server = server("127.0.0.1/32");
    let version_1 = "PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n".as_bytes();
    let udp =
        [&header(0x21, "192.0.2.7")[..13], &[0x12], &header(0x21, "192.0.2.7")[14..]].concat();
    for bytes in [b"".as_slice(), version_1, &header(0x22, "192.0.2.7"), &udp] {
        assert_eq!(exchange(&server, &[bytes, SIGN_IN.as_bytes()].concat()), "", "{bytes:?}");
    }
    let mut silent = connect(&server);
    silent.write_all(&header(0x21, "192.0.2.7")[..20]).expect("the server reads");
    assert_eq!(silent.read(&mut [0; 1]).unwrap_or(0), 0, "closed after its time");
}

#[test]
fn an_untrusted_peer_cannot_name_another_client() {
    let server = server("10.0.0.0/8");
    let answer = exchange(&server, &[header(0x21, "192.0.2.7"), SIGN_IN.into()].concat());
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer:?}");
    assert_eq!(wire::parse(&exchange(&server, SIGN_IN.as_bytes())).status, 401);
    assert!(!is_recorded(&server, "192.0.2.7"));
}

#[test]
fn the_connections_of_a_client_are_limited_behind_the_proxy_too() {
    let server = server("127.0.0.1/32");
    let live = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";
    let open = |client: &str| {
        let mut stream = connect(&server);
        let sent = stream.write_all(&[header(0x21, client).as_slice(), live].concat());
        let read = sent.and_then(|()| stream.read(&mut [0; 1024])).unwrap_or(0);
        (read > 0).then_some(stream)
    };
    let held = [open("192.0.2.7").expect("admitted"), open("192.0.2.7").expect("admitted")];
    assert!(open("192.0.2.7").is_none());
    assert!(open("192.0.2.8").is_some());
    drop(held);
}
