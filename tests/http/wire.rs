//! Raw requests, byte by byte, which no correct client sends.

use std::io::{Read, Write};
use std::net::TcpStream;

use portcullis_testkit::contract::{self, Sent};
use portcullis_testkit::{Answer, TestServer};

/// Sends a request such as `POST /path` with these header lines and exactly this body.
///
/// `Host` and `Connection: close` are added, and `Content-Length` unless the lines frame the body.
pub(crate) fn send(server: &TestServer, request: &str, lines: &[&str], body: &[u8]) -> Answer {
    let (method, path) = request.split_once(' ').expect("a method and a path");
    let framed = |line: &&str| {
        let line = line.to_ascii_lowercase();
        line.starts_with("content-length:") || line.starts_with("transfer-encoding:")
    };
    let mut head = vec![format!("{request} HTTP/1.1"), "host: x\r\nconnection: close".to_owned()];
    head.extend(lines.iter().map(|line| (*line).to_owned()));
    if !lines.iter().any(framed) {
        head.push(format!("content-length: {}", body.len()));
    }
    let head = head.join("\r\n");
    let answer = parse(&exchange(server, &[head.as_bytes(), b"\r\n\r\n", body].concat()));
    contract::check(Sent { method, path, json: None }, &answer);
    answer
}

/// Sends these bytes and reads until the server closes the connection.
pub(crate) fn exchange(server: &TestServer, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address(server)).expect("the server listens");
    stream.write_all(request).expect("the server reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the server answers and closes");
    String::from_utf8(answer).expect("the server answers in UTF-8")
}

/// Host and port of the server.
pub(crate) fn address(server: &TestServer) -> &str {
    server.origin().strip_prefix("http://").expect("the server speaks HTTP")
}

/// The status of each of these responses.
pub(crate) fn statuses(answers: &str) -> Vec<u16> {
    let codes = answers.split("HTTP/1.").skip(1).map(|answer| answer.get(2..5));
    codes.map(|code| code.and_then(|code| code.parse().ok()).expect("a status line")).collect()
}

/// The first of these answers.
pub(crate) fn parse(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status line");
    let header = |line: &str| {
        let (name, value) = line.split_once(':').expect("a header");
        (name.to_ascii_lowercase(), value.trim().to_owned())
    };
    Answer {
        status: status.parse().expect("a number"),
        headers: lines.map(header).collect(),
        text: body.to_owned(),
    }
}
