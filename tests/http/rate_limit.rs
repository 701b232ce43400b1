//! Rate limits: each client address and each account has its quota, and a refusal says when to retry.

use std::time::Duration;

use portcullis_api::route_table;
use portcullis_rate_limit::Quota;
use portcullis_testkit::{
    Answer, Browser, PASSWORD, TestDatabase, TestServer, TestSettings, at_once, redis_url,
};
use portcullis_web::quotas::{PASSWORD_RESET, REGISTRATION, SIGN_IN};
use portcullis_web::{Rate, RateLimitSettings};
use serde_json::json;

use crate::wire;

const SECOND: Duration = Duration::from_secs(1);

/// The default limits of routes, and so many requests in ten seconds.
fn limits(requests: u32, account_requests: u32) -> RateLimitSettings {
    let general = |name, limit| Quota::gcra(name, limit, 10 * SECOND).expect("a quota");
    RateLimitSettings {
        requests: general("requests", requests),
        account_requests: general("account_requests", account_requests),
        key_requests: general("key_requests", 1),
        routes: [&SIGN_IN, &REGISTRATION, &PASSWORD_RESET].map(|rate| *rate.quota()).into(),
        exempt_networks: Vec::new(),
    }
}

fn server_with(rate_limits: RateLimitSettings) -> TestServer {
    let trusted_proxies = vec!["127.0.0.1/32".to_owned()];
    let settings = TestSettings { rate_limits, trusted_proxies, ..TestSettings::default() };
    TestServer::with(TestDatabase::sqlite(), settings)
}

fn server() -> TestServer {
    server_with(limits(1_000, 1_000))
}

/// A sign-in that reaches the server through its proxy from this address.
fn sign_in_from(server: &TestServer, address: &str, password: &str) -> Answer {
    let body = json!({ "username": "ada", "password": password }).to_string();
    let headers = [("content-type", "application/json"), ("x-forwarded-for", address)];
    Browser::of(server).send("POST", "/api/auth/login/json", &headers, &body)
}

#[track_caller]
fn assert_limited(answer: &Answer, retry_after: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (429, "rate_limited"));
    assert_eq!(answer.header("retry-after"), Some(retry_after));
}

#[test]
fn the_sixth_sign_in_of_an_address_in_a_minute_is_refused_even_with_the_right_password() {
    let server = server();
    Browser::of(&server).register("ada");
    for remaining in ["4", "3", "2", "1", "0"] {
        let answer = sign_in_from(&server, "192.0.2.1", PASSWORD);
        assert_eq!(answer.status, 200);
        let state = format!("\"sign_in\";r={remaining};t=");
        assert!(answer.header("ratelimit").unwrap().starts_with(&state), "{answer:?}");
        server.clock().advance(10 * SECOND);
    }
    let refused = sign_in_from(&server, "192.0.2.1", PASSWORD);
    assert_limited(&refused, "10");
    assert_eq!(refused.header("ratelimit-policy"), Some("\"sign_in\";q=5;w=60"));
    assert_eq!(refused.header("ratelimit"), Some("\"sign_in\";r=0;t=10"));
    assert_eq!(sign_in_from(&server, "192.0.2.2", PASSWORD).status, 200);
    // The window slides: with the first sign-in a minute old there is one more, not five.
    server.clock().advance(10 * SECOND);
    assert_eq!(sign_in_from(&server, "192.0.2.1", PASSWORD).status, 200);
    assert_limited(&sign_in_from(&server, "192.0.2.1", PASSWORD), "10");
}

#[test]
fn the_form_and_json_share_the_limit_of_sign_in() {
    let server = server();
    for _ in 0..5 {
        assert_eq!(Browser::of(&server).sign_in("ada").status, 401);
    }
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let form = format!("username=ada&password={PASSWORD}");
    let answer = Browser::of(&server).send("POST", "/api/auth/login", &headers, &form);
    assert_limited(&answer, "60");
}

