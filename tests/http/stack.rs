//! The request stack: the order of its steps, requests under way, the whole-request timeout, and the
//! CSRF token of a form.

use std::collections::BTreeMap;
use std::future::pending;
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use portcullis_rate_limit::Quota;
use portcullis_testkit::{Answer, Browser, TestDatabase, TestServer, TestSettings};
use portcullis_web::{
    Body, Configure, Form, Guard, Limit, Method, Mount, Priority, RateLimitSettings, RequestBounds,
    Route, Router,
};

use tokio::sync::watch;

use crate::member::Member;
use crate::wire;

const SECOND: Duration = Duration::from_secs(1);

/// A request with a body that is announced and does not come.
fn without_body(server: &TestServer, request: &str, lines: &[&str]) -> (u16, String) {
    let lines = [&["content-length: 2"], lines].concat();
    let answer = wire::send(server, request, &lines, b"");
    (answer.status, answer.code())
}

/// The cookies of a browser as a header line.
fn cookie_line(browser: &mut Browser) -> String {
    let cookies = browser.cookies().iter().map(|(name, value)| format!("{name}={value}"));
    format!("cookie: {}", cookies.collect::<Vec<_>>().join("; "))
}

/// Routes whose handlers return when the test releases them.
pub(crate) struct Held(watch::Sender<()>);

const HELD_NORMAL: Route = Route {
    method: Method::Get,
    path: NORMAL,
    guard: Guard::PUBLIC,
    limit: Limit::GENERAL,
    body: Body::None,
    errors: &[],
};

const HELD_LOW: Route =
    Route { path: LOW, limit: Limit::GENERAL.priority(Priority::Low), ..HELD_NORMAL };

/// The path of a held route of normal priority.
pub(crate) const NORMAL: &str = "/test/held/normal";

/// The path of a held route of low priority.
const LOW: &str = "/test/held/low";

impl Default for Held {
    fn default() -> Self {
        Self(watch::Sender::new(()))
    }
}

impl Held {
    pub(crate) fn routes(&self) -> Configure {
        let sender = self.0.clone();
        Arc::new(move |app, limits| {
            let mut mount = Mount::new(app, limits);
            for route in [&HELD_NORMAL, &HELD_LOW] {
                let sender = sender.clone();
                mount.add(route, move || {
                    let mut released = sender.subscribe();
                    async move {
                        released.changed().await.expect("the server has the sender");
                        "released"
                    }
                });
            }
        })
    }

    pub(crate) fn release(&self) {
        self.0.send_replace(());
    }
}

/// Takes a place: a request of a held route from this address, told by the proxy.
pub(crate) fn hold(server: &TestServer, path: &str, address: &str) -> TcpStream {
    let to = server.origin().strip_prefix("http://").expect("HTTP");
    let mut stream = TcpStream::connect(to).expect("the server listens");
    let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nx-forwarded-for: {address}\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("the server reads");
    stream
}

/// The value of a metric without labels.
pub(crate) fn metric(server: &TestServer, name: &str) -> u64 {
    let text = server.metrics();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.expect("the metric").parse().expect("a number")
}

pub(crate) fn await_under_way(server: &TestServer, count: u64) {
    while metric(server, "portcullis_requests_under_way") != count {
        std::thread::yield_now();
    }
}

