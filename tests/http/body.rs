//! JSON bodies: a malformed body is refused by a problem with a stable code, and never repaired.

use portcullis_testkit::{Answer, TestDatabase, TestServer};
use serde_json::json;

use crate::member::Member;
use crate::registration::faults;
use crate::wire;

const ROUTES: &[&str] =
    &["/api/auth/register", "/api/auth/login/json", "/api/auth/refresh", "/api/setup"];

const JSON: &str = "content-type: application/json";

#[test]
fn a_body_of_any_other_type_is_refused() {
    let server = TestServer::start(TestDatabase::sqlite());
    for path in ROUTES {
        for lines in [
            [].as_slice(),
            &["content-type:"],
            &["content-type: text/plain"],
            &["content-type: text/json"],
            &["content-type: application/x-www-form-urlencoded"],
            &["content-type: multipart/form-data; boundary=x"],
            &["content-type: application/problem+json"],
            &["content-type: application/jsonx"],
            &["content-type: application/json, text/plain"],
            &["content-type: application/json; charset=utf-16"],
            &["content-type: application/json; charset=utf-8; q=1"],
            &[JSON, JSON],
            &["content-type: text/plain", JSON],
        ] {
            let answer = wire::send(&server, &format!("POST {path}"), lines, b"{}");
            assert_problem(&answer, 415, "unsupported_media_type");
        }
    }
}

#[test]
fn a_compressed_body_is_refused_because_it_could_grow() {
    let server = TestServer::start(TestDatabase::sqlite());
    for encoding in ["gzip", "br", "deflate", "zstd", "x-anything"] {
        let encoding = format!("content-encoding: {encoding}");
        let answer = sign_in(&server, &[JSON, &encoding], b"{}");
        assert_problem(&answer, 415, "unsupported_media_type");
    }
}

#[test]
fn the_right_type_may_say_utf_8_in_any_letter_case() {
    let server = TestServer::start(TestDatabase::sqlite());
    for content_type in [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
    ] {
        let answer = sign_in(&server, &[&format!("content-type: {content_type}")], b"{}");
        assert_problem(&answer, 400, "invalid_request");
    }
}