#[test]
fn a_page_of_another_site_uses_up_no_request_of_its_visitor() {
    let server = server();
    Browser::of(&server).register("ada");
    let headers = [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")];
    for path in ["/api/auth/login", "/api/auth/login/json", "/api/auth/register", "/api/setup"] {
        for _ in 0..11 {
            let answer = Browser::of(&server).send("POST", path, &headers, "x");
            assert_eq!((answer.status, answer.code().as_str()), (403, "foreign_origin"), "{path}");
        }
    }
    assert_eq!(Browser::of(&server).sign_in("ada").status, 200);
    assert_eq!(Browser::of(&server).register("grace").status, 201);
}

#[test]
fn fifty_sign_ins_at_once_are_five() {
    let server = server();
    let answers = at_once(50, |_| Browser::of(&server).sign_in("ada").status);
    assert_eq!(answers.iter().filter(|status| **status == 401).count(), 5);
    assert_eq!(answers.iter().filter(|status| **status == 429).count(), 45);
}

#[test]
fn the_addresses_of_one_ipv6_network_share_a_window() {
    let server = server();
    for host in 1..=5 {
        let address = format!("2001:db8::{host}");
        assert_eq!(sign_in_from(&server, &address, PASSWORD).status, 401);
    }
    assert_limited(&sign_in_from(&server, "2001:db8::ffff:1", PASSWORD), "60");
    assert_eq!(sign_in_from(&server, "2001:db8:0:1::1", PASSWORD).status, 401);
}

#[test]
fn headers_of_an_untrusted_peer_do_not_change_the_counted_address() {
    let settings = TestSettings { rate_limits: limits(1_000, 1_000), ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    for host in 1..=5 {
        assert_eq!(sign_in_from(&server, &format!("192.0.2.{host}"), PASSWORD).status, 401);
    }
    assert_limited(&sign_in_from(&server, "192.0.2.6", PASSWORD), "60");
}

#[test]
fn an_address_registers_ten_accounts_in_an_hour() {
    let server = server();
    for number in 0..10 {
        assert_eq!(Browser::of(&server).register(&format!("ada{number}")).status, 201);
    }
    assert_limited(&Browser::of(&server).register("grace"), "3600");
    server.clock().advance(3_600 * SECOND);
    assert_eq!(Browser::of(&server).register("grace").status, 201);
}

#[test]
fn an_address_asks_for_three_reset_links_in_an_hour_whomever_they_are_for() {
    let server = server();
    let ask = |name: &str| {
        let body = json!({ "email": format!("{name}@example.org") });
        Browser::of(&server).post("/api/auth/password/forgot", &body)
    };
    for name in ["ada", "grace", "nobody"] {
        assert_eq!(ask(name).status, 202);
    }
    assert_limited(&ask("ada"), "3600");
    server.clock().advance(3_600 * SECOND);
    assert_eq!(ask("ada").status, 202);
}

#[test]
fn the_general_limit_holds_for_every_route_and_for_unknown_paths() {
    let server = server_with(limits(1, 1_000));
    assert_eq!(Browser::of(&server).get("/api/auth/me", &[]).status, 401);
    for route in route_table() {
        let path = route.path.replace(['{', '}'], "");
        let answer = Browser::of(&server).send(route.method.as_str(), &path, &[], "");
        let is_exempt = matches!(route.limit.rate, Rate::Exempt(_));
        assert_eq!(answer.status == 429, !is_exempt, "{route:?}");
    }
    for path in ["/unknown", "/api/auth/unknown", "/api//auth/me"] {
        assert_limited(&Browser::of(&server).get(path, &[]), "10");
    }
    server.clock().advance(10 * SECOND);
    assert_eq!(Browser::of(&server).get("/unknown", &[]).status, 404);
}

#[test]
fn preflights_and_too_long_urls_count_under_the_general_limit() {
    let preflight = |server: &TestServer| {
        let headers =
            [("origin", "https://app.example"), ("access-control-request-method", "POST")];
        Browser::of(server).send("OPTIONS", "/api/auth/login/json", &headers, "").status
    };
    assert_counts(&[], 403, preflight);
    assert_counts(&["https://another.example"], 403, preflight);
    assert_counts(&["https://app.example"], 200, preflight);
    let long = format!("GET /{}", "a".repeat(9_000));
    assert_counts(&[], 414, |server| wire::send(server, &long, &[], b"").status);
}

/// Asserts that these requests are answered so within the general limit, and counted, when pages of these origins may
/// use the server.
fn assert_counts(cors_origins: &[&str], status: u16, send: impl Fn(&TestServer) -> u16) {
    let settings = TestSettings {
        rate_limits: limits(2, 1_000),
        trusted_proxies: vec!["127.0.0.1/32".to_owned()],
        cors_origins: cors_origins.iter().map(|origin| (*origin).to_owned()).collect(),
        ..TestSettings::default()
    };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    assert_eq!([send(&server), send(&server), send(&server)], [status, status, 429]);
    assert_limited(&Browser::of(&server).get("/api/auth/me", &[]), "5");
    assert_eq!(Browser::of(&server).get("/health/live", &[]).status, 200);
    server.clock().advance(5 * SECOND);
    assert_eq!(send(&server), status);
}

#[test]
fn an_account_has_one_quota_from_all_addresses() {
    let server = server_with(limits(1_000, 2));
    let mut ada = Browser::of(&server);
    ada.register("ada");
    let token = ada.sign_in_for_tokens("ada").field("access_token");
    let me_from = |address: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("x-forwarded-for", address)];
        Browser::of(&server).get("/api/auth/me", &headers)
    };
    assert_eq!(me_from("192.0.2.1").status, 200);
    assert_eq!(me_from("192.0.2.2").status, 200);
    let refused = me_from("192.0.2.3");
    assert_limited(&refused, "5");
    assert_eq!(refused.header("ratelimit-policy"), Some("\"account_requests\";q=2;w=10"));
    assert_eq!(Browser::of(&server).get("/api/auth/me", &[]).status, 401, "only that account");
}

