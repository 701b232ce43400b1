//! Transport limits of a connection: timeouts and sizes.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use portcullis_testkit::{TestDatabase, TestServer};

/// The timeout of the tests, longer than any limit tested here.
const TIMEOUT: Duration = Duration::from_secs(60);

const GET: &str = "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";

#[test]
fn each_head_of_a_connection_has_its_time_and_not_only_the_first() {
    let server = TestServer::start(TestDatabase::sqlite());
    for before in ["", GET, &GET.repeat(3)] {
        let mut connection = connect(&server);
        send(&mut connection, before.as_bytes());
        send(&mut connection, b"GET /health/live HTTP/1.1\r\nhost:");
        let answers = read_to_end(&mut connection);
        assert_eq!(answers.matches("HTTP/1.1 200").count(), before.matches("GET").count());
        assert_last_is(&answers, 408, "request_timeout");
    }
}

#[test]
fn a_connection_that_says_nothing_is_told_so_and_closed() {
    let server = TestServer::start(TestDatabase::sqlite());
    let answer = read_to_end(&mut connect(&server));
    assert_last_is(&answer, 408, "request_timeout");
}

#[test]
fn what_is_no_request_gets_a_problem_with_the_headers_of_every_answer() {
    let server = TestServer::start(TestDatabase::sqlite());
    let large = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(40_000));
    let many = format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "x: y\r\n".repeat(100));
    for (request, status, code) in [
        ("\0\r\n\r\n", 400, "malformed_request"),
        ("GET / HTTP/9.9\r\n\r\n", 400, "malformed_request"),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n", 400, "malformed_request"),
        ("GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n", 400, "malformed_request"),
        (&large, 431, "request_head_too_large"),
        (&many, 431, "request_head_too_large"),
    ] {
        for before in ["", GET] {
            let mut connection = connect(&server);
            send(&mut connection, [before, request].concat().as_bytes());
            let answers = read_to_end(&mut connection);
            assert_eq!(answers.starts_with("HTTP/1.1 200"), !before.is_empty(), "{answers}");
            assert_last_is(&answers, status, code);
        }
    }
}

#[test]
fn a_body_that_nobody_reads_is_not_read_without_end() {
    let server = TestServer::start(TestDatabase::sqlite());
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for path in ["/nowhere", "/api/auth/login/json"] {
        let mut connection = connect(&server);
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
             transfer-encoding: chunked\r\n\r\n"
        );
        send(&mut connection, head.as_bytes());
        // The maximum of both socket buffers, and the bytes read before the end.
        let ended = (0..1000).any(|_| connection.write_all(chunk.as_bytes()).is_err());
        assert!(ended, "{path}: 64 MiB were read");
    }
}

#[test]
fn what_stands_around_the_data_of_a_chunk_has_bounds_too() {
    let server = TestServer::start(TestDatabase::sqlite());
    for path in ["/nowhere", "/api/auth/login/json"] {
        for (begin, endless) in [("", "0"), ("1;", "x"), ("0\r\n", "x: y\r\n")] {
            let mut connection = connect(&server);
            let head = format!(
                "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                 transfer-encoding: chunked\r\n\r\n{begin}"
            );
            send(&mut connection, head.as_bytes());
            let part = endless.repeat(0x8000);
            let ended = (0..2000).any(|_| connection.write_all(part.as_bytes()).is_err());
            assert!(ended, "{path} {begin:?} {endless:?}: 64 MiB and more were read");
        }
        // Slow enough for the limit, and without a pause that a read timeout would notice.
        let mut connection = connect(&server);
        let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
        send(&mut connection, head.as_bytes());
        (0..20).for_each(|_| drop(connection.write_all(b"0")));
        let answer = read_to_end(&mut connection);
        assert!(answer.starts_with("HTTP/1.1 4"), "{path}: {answer}");
    }
}

#[test]
fn a_body_that_nobody_reads_and_that_does_not_end_has_its_time() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut connection = connect(&server);
    let head = "POST /nowhere HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\n";
    send(&mut connection, head.as_bytes());
    assert!(read_to_end(&mut connection).starts_with("HTTP/1.1 404"));
}

#[test]
fn a_client_that_reads_no_responses_is_disconnected() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut connection = connect(&server);
    let requests = "GET /api/openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(1000);
    // The write blocks while the requests are not read, and fails when the connection is closed.
    let error = loop {
        if let Err(error) = connection.write_all(requests.as_bytes()) {
            break error;
        }
    };
    let waited = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
    assert!(!waited, "the server holds on to it");
}

#[test]
fn answers_come_in_order_however_many_requests_are_sent_at_once() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut connection = connect(&server);
    let sign_in = "POST /api/auth/login/json HTTP/1.1\r\nhost: x\r\n\
        content-type: application/json\r\ncontent-length: 1\r\n\r\n{";
    let requests = [GET, sign_in].concat().repeat(100);
    send(&mut connection, requests.as_bytes());
    send(&mut connection, b"GET /nowhere HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let answers = read_to_end(&mut connection);
    let statuses: Vec<&str> =
        answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    let expected = [["200", "400"].repeat(100), vec!["404"]].concat();
    assert_eq!(statuses, expected);
}

fn address(server: &TestServer) -> &str {
    server.origin().strip_prefix("http://").expect("the server speaks HTTP")
}

fn connect(server: &TestServer) -> TcpStream {
    let connection = TcpStream::connect(address(server)).expect("the server listens");
    connection.set_read_timeout(Some(TIMEOUT)).expect("a socket can be told so");
    connection.set_write_timeout(Some(TIMEOUT)).expect("a socket can be told so");
    connection
}

fn send(connection: &mut TcpStream, bytes: &[u8]) {
    connection.write_all(bytes).expect("the server reads");
}

/// Reads until the server closes or resets the connection.
fn read_to_end(connection: &mut TcpStream) -> String {
    let mut answers = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        match connection.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => answers.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => panic!("the server does not close: {error}"),
        }
    }
    String::from_utf8(answers).expect("the server answers in UTF-8")
}

fn assert_last_is(answers: &str, status: u16, code: &str) {
    let begin = answers.rfind("HTTP/1.1 ").unwrap_or_else(|| panic!("no answer: {answers:?}"));
    let last = &answers[begin..];
    assert!(last.starts_with(&format!("HTTP/1.1 {status} ")), "{answers}");
    for part in [
        "content-type: application/problem+json",
        "x-content-type-options: nosniff",
        "content-security-policy: ",
        "cache-control: no-store",
        "connection: close",
        "x-request-id: ",
        "date: ",
        &format!("\"code\":\"{code}\""),
    ] {
        assert!(last.contains(part), "no {part} in {last}");
    }
}
