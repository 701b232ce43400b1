//! W3C Trace Context: `traceparent` is continued, returned, and told in problems.

use portcullis_testkit::{Browser, TestDatabase, TestServer, TestSettings};

use crate::wire;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// The parts of a header of version 0.
fn parts(header: &str) -> [&str; 4] {
    let parts: Vec<&str> = header.split('-').collect();
    parts.try_into().expect("version, trace, span, flags")
}

#[test]
fn a_valid_trace_is_continued_in_the_answer_and_in_a_problem() {
    let server = TestServer::start(TestDatabase::sqlite());
    let given = format!("00-{TRACE}-{PARENT}-01");
    let mut spans = Vec::new();
    for (path, status) in [("/health/live", 200), ("/api/auth/me", 401), ("/unknown", 404)] {
        let answer = Browser::of(&server).get(path, &[("traceparent", &given)]);
        assert_eq!(answer.status, status, "{path}");
        let returned = answer.header("traceparent").expect("it is returned");
        let [version, trace, span, flags] = parts(returned);
        assert_eq!((version, trace, flags), ("00", TRACE, "01"), "{path}");
        assert!(span != PARENT && span.len() == 16, "{path}: {returned}");
        spans.push(span.to_owned());
        if status >= 400 {
            assert_eq!(answer.json()["trace_id"], TRACE, "{path}");
        }
    }
    spans.dedup();
    assert_eq!(spans.len(), 3, "each request has a span of its own");
}

#[test]
fn an_invalid_trace_is_replaced_by_another_one() {
    let server = TestServer::start(TestDatabase::sqlite());
    let zero = format!("00-{}-{PARENT}-01", "0".repeat(32));
    for given in [zero.as_str(), "x", "", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"]
    {
        let answer = Browser::of(&server).get("/api/auth/me", &[("traceparent", given)]);
        let returned = answer.header("traceparent").expect("another one is returned");
        let [_, trace, ..] = parts(returned);
        assert_ne!(trace, TRACE, "{given}");
        assert_eq!(answer.json()["trace_id"], trace, "{given}");
    }
    let line = format!("traceparent: 00-{TRACE}-{PARENT}-01");
    let answer = wire::send(&server, "GET /api/auth/me", &[&line, &line], b"");
    let returned = answer.header("traceparent").expect("another one is returned");
    assert_ne!(parts(returned)[1], TRACE, "two headers name no trace");
}

#[test]
fn a_request_without_a_trace_gets_none() {
    let server = TestServer::start(TestDatabase::sqlite());
    let answer = Browser::of(&server).get("/api/auth/me", &[]);
    assert_eq!(answer.header("traceparent"), None);
    assert_eq!(answer.json()["trace_id"], serde_json::Value::Null);
}

#[test]
fn pages_of_allowed_origins_may_send_and_read_it() {
    let origin = "https://app.example.org";
    let settings =
        TestSettings { cors_origins: vec![origin.to_owned()], ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let asked = [
        ("origin", origin),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "traceparent"),
    ];
    let answer = Browser::of(&server).send("OPTIONS", "/api/auth/me", &asked, "");
    let allowed = answer.header("access-control-allow-headers").unwrap_or_default();
    assert!(allowed.to_lowercase().contains("traceparent"), "{allowed}");
    let answer = Browser::of(&server).get("/api/auth/me", &[("origin", origin)]);
    let exposed = answer.header("access-control-expose-headers").unwrap_or_default();
    assert!(exposed.to_lowercase().contains("traceparent"), "{exposed}");
}