/// Each request would also be refused by every later step, and its body never comes.
#[test]
fn each_step_refuses_before_the_next() {
    let quota = |name, limit| Quota::gcra(name, limit, 10 * SECOND).expect("a quota");
    let places = Held::default();
    let settings = TestSettings {
        routes: Some(places.routes()),
        rate_limits: RateLimitSettings {
            requests: quota("requests", 50),
            account_requests: quota("account_requests", 1),
            key_requests: quota("key_requests", 1),
            ..TestSettings::default().rate_limits
        },
        requests: RequestBounds { total: 1, per_address: 1 },
        trusted_proxies: vec!["127.0.0.1/32".to_owned()],
        ..TestSettings::default()
    };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let route = "POST /api/admin/matrix/versions";
    let address = "x-forwarded-for: 192.0.2.1";
    let mut known = Browser::of(&server);
    known.register("ada");
    known.sign_in("ada");
    let (cookie, token) = (cookie_line(&mut known), known.csrf_token());
    let token = format!("x-csrf-token: {token}");
    let admin = Member::new(&server, "grace", "admin");
    let admin = format!("authorization: Bearer {}", admin.token);

    // The quota of the address is used up, and the only place is taken.
    let long = format!("{route}?{}", "x".repeat(8 * 1024));
    let exhaust = || while wire::send(&server, &long, &[address], b"").status != 429 {};
    let held = hold(&server, NORMAL, "192.0.2.2");
    await_under_way(&server, 1);
    assert_eq!(without_body(&server, &long, &[address]), (414, "url_too_long".to_owned()));
    exhaust();
    assert_eq!(without_body(&server, route, &[address]), (503, "busy".to_owned()));
    places.release();
    drop(held);
    await_under_way(&server, 0);
    exhaust();
    assert_eq!(without_body(&server, route, &[address]), (429, "rate_limited".to_owned()));
    server.clock().advance(10 * SECOND);
    let refused = |lines: &[&str]| without_body(&server, route, &[&[address], lines].concat());
    assert_eq!(refused(&[]), (401, "not_authenticated".to_owned()));
    assert_eq!(refused(&[&cookie]), (403, "csrf_failed".to_owned()));
    let page = "sec-fetch-site: same-origin";
    assert_eq!(refused(&[&cookie, page, &token]), (403, "forbidden".to_owned()));
    assert_eq!(refused(&[&admin]), (415, "unsupported_media_type".to_owned()));
    assert_eq!(refused(&[&admin]), (429, "rate_limited".to_owned()), "the account");
    server.clock().advance(10 * SECOND);
    let lines = ["content-type: application/json", address, &admin];
    let answer = wire::send(&server, route, &lines, b"[]");
    assert_eq!((answer.status, answer.code().as_str()), (400, "malformed_body"));
}

#[test]
fn under_overload_low_priority_is_refused_first_and_health_never() {
    let places = Held::default();
    let settings = TestSettings {
        routes: Some(places.routes()),
        requests: RequestBounds { total: 10, per_address: 10 },
        trusted_proxies: vec!["127.0.0.1/32".to_owned()],
        ..TestSettings::default()
    };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let from = |address: &str, request: &str| {
        wire::send(&server, request, &[&format!("x-forwarded-for: {address}")], b"")
    };
    let (low, normal, high) =
        ("GET /api/openapi.json", "GET /api/admin/users/1", "GET /api/auth/me");
    // Half of the places are for every priority. One address leaves as many of them as it takes.
    let mut held = Vec::new();
    for count in 1..=3 {
        held.push(hold(&server, LOW, "192.0.2.1"));
        await_under_way(&server, count);
    }
    let refused = from("192.0.2.1", low);
    assert_eq!((refused.status, refused.code().as_str()), (503, "busy"));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(from("192.0.2.2", low).status, 200);
    for (address, count) in [("192.0.2.2", 4), ("192.0.2.3", 5)] {
        held.push(hold(&server, LOW, address));
        await_under_way(&server, count);
    }
    assert_eq!(from("192.0.2.4", low).status, 503);
    assert_eq!(from("192.0.2.4", "GET /unknown").status, 503);
    assert_eq!(from("192.0.2.4", normal).status, 401);
    for (address, count) in [("192.0.2.4", 6), ("192.0.2.5", 7), ("192.0.2.6", 8)] {
        held.push(hold(&server, NORMAL, address));
        await_under_way(&server, count);
    }
    assert_eq!(from("192.0.2.7", normal).status, 503);
    assert_eq!(from("192.0.2.7", high).status, 401);
    assert_eq!(from("192.0.2.7", "GET /health/ready").status, 200);
    places.release();
    drop(held);
    await_under_way(&server, 0);
    assert_eq!(from("192.0.2.1", low).status, 200);
    let text = server.metrics();
    assert!(text.contains("portcullis_requests_refused_total{priority=\"low\"} 3\n"), "{text}");
}

const SLOW_READ: Route = Route {
    method: Method::Get,
    path: "/test/slow",
    guard: Guard::PUBLIC,
    limit: Limit::GENERAL.timeout(Duration::from_millis(50)),
    body: Body::None,
    errors: &[],
};

