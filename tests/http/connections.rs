//! Open connections: a client address has so many, and a further one is closed at once.

use std::io::{Read, Write};
use std::net::TcpStream;

use portcullis_testkit::{TestDatabase, TestServer, TestSettings};
use portcullis_web::ConnectionLimits;

/// Sends a request and returns the first bytes of the response; empty if the connection is closed.
fn exchange(stream: &mut TcpStream) -> Vec<u8> {
    let request = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut bytes = vec![0; 1024];
    let read = stream.write_all(request).and_then(|()| stream.read(&mut bytes));
    bytes.truncate(read.unwrap_or(0));
    bytes
}

#[test]
fn a_connection_beyond_the_limit_of_its_address_is_closed_at_once() {
    let connections = ConnectionLimits { total: 100, per_address: 3, exempt_networks: Vec::new() };
    let settings = TestSettings { connections, ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let address = server.origin().strip_prefix("http://").expect("a plain origin").to_owned();
    let connect = || TcpStream::connect(&address).expect("the listener accepts");
    let mut held = [connect(), connect(), connect()];
    for stream in &mut held {
        assert!(exchange(stream).starts_with(b"HTTP/1.1 200 "));
    }
    assert_eq!(exchange(&mut connect()), b"");
    for stream in &mut held {
        assert!(exchange(stream).starts_with(b"HTTP/1.1 200 "), "the admitted ones go on");
    }
    drop(held);
    // The server learns of the end of a connection a moment later.
    let again = (0..10_000).any(|_| exchange(&mut connect()).starts_with(b"HTTP/1.1 200 "));
    assert!(again);
    let metrics = server.metrics();
    assert!(metrics.contains("\nportcullis_connections "), "{metrics}");
    assert!(!metrics.contains("portcullis_connections_refused_total 0\n"), "{metrics}");
}
