//! Headers that every answer must have.

use std::collections::BTreeSet;

use portcullis_testkit::{Answer, Browser, TestDatabase, TestServer, TestSettings};

use crate::answer::header_names;
use crate::wire;

const API_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

#[test]
fn every_answer_protects_the_browser_that_gets_it() {
    let server = TestServer::start(TestDatabase::sqlite());
    for answer in one_of_each_kind(&server) {
        for (name, value) in [
            ("content-security-policy", API_POLICY),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{answer:?}");
        }
        assert!(answer.header("permissions-policy").unwrap().contains("camera=()"));
        assert_eq!(answer.header("strict-transport-security"), None, "not over plain HTTP");
    }
}

#[test]
fn no_answer_says_what_the_server_is_made_of() {
    let server = TestServer::start(TestDatabase::sqlite());
    for answer in one_of_each_kind(&server) {
        for name in ["server", "x-powered-by", "via", "x-aspnet-version"] {
            assert_eq!(answer.header(name), None);
        }
        let version = env!("CARGO_PKG_VERSION");
        assert!(!format!("{:?}", answer.headers).contains(version), "{:?}", answer.headers);
    }
}

#[test]
fn with_secure_cookies_browsers_are_told_to_insist_on_https() {
    let settings = TestSettings { secure_cookies: true, ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    for answer in one_of_each_kind(&server) {
        let value = answer.header("strict-transport-security");
        assert_eq!(value, Some("max-age=31536000; includeSubDomains"));
    }
}

#[test]
fn no_header_is_there_twice_but_the_cookies() {
    let server = TestServer::start(TestDatabase::sqlite());
    for answer in one_of_each_kind(&server) {
        let names: Vec<_> =
            header_names(&answer).into_iter().filter(|name| *name != "set-cookie").collect();
        let distinct: BTreeSet<_> = names.iter().collect();
        assert_eq!(names.len(), distinct.len(), "{names:?}");
    }
}

#[test]
fn each_request_has_a_name_of_its_own_unless_a_proxy_gives_it_a_harmless_one() {
    let server = behind_a_proxy();
    let mut client = Browser::of(&server);
    let mut answered = |given: &[(&str, &str)]| {
        let answer = client.get("/health/live", given);
        answer.header("x-request-id").expect("every answer has one").to_owned()
    };
    let distinct: BTreeSet<String> = (0..20).map(|_| answered(&[])).collect();
    assert_eq!(distinct.len(), 20);
    for harmless in ["abcdefgh", "0190f7c2-7e5b-7c11-9d51-0c8a4b7f2e11", &"a".repeat(64)] {
        assert_eq!(answered(&[("x-request-id", harmless)]), harmless);
    }
    for other in ["", "short", "with space", "<script>", "a.b.c.d.e", "ünïcödé-", &"a".repeat(65)]
    {
        let id = answered(&[("x-request-id", other)]);
        assert!(id != other && id.len() > 16, "{other:?} became {id:?}");
    }
}

#[test]
fn nobody_but_a_trusted_proxy_names_a_request() {
    let server = TestServer::start(TestDatabase::sqlite());
    let answer = Browser::of(&server).get("/health/live", &[("x-request-id", "my-own-name-7")]);
    assert_ne!(answer.header("x-request-id"), Some("my-own-name-7"));
}

#[test]
fn a_request_id_cannot_be_given_twice() {
    let server = TestServer::start(TestDatabase::sqlite());
    let lines = ["x-request-id: first-one", "x-request-id: second-one"];
    let answer = wire::send(&server, "GET /health/live", &lines, b"");
    assert_eq!(header_names(&answer).iter().filter(|name| **name == "x-request-id").count(), 1);
}

#[test]
fn an_error_names_the_request_in_its_body_too() {
    let server = behind_a_proxy();
    let answer = Browser::of(&server).get("/api/auth/me", &[("x-request-id", "my-own-name-7")]);
    assert_eq!(answer.field("request_id"), "my-own-name-7");
}

#[test]
fn a_request_whose_borders_can_be_read_two_ways_is_refused() {
    let server = TestServer::start(TestDatabase::sqlite());
    for lines in [
        "content-length: 4\r\ntransfer-encoding: chunked",
        "content-length: 4\r\ncontent-length: 5",
        "content-length: +4",
        "content-length: 4, 4",
        "transfer-encoding: chunked, identity",
        "transfer-encoding: xchunked",
    ] {
        let request = format!(
            "POST /api/auth/login/json HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
             content-type: application/json\r\n{lines}\r\n\r\n0\r\n\r\n"
        );
        let answer = wire::exchange(&server, request.as_bytes());
        let status_lines = answer.matches("HTTP/1.1 ").count();
        assert!(answer.starts_with("HTTP/1.1 400") && status_lines == 1, "{lines}: {answer}");
        assert!(answer.contains("\"code\":\"malformed_request\""), "{lines}: {answer}");
        assert!(answer.contains("x-content-type-options: nosniff"), "{lines}: {answer}");
    }
}

fn behind_a_proxy() -> TestServer {
    let trusted_proxies = vec!["127.0.0.1/32".to_owned()];
    let settings = TestSettings { trusted_proxies, ..TestSettings::default() };
    TestServer::with(TestDatabase::sqlite(), settings)
}

/// 200, 201, 204, 400, 401, 403, 404, 405, 409, 413, 415, 422, and a preflight.
fn one_of_each_kind(server: &TestServer) -> Vec<Answer> {
    let mut browser = Browser::of(server);
    let json = "content-type: application/json";
    let large = vec![b' '; 17 * 1024];
    let mut answers = vec![
        browser.register("ada"),
        browser.register("ada"),
        browser.register("a"),
        browser.sign_in("nobody"),
        browser.get("/api/auth/me", &[]),
        browser.get("/health/live", &[]),
        browser.get("/health/ready", &[]),
        browser.get("/api/openapi.json", &[]),
        browser.get("/nowhere", &[]),
        browser.send("DELETE", "/api/auth/me", &[], ""),
        browser.send("HEAD", "/api/auth/me", &[], ""),
        browser.send("POST", "/api/auth/refresh", &[("origin", "https://evil.example")], ""),
        wire::send(server, "POST /api/auth/refresh", &[json], b"{"),
        wire::send(server, "POST /api/auth/refresh", &[json], &large),
        wire::send(server, "POST /api/auth/refresh", &[], b"{}"),
        browser.send(
            "OPTIONS",
            "/api/auth/me",
            &[("origin", "https://evil.example"), ("access-control-request-method", "GET")],
            "",
        ),
        browser.sign_in("ada"),
        browser.get("/api/auth/csrf", &[]),
        browser.sign_out("/api/auth/logout"),
    ];
    answers.sort_by_key(|answer| answer.status);
    let statuses: BTreeSet<u16> = answers.iter().map(|answer| answer.status).collect();
    let kinds = [200, 201, 204, 400, 401, 403, 404, 405, 409, 413, 415, 422];
    assert!(kinds.iter().all(|status| statuses.contains(status)), "{statuses:?}");
    answers
}