#[test]
fn an_exempt_network_is_limited_by_account_only() {
    let exempt_networks = vec!["192.0.2.0/24".parse().expect("a network")];
    let server = server_with(RateLimitSettings { exempt_networks, ..limits(1, 1_000) });
    for _ in 0..20 {
        assert_eq!(sign_in_from(&server, "192.0.2.1", PASSWORD).status, 401);
    }
    assert_eq!(sign_in_from(&server, "198.51.100.1", PASSWORD).status, 401);
    assert_limited(&sign_in_from(&server, "198.51.100.1", PASSWORD), "10");
}

/// Its address stands for everybody whose address it does not forward.
#[test]
fn a_trusted_proxy_is_never_exempt() {
    let exempt_networks = vec!["127.0.0.0/8".parse().expect("a network")];
    let server = server_with(RateLimitSettings { exempt_networks, ..limits(1_000, 1_000) });
    for forwarded in ["unknown", "7.7.7.7, unknown", "127.0.0.1", "\"x", "unknown"] {
        assert_eq!(sign_in_from(&server, forwarded, PASSWORD).status, 401, "{forwarded}");
    }
    assert_limited(&sign_in_from(&server, "unknown", PASSWORD), "60");
}

#[test]
fn a_request_beyond_the_limit_is_refused_before_its_body_is_there() {
    let server = server();
    for _ in 0..5 {
        assert_eq!(Browser::of(&server).sign_in("ada").status, 401);
    }
    let headers = ["Content-Type: application/json", "Content-Length: 100"];
    let answer = wire::send(&server, "POST /api/auth/login/json", &headers, b"");
    assert_eq!(answer.status, 429);
}

#[test]
fn a_refused_sign_in_counts_no_failure_of_the_account_and_is_in_the_metrics() {
    let server = server();
    for _ in 0..20 {
        Browser::of(&server).sign_in("ada");
    }
    let failures = "SELECT count(*) FROM security_events WHERE kind = 'sign_in'";
    assert_eq!(server.database().store().number(failures).unwrap(), 5);
    let metrics = server.metrics();
    assert!(metrics.contains("portcullis_rate_limit_refused_total{limit=\"sign_in\"} 15"));
    assert!(metrics.contains("portcullis_rate_limit_refused_total{limit=\"requests\"} 0"));
}

