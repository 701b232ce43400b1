//! Requests sent before their time: behind the last response of a connection, and bodies that the
//! gate does not want.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use portcullis_rate_limit::Quota;
use portcullis_testkit::{Browser, TestDatabase, TestServer, TestSettings};
use portcullis_web::RateLimitSettings;

use crate::wire::{address, exchange, statuses};

const BEHIND: &str = "GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n";

#[test]
fn nothing_is_answered_behind_the_last_response_of_a_connection() {
    let server = TestServer::start(TestDatabase::sqlite());
    let large = format!(
        "POST /nowhere HTTP/1.1\r\nhost: x\r\ncontent-length: 20\r\n\r\n{}",
        "x".repeat(20)
    );
    for (request, status) in [
        ("GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", 200),
        ("GET /api/openapi.json HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", 200),
        ("GET /health/live HTTP/1.0\r\n\r\n", 200),
        // The response ends the connection, because nobody has read the body.
        (&large, 404),
    ] {
        let sent = [request, &BEHIND.repeat(100)].concat();
        let answers = exchange(&server, sent.as_bytes());
        assert_eq!(statuses(&answers), [status], "{request}");
        assert!(answers.contains("\r\nconnection: close\r\n") || request.contains("HTTP/1.0"));
    }
}

#[test]
fn a_refused_sign_in_that_ends_the_connection_is_the_last() {
    let server = limited();
    let sign_in = "POST /api/auth/login/json HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
        content-length: 2\r\n\r\n{}";
    let answers = exchange(&server, [sign_in.repeat(3), BEHIND.repeat(3)].concat().as_bytes());
    assert_eq!(statuses(&answers), [400, 429], "{answers}");
}

/// Signs in once a minute.
fn limited() -> TestServer {
    let settings = TestSettings::default();
    let quota = Quota::sliding("sign_in", 1, Duration::from_secs(60)).expect("a quota");
    let rate_limits = RateLimitSettings { routes: vec![quota], ..settings.rate_limits.clone() };
    TestServer::with(TestDatabase::sqlite(), TestSettings { rate_limits, ..settings })
}

#[test]
fn a_body_is_asked_for_only_when_guard_and_limits_want_it() {
    let server = limited();
    let json = "content-type: application/json\r\ncontent-length: 2";
    let asks = |path: &str, fields: &str| {
        let mut stream = TcpStream::connect(address(&server)).expect("the server listens");
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\nconnection: close\r\n{fields}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("the server reads");
        let mut first = [0; 12];
        stream.read_exact(&mut first).expect("the server answers");
        let asked = &first == b"HTTP/1.1 100";
        if asked {
            let mut rest = [0; 13];
            stream.read_exact(&mut rest).expect("the line goes on");
            assert_eq!(&rest, b" Continue\r\n\r\n");
            stream.write_all(b"{}").expect("the server reads");
        }
        stream.shutdown(Shutdown::Write).expect("the connection is open");
        let mut answer = if asked { String::new() } else { String::from_utf8_lossy(&first).into() };
        stream.read_to_string(&mut answer).expect("the server answers and closes");
        (asked, statuses(&answer))
    };
    assert_eq!(asks("/api/auth/login/json", json), (true, vec![400]), "the first is in the limit");
    assert_eq!(asks("/api/auth/login/json", json), (false, vec![429]));
    assert_eq!(asks("/api/auth/refresh", json), (true, vec![400]));
    assert_eq!(asks("/api/auth/password/change", json), (false, vec![401]));
    assert_eq!(asks("/nowhere", json), (false, vec![404]));
    assert_eq!(asks("/api/auth/me", json), (false, vec![405]));
    let text = "content-type: text/plain\r\ncontent-length: 2";
    assert_eq!(asks("/api/auth/refresh", text), (false, vec![415]));
    let large = "content-type: application/json\r\ncontent-length: 18446744073709551615";
    assert_eq!(asks("/api/auth/refresh", large), (false, vec![413]));
    assert_eq!(Browser::of(&server).get("/health/live", &[]).status, 200);
}

#[test]
fn a_client_that_sends_its_body_at_once_is_not_asked_for_it() {
    let server = TestServer::start(TestDatabase::sqlite());
    let request = "POST /api/auth/refresh HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n\
        content-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    let last = "GET /smuggled HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answers = exchange(&server, [&request.repeat(3), last].concat().as_bytes());
    assert_eq!(statuses(&answers), [400, 400, 400, 404], "{answers}");
}