const SLOW_CHANGE: Route = Route { method: Method::Post, ..SLOW_READ };

#[test]
fn a_request_that_takes_too_long_is_answered_and_a_change_may_have_taken_effect() {
    let routes: Configure = Arc::new(|app, limits| {
        let mut mount = Mount::new(app, limits);
        mount.add(&SLOW_READ, pending::<String>);
        mount.add(&SLOW_CHANGE, pending::<String>);
    });
    let settings = TestSettings { routes: Some(routes), ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    for (method, code) in [("GET", "unavailable"), ("POST", "outcome_unknown")] {
        let request =
            format!("{method} /test/slow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let answer = wire::parse(&wire::exchange(&server, request.as_bytes()));
        assert_eq!((answer.status, answer.code().as_str()), (503, code));
        assert_eq!(answer.header("retry-after"), Some("2"));
    }
    await_under_way(&server, 0);
}

type Fields = BTreeMap<String, String>;

const NOTE: Route = Route {
    method: Method::Post,
    path: "/test/notes",
    guard: Guard::CALLER,
    limit: Limit::GENERAL.priority(Priority::Normal),
    body: Body::FORM,
    errors: &[],
};

const NO_BODY: Route = Route { path: "/test/no-body", body: Body::None, ..NOTE };

#[test]
fn a_form_with_cookies_needs_the_token_of_its_session_in_the_header_or_in_a_field() {
    let routes: Configure = Arc::new(|app, limits| {
        let mut mount = Mount::new(app, limits);
        mount.add(&NOTE, async |Form(fields): Form<Fields>| format!("{fields:?}"));
        mount.add(&NO_BODY, async || "changed");
    });
    let settings = TestSettings { routes: Some(routes), ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let mut browser = Browser::of(&server);
    browser.register("ada");
    browser.sign_in("ada");
    let (cookie, token) = (cookie_line(&mut browser), browser.csrf_token());
    let mut other = Browser::of(&server);
    other.sign_in("ada");
    let foreign = other.csrf_token();
    let post = |path: &str, lines: &[&str], form: &str| -> Answer {
        let mut head =
            format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{cookie}\r\n");
        for line in [&["content-type: application/x-www-form-urlencoded"], lines].concat() {
            head.push_str(line);
            head.push_str("\r\n");
        }
        let request = format!("{head}content-length: {}\r\n\r\n{form}", form.len());
        wire::parse(&wire::exchange(&server, request.as_bytes()))
    };
    let page = "sec-fetch-site: same-origin";
    let in_header = format!("x-csrf-token: {token}");
    for (lines, form) in [
        (vec![page], format!("text=a+b%26&csrf_token={token}")),
        (vec![page], format!("csrf_token={token}&text=a%20b%26")),
        (vec![page, &in_header], "text=a+b%26".to_owned()),
    ] {
        let answer = post("/test/notes", &lines, &form);
        assert_eq!((answer.status, answer.text.as_str()), (200, r#"{"text": "a b&"}"#), "{form}");
    }
    let wrong_header = format!("x-csrf-token: {foreign}");
    for (lines, form) in [
        (vec![page], "text=a".to_owned()),
        (vec![page], "text=a&csrf_token=".to_owned()),
        (vec![page], format!("text=a&csrf_token={foreign}")),
        (vec![page], format!("text=a&csrf_token={token}&csrf_token={token}")),
        (vec![page, &wrong_header], format!("text=a&csrf_token={token}")),
        (vec![], format!("text=a&csrf_token={token}")),
        (vec!["sec-fetch-site: cross-site"], format!("text=a&csrf_token={token}")),
        (vec!["origin: null"], format!("text=a&csrf_token={token}")),
    ] {
        assert_eq!(post("/test/notes", &lines, &form).code(), "csrf_failed", "{lines:?} {form}");
    }
    // A route that reads no form cannot be reached by a form without the header.
    let answer = post("/test/no-body", &[page], &format!("csrf_token={token}"));
    assert_eq!(answer.code(), "csrf_failed");
    let lines = [page, "x-csrf-token: ", "content-type: application/x-www-form-urlencoded"];
    assert_eq!(post("/test/no-body", &lines, "").code(), "csrf_failed");
    assert_eq!(post("/test/no-body", &[page, &in_header], "").status, 200);
}
