//! A service that has the request stack and nothing else of Portcullis, over a real socket.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use actix_web::rt;
use portcullis_domain::Ambient;
use portcullis_rate_limit::{Limiter, LocalLimiter, Quota};
use portcullis_web::{
    Body, Configure, Guard, Json, Lifecycle, Limit, Method, Mount, RateLimit, RateLimitSettings,
    RateLimits, Route, RouteTable, Router, Service, Settings,
};
use serde_json::Value;

static NOTES: RateLimit = RateLimit::new("notes", 2, Duration::from_secs(60));

const NOTE: Route = Route {
    method: Method::Post,
    path: "/notes",
    guard: Guard::PUBLIC,
    limit: Limit::rate(&NOTES),
    body: Body::JSON,
    errors: &[],
};

const PROTECTED: Route = Route { path: "/protected", guard: Guard::CALLER, ..NOTE };

fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (send, started) = mpsc::channel();
    thread::spawn(move || {
        rt::System::new().block_on(async {
            let server = service(address).server(listener, routes()).unwrap();
            send.send(()).unwrap();
            server.await.unwrap();
        });
    });
    started.recv().unwrap();
    address
}

fn service(address: SocketAddr) -> Service {
    let ambient = Ambient::system();
    let general = |name| Quota::gcra(name, 1_000, Duration::from_secs(1)).unwrap();
    let quotas = RateLimitSettings {
        requests: general("requests"),
        account_requests: general("account_requests"),
        key_requests: general("key_requests"),
        routes: vec![*NOTES.quota()],
        exempt_networks: Vec::new(),
    };
    let limiter = Limiter::local_only(Arc::new(LocalLimiter::new(0)));
    Service {
        settings: Settings { workers: Some(1), ..Settings::new(format!("http://{address}")) },
        rate_limits: Arc::new(RateLimits::new(Some(quotas), limiter, ambient.clock.clone())),
        lifecycle: Arc::new(Lifecycle::default()),
        ambient,
        groups: &[],
    }
}

fn routes() -> Configure {
    Arc::new(|app, limits| {
        let mut mount = Mount::new(app, limits);
        mount.add(&NOTE, async |Json(note): Json<Value>| note.to_string());
        mount.add(&PROTECTED, async || "unreachable");
        mount.otherwise(RouteTable(vec![&NOTE, &PROTECTED]));
    })
}

/// Posts a note with these header lines; returns the answer as text.
fn post(address: SocketAddr, path: &str, lines: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
         {lines}content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_service_with_nothing_else_has_the_whole_stack() {
    let address = start();
    let answer = post(address, "/notes", "", r#"{"text":"a"}"#);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.ends_with(r#"{"text":"a"}"#), "{answer}");
    for field in ["x-request-id: ", "content-security-policy: ", "ratelimit: \"notes\";r=1;t="] {
        assert!(answer.contains(field), "{answer}");
    }
    let answer = post(address, "/notes", "origin: https://evil.example\r\n", "{}");
    assert!(answer.contains("\"code\":\"foreign_origin\""), "{answer}");
    let answer = post(address, "/notes", "x-forwarded-for: 192.0.2.1\r\n", "[]");
    assert!(answer.contains("\"code\":\"malformed_body\""), "{answer}");
    let answer = post(address, "/notes", "", "{}");
    assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
    assert!(answer.contains("retry-after: ") && answer.contains("rate_limited"), "{answer}");
    let answer = post(address, "/nowhere", "", "{}");
    assert!(answer.contains("\"code\":\"not_found\""), "{answer}");
}

#[test]
fn a_guard_without_its_parts_lets_nobody_in() {
    let answer = post(start(), "/protected", "", "{}");
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
}