#[test]
fn a_body_over_16_kib_is_refused_announced_or_not() {
    let server = TestServer::start(TestDatabase::sqlite());
    let body = |length: usize| format!(r#"{{"username":"{}"}}"#, "a".repeat(length - 15));
    let fits = sign_in(&server, &[JSON], body(16 * 1024).as_bytes());
    assert_problem(&fits, 400, "invalid_request");
    let too_large = sign_in(&server, &[JSON], body(16 * 1024 + 1).as_bytes());
    assert_problem(&too_large, 413, "body_too_large");
    assert!(too_large.text.contains("16 KiB"), "says how much would do");

    let chunk = body(16 * 1024 + 1);
    let chunked = format!("{:x}\r\n{chunk}\r\n0\r\n\r\n", chunk.len());
    let lines = [JSON, "transfer-encoding: chunked"];
    assert_problem(&sign_in(&server, &lines, chunked.as_bytes()), 413, "body_too_large");
    let drops: Vec<String> = chunk.chars().map(|drop| format!("1\r\n{drop}\r\n")).collect();
    let dripping = format!("{}0\r\n\r\n", drops.concat());
    assert_problem(&sign_in(&server, &lines, dripping.as_bytes()), 413, "body_too_large");
}

#[test]
fn what_is_not_one_json_object_is_malformed() {
    let server = TestServer::start(TestDatabase::sqlite());
    let deep = [vec![b'['; 8_000], vec![b']'; 8_000]].concat();
    for body in [
        b"".as_slice(),
        b" ",
        b"{",
        b"}",
        br#"{"username":"a","password":"b"}{}"#,
        br#"{"username":"a","password":"b"} x"#,
        br#"{"username":1e400,"password":"x"}"#,
        b"{\"username\":\"ada\",}",
        b"{'username':'ada'}",
        b"{username:\"ada\"}",
        b"{\"username\":\"ada\" // comment\n}",
        b"{\"username\":\"ada\ntwo\"}",
        b"{\"username\":\"\xff\xfe\"}",
        b"{\"username\":\"\xc0\xaf\"}",
        b"{\"username\":\"\xed\xa0\x80\"}",
        br#"{"username":"\ud800"}"#,
        br#"{"username":"\udc00\ud800"}"#,
        br#"{"username":"\x41"}"#,
        b"\xef\xbb\xbf{\"username\":\"ada\"}",
        br#"["ada","violet-otter-plays-7-cellos"]"#,
        br#"["ada","violet-otter-plays-7-cellos","body",null]"#,
        b"null",
        b"true",
        b"42",
        br#""ada""#,
        &deep,
    ] {
        let answer = sign_in(&server, &[JSON], body);
        assert_problem(&answer, 400, "malformed_body");
    }
}

#[test]
fn every_field_is_known_present_once_and_of_its_type() {
    let server = TestServer::start(TestDatabase::sqlite());
    let deep = format!(r#"{{"username":{}"#, r#"{"a":"#.repeat(30));
    for (body, field, code) in [
        ("{}", "username", "missing"),
        (r#"{"username":"ada"}"#, "password", "missing"),
        (r#"{"username":"a","username":"b","password":"x"}"#, "username", "duplicate"),
        (r#"{"username":"a","\u0075sername":"b","password":"x"}"#, "username", "duplicate"),
        (r#"{"username":"a","password":"x","admin":true}"#, "admin", "unknown"),
        (r#"{"USERNAME":"a","password":"x"}"#, "USERNAME", "unknown"),
        (r#"{"constructor":{}}"#, "constructor", "unknown"),
        (r#"{"username":null,"password":"x"}"#, "username", "wrong_type"),
        (r#"{"username":7,"password":"x"}"#, "username", "wrong_type"),
        (r#"{"username":99999999999999999999999,"password":"x"}"#, "username", "wrong_type"),
        (r#"{"username":["ada"],"password":"x"}"#, "username", "wrong_type"),
        (r#"{"username":{"$ne":""},"password":"x"}"#, "username", "wrong_type"),
        (r#"{"username":"a","password":true}"#, "password", "wrong_type"),
        (r#"{"username":"a","password":"x","delivery":"post"}"#, "delivery", "wrong_type"),
        (r#"{"username":"a","password":"x","delivery":"Body"}"#, "delivery", "wrong_type"),
        (r#"{"username":"a","password":"x","delivery":{"body":null}}"#, "delivery", "wrong_type"),
        (r#"{"username":"a","password":"x","delivery":0}"#, "delivery", "wrong_type"),
        (r#"{"username":"a","password":"x","device_name":[]}"#, "device_name", "wrong_type"),
        (r#"{"username":"a","password":"x","device_name":" "}"#, "device_name", "malformed"),
        (deep.as_str(), "username", "wrong_type"),
    ] {
        let answer = sign_in(&server, &[JSON], body.as_bytes());
        assert_problem(&answer, 400, "invalid_request");
        assert_eq!(faults(&answer), [(field.to_owned(), code.to_owned())], "{body}");
    }
}

#[test]
fn an_array_is_no_object_at_any_depth() {
    let server = TestServer::start(TestDatabase::sqlite());
    let member = Member::new(&server, "ada", "msa");
    for (path, body, field) in [
        ("check", r#"{"resource":"swap","action":"read","context":[null,null]}"#, "context"),
        ("check", r#"{"resource":"swap","action":"read","context":[]}"#, "context"),
        ("check/batch", r#"{"items":[["swap","read"]]}"#, "items[0]"),
        ("check/batch", r#"{"items":[["swap","read",null,null]]}"#, "items[0]"),
        (
            "check/batch",
            r#"{"items":[{"resource":"a","action":"b","context":[null]}]}"#,
            "items[0].context",
        ),
    ] {
        let json = [("content-type", "application/json")];
        let answer = member.send("POST", &format!("/api/authz/{path}"), &json, body);
        assert_problem(&answer, 400, "invalid_request");
        assert_eq!(faults(&answer), [(field.to_owned(), "wrong_type".to_owned())], "{body}");
    }
}

#[test]
fn control_characters_are_refused_in_every_text() {
    let server = TestServer::start(TestDatabase::sqlite());
    let escapes = ["\\u0000", "\\n", "\\r\\n", "\\t", "\\u001b", "\\u007f", "\\u0085", "\\ufffd"];
    for (path, texts) in [
        ("/api/auth/login/json", ["username", "password", "device_name"].as_slice()),
        ("/api/auth/register", &["username", "email", "password", "display_name"]),
        ("/api/auth/refresh", &["refresh_token"]),
        ("/api/setup", &["setup_token", "username", "email", "password"]),
    ] {
        for (text, escape) in texts.iter().flat_map(|text| escapes.map(|escape| (text, escape))) {
            let body = format!(r#"{{"{text}":"a{escape}b"}}"#);
            let answer = wire::send(&server, &format!("POST {path}"), &[JSON], body.as_bytes());
            assert_problem(&answer, 400, "invalid_request");
            let fault = ((*text).to_owned(), "forbidden_character".to_owned());
            assert_eq!(faults(&answer), [fault], "{path} {escape}");
        }
    }
}

#[test]
fn escapes_and_pairs_of_surrogates_are_ordinary_text() {
    let server = TestServer::start(TestDatabase::sqlite());
    let body =
        json!({ "username": "ada", "email": "ada@example.org", "password": "a-🦦-plays-7-cellos" });
    let answer =
        wire::send(&server, "POST /api/auth/register", &[JSON], body.to_string().as_bytes());
    assert_eq!(answer.status, 201);
    let body = br#"{"username":"\u0061da","password":"a-\ud83e\udda6-plays-7-cellos"}"#;
    assert_eq!(sign_in(&server, &[JSON], body).status, 200);
}

#[test]
fn what_cannot_be_the_name_of_a_field_is_not_repeated() {
    let server = TestServer::start(TestDatabase::sqlite());
    let body = format!(r#"{{"{}":1}}"#, "x".repeat(10_000));
    let answer = sign_in(&server, &[JSON], body.as_bytes());
    assert_eq!(faults(&answer), [(String::new(), "unknown".to_owned())]);
    let secret = br#"{"{\"password\":\"violet-otter\"}":1}"#;
    assert!(!sign_in(&server, &[JSON], secret).text.contains("violet"));
}

#[test]
fn a_body_that_never_arrives_is_given_up() {
    let server = TestServer::start(TestDatabase::sqlite());
    let answer = sign_in(&server, &[JSON, "content-length: 100"], b"{\"username\":");
    assert_problem(&answer, 408, "request_timeout");
}

fn sign_in(server: &TestServer, lines: &[&str], body: &[u8]) -> Answer {
    wire::send(server, "POST /api/auth/login/json", lines, body)
}

fn assert_problem(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.text);
}
