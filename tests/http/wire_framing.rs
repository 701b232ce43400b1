//! Malformed framings: each ends its connection, and no part of it is answered as another request.
//!
//! A request that two implementations end at different places hides another one from the first of
//! them (request smuggling, CWE-444). So everything with two readings is refused, even where
//! RFC 9112 permits one of them.

use portcullis_testkit::{TestDatabase, TestServer};

use crate::wire::{exchange, statuses};

const BEFORE: &str = "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";
const BEHIND: &str = "GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n";

/// A request with these lines in place of the field `Host`.
fn get(line: &str, fields: &str) -> String {
    format!("{line}\r\n{fields}\r\n\r\n")
}

fn field(field: &str) -> String {
    get("GET /health/live HTTP/1.1", &format!("host: x\r\n{field}"))
}

fn target(target: &str) -> String {
    get(&format!("GET {target} HTTP/1.1"), "host: x")
}

fn version(version: &str) -> String {
    get(&format!("GET /health/live {version}"), "host: x")
}

/// A sign-in with these fields and this body.
fn post(fields: &str, body: &str) -> String {
    format!(
        "POST /api/auth/login/json HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         {fields}\r\n\r\n{body}"
    )
}

fn chunks(body: &str) -> String {
    post("transfer-encoding: chunked", body)
}

/// The last chunk and its end.
const LAST: &str = "0\r\n\r\n";

const LENGTHS: &[&str] = &[
    "content-length: 1\r\ncontent-length: 2",
    "content-length: 2\r\ncontent-length: 2",
    "content-length: 2, 2",
    "content-length: 2, 1",
    "content-length: +2",
    "content-length: -2",
    "content-length: 2 2",
    "content-length: 0x2",
    "content-length: 2.0",
    "content-length: 1_0",
    "content-length: \"2\"",
    "content-length: two",
    "content-length:",
    "content-length: \u{662}",
    "content-length: \x0b2",
    "content-length: 2\x0c",
    "content-length: 18446744073709551616",
    "content-length : 2",
    "content-length:\r\n 2",
];

const CODINGS: &[&str] = &[
    "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
    "transfer-encoding: chunked\r\ntransfer-encoding: identity",
    "transfer-encoding: identity\r\ntransfer-encoding: chunked",
    "transfer-encoding: identity",
    "transfer-encoding: gzip, chunked",
    "transfer-encoding: chunked, gzip",
    "transfer-encoding: chunked, chunked",
    "transfer-encoding: chunked,",
    "transfer-encoding: chunked;q=1",
    "transfer-encoding: xchunked",
    "transfer-encoding: chunkedx",
    "transfer-encoding: \"chunked\"",
    "transfer-encoding: \x0bchunked",
    "transfer-encoding: chunked\u{a0}",
    "transfer-encoding:",
    "transfer-encoding : chunked",
    "transfer-encoding:\r\n chunked",
    "\ttransfer-encoding: chunked",
    "transfer-encoding: chunked\r\ncontent-length: 5",
    "content-length: 5\r\ntransfer-encoding: chunked",
    "content-length: 0\r\ntransfer-encoding: chunked",
    "transfer-encoding: chunked\r\nupgrade: websocket",
    "content-length: 2\r\nconnection: upgrade\r\nupgrade: websocket",
];

const FIELDS: &[&str] = &[
    "a: b\r\n c",
    "a: b\r\n\tc",
    "a: b\0c",
    "a\0: b",
    "a: b\rc: d",
    "a\rb: c",
    "a: b\r",
    "a: b\n",
    "a: b\nc: d",
    "a : b",
    "a\t: b",
    ": b",
    "a",
    "a b: c",
    "a(b): c",
    "\u{e4}: b",
    "a: \x07",
    "a: \x1b",
    "a: \x7f",
];

const HOSTS: &[&str] = &[
    "a: b",
    "host: x\r\nhost: y",
    "host: x\r\nhost: x",
    "host: x y",
    "host: x, y",
    "host: a@x",
    "host: x/y",
    "host: x?y",
    "host: x:99999",
    "host: [x",
    "host: \u{e4}",
    "host : x",
    " host: x",
];

const TARGETS: &[&str] = &[
    "",
    "*",
    "x:80",
    "health/live",
    "\\health\\live",
    "/health/live#a",
    "/health/ live",
    "/health/live\0",
    "/health/live\x01",
    "/health/live\x7f",
    "/health\r/live",
    "/health/live\u{e4}",
    "http://y/health/live",
    "http://x:80/health/live",
    "http://a@x/health/live",
    "http:///health/live",
    "ftp://x/health/live",
];

const VERSIONS: &[&str] = &[
    "HTTP/2.0",
    "HTTP/0.9",
    "HTTP/1.2",
    "HTTP/1",
    "HTTP/1.10",
    "HTTP/01.1",
    "http/1.1",
    "HTTP/1.1 ",
    " HTTP/1.1",
    "",
];

const SIZES: &[&str] = &[
    "+2\r\n",
    "-2\r\n",
    "0x2\r\n",
    " 2\r\n",
    "2 \r\n",
    "\r\n",
    "g\r\n",
    "1_0\r\n",
    "2\n",
    "2\r",
    "2\r\r\n",
    "2;a\n",
    "2;a\rb\r\n",
    "2;a\0\r\n",
    "10000000000000002\r\n",
    "0000000000000000002\r\n",
];

