//! Metrics of requests: answers by route and status, latency, problems; of sign-ins; of pools and the process.

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis_domain::Clock;
use portcullis_testkit::{Browser, TestDatabase, TestServer, TestSettings};
use serde_json::json;

use crate::member::Member;
use crate::stack::{Held, NORMAL, await_under_way, hold};
use crate::wire;

/// The value of this line of the metrics; `None` without it.
fn value(metrics: &str, line: &str) -> Option<f64> {
    let value = metrics.lines().find_map(|known| known.strip_prefix(line)?.strip_prefix(' '))?;
    Some(value.parse().expect("a number"))
}

fn requests(metrics: &str, labels: &str) -> Option<f64> {
    value(metrics, &format!("portcullis_requests_total{{{labels}}}"))
}

#[test]
fn answers_are_counted_by_the_pattern_of_the_route_and_by_status() {
    let server = TestServer::start(TestDatabase::sqlite());
    let member = Member::new(&server, "ada", "admin");
    let known = Browser::of(&server);
    for _ in 0..3 {
        assert_eq!(known.get_as("/api/auth/me", &member.token).status, 200);
    }
    let mut stranger = Browser::of(&server);
    assert_eq!(stranger.get("/api/auth/me", &[]).status, 401);
    assert_eq!(wire::send(&server, "HEAD /health/live", &[], b"").status, 200);
    for path in ["/secret-7f3a", "/api/auth/secret-7f3a?token=secret-7f3a"] {
        assert_eq!(stranger.get(path, &[]).status, 404);
    }
    assert_eq!(known.get_as("/api/admin/users/secret-7f3a", &member.token).status, 404);
    let long = format!("GET /{}", "x".repeat(9 * 1024));
    assert_eq!(wire::send(&server, &long, &[], b"").status, 414);

    let metrics = server.metrics();
    for (labels, count) in [
        (r#"method="GET",route="/api/auth/me",status="200""#, 3.0),
        (r#"method="GET",route="/api/auth/me",status="401""#, 1.0),
        (r#"method="GET",route="/health/live",status="200""#, 1.0),
        (r#"method="GET",route="/api/admin/users/{id}",status="404""#, 1.0),
        (r#"method="none",route="none",status="404""#, 2.0),
        (r#"method="none",route="none",status="414""#, 1.0),
        (r#"method="POST",route="/api/auth/login/json",status="200""#, 1.0),
    ] {
        assert_eq!(requests(&metrics, labels), Some(count), "{labels} in {metrics}");
    }
    assert!(!metrics.contains("secret-7f3a"), "no part of a request is a label: {metrics}");
    let problem = |code| value(&metrics, &format!("portcullis_problems_total{{code=\"{code}\"}}"));
    assert_eq!(problem("not_authenticated"), Some(1.0));
    assert_eq!(problem("not_found"), Some(3.0), "{metrics}");
    assert_eq!(problem("url_too_long"), Some(1.0));
}

#[test]
fn what_is_no_request_counts_as_a_problem() {
    let server = TestServer::start(TestDatabase::sqlite());
    let answer = wire::exchange(&server, b"GET / HTTP/1.1\r\nno colon\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let line = "portcullis_problems_total{code=\"malformed_request\"}";
    assert_eq!(value(&server.metrics(), line), Some(1.0));
}

#[test]
fn a_page_that_shows_a_problem_in_a_form_counts_too() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    let form = [("username", "nobody"), ("password", "wrong-xylem-quartz-41")];
    let shown = browser.submit("/console/sign-in", &form);
    assert_eq!(shown.status, 401, "{}", shown.text);
    let line = "portcullis_problems_total{code=\"invalid_credentials\"}";
    assert_eq!(value(&server.metrics(), line), Some(1.0));
}

#[test]
fn latency_is_measured_from_the_head_of_the_request_to_that_of_the_answer() {
    let held = Held::default();
    let settings = TestSettings { routes: Some(held.routes()), ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let stream = hold(&server, NORMAL, "192.0.2.1");
    await_under_way(&server, 1);
    server.clock().advance(Duration::from_millis(300));
    held.release();
    await_under_way(&server, 0);
    let labels = format!("method=\"GET\",route=\"{NORMAL}\"");
    let of = |metrics: &str, part: &str| {
        value(metrics, &format!("portcullis_request_duration_seconds{part}"))
    };
    let count = format!("_count{{{labels}}}");
    // The answer is counted after the request has left the stack of its route.
    let metrics = loop {
        let metrics = server.metrics();
        if of(&metrics, &count).is_some() {
            break metrics;
        }
    };
    drop(stream);
    for (bound, expected) in [("0.25", 0.0), ("0.5", 1.0), ("10", 1.0), ("+Inf", 1.0)] {
        let bucket = format!("_bucket{{{labels},le=\"{bound}\"}}");
        assert_eq!(of(&metrics, &bucket), Some(expected), "{bound} in {metrics}");
    }
    assert_eq!(of(&metrics, &format!("_sum{{{labels}}}")), Some(0.3));
}

#[test]
fn sign_ins_are_counted_by_outcome_and_factor() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut ada = Member::new(&server, "ada", "msa");
    let mut browser = Browser::of(&server);
    browser.sign_in_with("ada", "wrong-xylem-quartz-41");
    browser.sign_in_with("nobody", "wrong-xylem-quartz-41");
    let app = ada.enrol_app(&server);
    let token = browser.sign_in("ada").field("mfa_token");
    let mut answer = |code: &str| {
        browser.post("/api/auth/login/mfa", &json!({ "mfa_token": token, "code": code })).status
    };
    assert_eq!(answer("000000"), 401);
    assert_eq!(answer(&app.code(server.clock().now())), 200);

    let metrics = server.metrics();
    let lines = metrics.lines().filter(|line| line.starts_with("portcullis_sign_ins_total{"));
    assert_eq!(
        lines.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>(),
        [
            r#"portcullis_sign_ins_total{outcome="challenged",factor="password"} 1"#,
            r#"portcullis_sign_ins_total{outcome="success",factor="password"} 1"#,
            r#"portcullis_sign_ins_total{outcome="success",factor="totp"} 1"#,
            r#"portcullis_sign_ins_total{outcome="unknown_account",factor="password"} 1"#,
            r#"portcullis_sign_ins_total{outcome="wrong_code",factor="totp"} 1"#,
            r#"portcullis_sign_ins_total{outcome="wrong_password",factor="password"} 1"#,
        ]
    );
}

#[test]
fn the_pools_of_the_database_and_the_process_have_metrics() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        Browser::of(&server).register("ada");
        let metrics = server.metrics();
        let pools: BTreeSet<&str> = metrics
            .lines()
            .filter_map(|line| line.strip_prefix("portcullis_database_connections{pool=\""))
            .filter_map(|rest| rest.split('"').next())
            .collect();
        let expected = [BTreeSet::from(["read", "write"]), BTreeSet::from(["all"])];
        assert!(expected.contains(&pools), "{pools:?}");
        for pool in pools {
            let of = |name: &str| {
                let line = format!("portcullis_database_connections{name}{{pool=\"{pool}\"}}");
                value(&metrics, &line).expect("each pool has each metric")
            };
            assert!(of("") >= 1.0 && of("") <= of("_max") && of("_idle") <= of(""), "{metrics}");
        }
        assert_eq!(value(&metrics, "portcullis_database_waits_failed_total"), Some(0.0));
        for name in [
            "process_start_time_seconds",
            "process_cpu_seconds_total",
            "process_resident_memory_bytes",
            "process_virtual_memory_bytes",
            "process_threads",
            "process_open_fds",
            "process_max_fds",
        ] {
            assert!(value(&metrics, name).is_some_and(|value| value > 0.0), "{name} in {metrics}");
        }
        let version = format!("portcullis_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
        assert_eq!(value(&metrics, &version), Some(1.0));
    });
}
