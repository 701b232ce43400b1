//! The listener for operators and monitors: what it has, and what the public one has not.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use portcullis_testkit::{
    Answer, Browser, TestCertificates, TestDatabase, TestServer, TestSettings,
};
use serde_json::Value;

use crate::member::Member;
use crate::wire;

fn send(origin: &str, method: &str, path: &str) -> Answer {
    let address = origin.strip_prefix("http://").expect("a plain origin");
    let mut stream = TcpStream::connect(address).expect("the listener accepts");
    let request = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer, and the end");
    wire::parse(&text)
}

fn report(server: &TestServer) -> Value {
    let answer = Browser::at(server.operations()).get("/health", &[]);
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

#[test]
fn the_report_has_every_part_of_the_node_and_no_secret() {
    let certificates = TestCertificates::new();
    let settings = TestSettings { tls: Some(certificates.files()), ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let report = report(&server);
    assert_eq!(report["status"], "ready", "{report}");
    for part in ["database", "writes", "recording", "revocations", "clock", "tls"] {
        assert_eq!(report[part]["ok"], true, "{part} in {report}");
    }
    assert_eq!(report["checkpoints"]["alarms"], 0, "{report}");
    assert_eq!(report["log_lines_lost"], 0, "{report}");
    assert_eq!(report["version"], env!("CARGO_PKG_VERSION"), "{report}");
    assert!(report["started_at"].as_str().is_some_and(|time| time.ends_with('Z')), "{report}");
    assert_eq!(report["mails"]["dead_letters"], 0, "{report}");
    assert!(report["signing_keys"]["published"].is_u64(), "{report}");
    assert!(report["tls"]["expires"].as_str().is_some_and(|time| time.ends_with('Z')), "{report}");
    assert!(report.get("redis").is_none(), "there is no Redis: {report}");
    let jobs = report["jobs"].as_array().expect("a list");
    for name in ["sessions", "checkpoints", "signing_keys", "rate_limits"] {
        let job = jobs.iter().find(|job| job["name"] == name).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(job["failures"], 0, "{job}");
    }
    let text = report.to_string();
    for secret in ["sqlite", "postgres", "key.pem", "server.key", "BEGIN"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[test]
fn the_report_names_what_is_lost() {
    let settings =
        TestSettings { redis: Some("redis://127.0.0.1:1".to_owned()), ..TestSettings::default() };
    let (database, switch) = TestDatabase::postgres_with_switch();
    let server = TestServer::with(database, settings);
    assert_eq!(report(&server)["redis"]["ok"], false);
    switch.off();
    server.clock().advance(Duration::from_millis(100));
    let broken = report(&server);
    assert_eq!(broken["status"], "not_ready", "{broken}");
    assert_eq!(broken["writes"]["ok"], false, "{broken}");
}

#[test]
fn both_listeners_have_liveness_and_readiness_and_only_one_the_rest() {
    let server = TestServer::start(TestDatabase::sqlite());
    let _account = Member::new(&server, "ada", "msa");
    for path in ["/health/live", "/health/ready"] {
        for origin in [server.origin(), server.operations()] {
            assert_eq!(Browser::at(origin).get(path, &[]).status, 200, "{origin}{path}");
        }
    }
    for path in ["/metrics", "/health"] {
        let answer = Browser::of(&server).get(path, &[]);
        assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"), "{path}");
        assert_eq!(Browser::at(server.operations()).get(path, &[]).status, 200, "{path}");
    }
    for path in ["/api/auth/me", "/api/auth/login", "/api/openapi.json", "/.well-known/jwks.json"] {
        // The API document is that of the public listener, so no contract is checked here.
        let answer = send(server.operations(), "GET", path);
        assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"), "{path}");
    }
    let post = send(server.operations(), "POST", "/metrics");
    assert_eq!((post.status, post.header("allow")), (405, Some("GET, HEAD")));
}