const CHUNKS: &[&str] = &[
    "1\r\n{}\r\n0\r\n\r\n",
    "3\r\n{}\r\n0\r\n\r\n",
    "2\r\n{}0\r\n\r\n",
    "2\r\n{}\n0\r\n\r\n",
    "2\r\n{}\r\n0\n\r\n",
    "2\r\n{}\r\n0\r\n\n",
    "2\r\n{}\r\n0\r\n\rx",
    "2\r\n{}\r\n0\r\na: b\n\r\n",
    "2\r\n{}\r\n0\r\na: b\r\n\n",
    "2\r\n{}\r\n0\r\na: b\rc\r\n\r\n",
    "2\r\n{}\r\n0\r\na: \0\r\n\r\n",
    "2\r\n{}\r\n0\r\na\r\n\r\n",
    "2\r\n{}\r\n0\r\n b: c\r\n\r\n",
];

fn malformed_heads() -> Vec<String> {
    let others = [
        get("GET\t/health/live HTTP/1.1", "host: x"),
        get("GET /health/live\tHTTP/1.1", "host: x"),
        get(" GET /health/live HTTP/1.1", "host: x"),
        get("G(T /health/live HTTP/1.1", "host: x"),
        get("G\0T /health/live HTTP/1.1", "host: x"),
        get(" /health/live HTTP/1.1", "host: x"),
        get("CONNECT x:80 HTTP/1.1", "host: x"),
        post("transfer-encoding: chunked", LAST).replace("HTTP/1.1", "HTTP/1.0"),
        "GET /health/live\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03".to_owned(),
        BEFORE.replace("\r\n", "\n"),
        BEFORE.replace("\r\n", "\r"),
        BEFORE.replace("\r\n\r\n", "\r\n\n"),
        format!("\n{BEFORE}"),
        format!("\r{BEFORE}"),
        format!("\0{BEFORE}"),
    ];
    let all = LENGTHS.iter().map(|lines| post(lines, "{}"));
    let all = all.chain(CODINGS.iter().map(|lines| post(lines, LAST)));
    let all = all.chain(FIELDS.iter().map(|line| field(line)));
    let all = all.chain(HOSTS.iter().map(|lines| get("GET /health/live HTTP/1.1", lines)));
    let all = all.chain(TARGETS.iter().map(|text| target(text)));
    all.chain(VERSIONS.iter().map(|text| version(text))).chain(others).collect()
}

fn malformed_bodies() -> Vec<String> {
    let sizes = SIZES.iter().map(|size| chunks(&format!("{size}{{}}\r\n{LAST}")));
    sizes.chain(CHUNKS.iter().map(|body| chunks(body))).collect()
}

#[test]
fn a_malformed_framing_is_refused_and_ends_the_connection() {
    let server = TestServer::start(TestDatabase::sqlite());
    let (heads, bodies) = (malformed_heads(), malformed_bodies());
    assert!(heads.len() + bodies.len() >= 40);
    let heads = heads.iter().map(|request| (request, "malformed_request"));
    for (request, code) in heads.chain(bodies.iter().map(|request| (request, "malformed_body"))) {
        for (before, expected) in [("", vec![400]), (BEFORE, vec![200, 400])] {
            let sent = [before, request, BEHIND].concat();
            let answers = exchange(&server, sent.as_bytes());
            assert_eq!(statuses(&answers), expected, "{request:?}");
            assert!(answers.contains(&format!(r#""code":"{code}""#)), "{request:?}: {answers}");
            assert!(answers.contains("\r\nconnection: close\r\n"), "{request:?}: {answers}");
        }
    }
}

#[test]
fn what_has_one_reading_is_answered_and_the_next_request_too() {
    let server = TestServer::start(TestDatabase::sqlite());
    for (request, status) in [
        (post("content-length: 002", "{}"), 400),
        (post("content_length: 99\r\ncontent-length: 2", "{}"), 400),
        (post("content-length: 2\r\nconnection: content-length", "{}"), 400),
        (post("Transfer-Encoding: \tCHUNKED\t", LAST), 400),
        (chunks("2;a=\"b\"\r\n{}\r\n0\r\n\r\n"), 400),
        (chunks("2 ;a\r\n{}\r\n0000\r\n\r\n"), 400),
        (chunks("2\r\n{}\r\n0\r\ncontent-length: 50\r\n\r\n"), 400),
        (field("content-length: 0"), 200),
        (field("a: \u{ff}\tb"), 200),
        (field("a:"), 200),
        (get("GET /health/live HTTP/1.1", "host:"), 200),
        (get("GET /health/live HTTP/1.1", "host: [::1]:8080"), 200),
        (target("http://x/health/live"), 200),
        (target("HTTPS://X/health/live"), 200),
        (get("OPTIONS * HTTP/1.1", "host: x"), 404),
        (get("get /health/live HTTP/1.1", "host: x"), 405),
        (get("TRACE /health/live HTTP/1.1", "host: x"), 405),
        (get("GET /health/live HTTP/1.0", "connection: keep-alive"), 200),
        (format!("\r\n\r\n{BEFORE}"), 200),
    ] {
        let last = BEHIND.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
        let answers = exchange(&server, [request.as_str(), &last].concat().as_bytes());
        assert_eq!(statuses(&answers), [status, 404], "{request:?}: {answers}");
    }
}