#[test]
fn two_nodes_share_the_window_of_an_address_by_redis() {
    let database = TestDatabase::sqlite();
    let node = || {
        let settings = TestSettings {
            rate_limits: limits(1_000, 1_000),
            trusted_proxies: vec!["127.0.0.1/32".to_owned()],
            redis: Some(redis_url()),
            ..TestSettings::default()
        };
        TestServer::with(database.shared(), settings)
    };
    let nodes = [node(), node()];
    // A call that takes longer than 300 ms on a busy machine is decided by the node, and proves nothing:
    // then the test begins again with another address.
    let is_proven = (0..50).any(|attempt| {
        let address = format!("203.0.113.{attempt}");
        let before = nodes.each_ref().map(failed_calls);
        let answers = at_once(10, |number| set_up_from(&nodes[number % 2], &address).status);
        let refused = nodes.each_ref().map(|node| set_up_from(node, &address));
        if before.contains(&None) || nodes.each_ref().map(failed_calls) != before {
            // Each node asks Redis again.
            database.clock().advance(5 * SECOND);
            for node in &nodes {
                set_up_from(node, &format!("198.51.100.{attempt}"));
            }
            return false;
        }
        assert_eq!(answers.iter().filter(|status| **status == 401).count(), 5, "{answers:?}");
        for refused in refused {
            assert_eq!((refused.status, refused.code().as_str()), (429, "rate_limited"));
        }
        true
    });
    assert!(is_proven, "Redis has not decided all requests of any address");
    for node in &nodes {
        assert_eq!(set_up_from(node, "192.0.2.78").status, 401);
    }
}

/// A request with the limit of sign-in that hashes no password, from this address.
fn set_up_from(server: &TestServer, address: &str) -> Answer {
    let body = json!({ "setup_token": "x", "username": "eve", "email": "eve@example.org",
        "password": PASSWORD });
    let headers = [("content-type", "application/json"), ("x-forwarded-for", address)];
    Browser::of(server).send("POST", "/api/setup", &headers, &body.to_string())
}

/// The failed calls of the shared limiter; `None` while the node counts alone.
fn failed_calls(node: &TestServer) -> Option<u64> {
    const FAILURES: &str = "portcullis_rate_limit_shared_failures_total{";
    let metrics = node.metrics();
    let counts = metrics.lines().filter(|line| line.starts_with(FAILURES));
    let counts = counts.map(|line| line.rsplit_once(' ').and_then(|(_, count)| count.parse().ok()));
    let failures = counts.map(|count: Option<u64>| count.expect("a number")).sum();
    metrics.contains("portcullis_rate_limit_shared 1").then_some(failures)
}

/// Nothing listens on that port. The windows of the node decide with the same numbers.
#[test]
fn without_its_redis_a_node_limits_alone() {
    let settings = TestSettings {
        rate_limits: limits(1_000, 1_000),
        redis: Some("redis://127.0.0.1:1".to_owned()),
        ..TestSettings::default()
    };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let answers = at_once(20, |_| Browser::of(&server).sign_in("ada").status);
    assert_eq!(answers.iter().filter(|status| **status == 401).count(), 5, "{answers:?}");
    assert_limited(&Browser::of(&server).sign_in("ada"), "60");
    let metrics = server.metrics();
    assert!(metrics.contains("portcullis_rate_limit_shared 0"), "{metrics}");
    assert!(!metrics.contains("portcullis_rate_limit_shared_failures_total{reason=\"lost\"} 0"));
}

/// A spelling that reaches the route is limited with it; every other one is an unknown path.
#[test]
fn no_spelling_of_a_path_escapes_the_limit() {
    let server = server();
    for _ in 0..5 {
        assert_eq!(Browser::of(&server).sign_in("ada").status, 401);
    }
    let body = json!({ "username": "ada", "password": PASSWORD }).to_string();
    let post = |path: &str| {
        let headers = ["Content-Type: application/json", "X-HTTP-Method-Override: GET"];
        wire::send(&server, &format!("POST {path}"), &headers, body.as_bytes()).status
    };
    for path in [
        "/api/auth/login/json",
        "/api/auth/login/json?again=1",
        "/api/auth/%6cogin/json",
        "/api/%61uth/login/j%73on",
    ] {
        assert_eq!(post(path), 429, "{path}");
    }
    for path in [
        "//api/auth/login/json",
        "/api/auth//login/json",
        "/api/auth/./login/json",
        "/api/auth/x/../login/json",
        "/API/auth/login/json",
        "/api/auth/login/json/",
        "/api/auth/login/json;x",
        "/api/auth/login%2fjson",
        "/api/auth/login/json%00",
    ] {
        assert_eq!(post(path), 404, "{path}");
    }
}

/// A header that names another method changes nothing.
#[test]
fn a_method_override_is_ignored() {
    let server = server();
    for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
        let answer = Browser::of(&server).get("/api/auth/login/json", &[(name, "POST")]);
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{name}");
    }
}
