//! Reports of browsers about violations of the content policy of a page.

use std::time::Duration;

use portcullis_rate_limit::{BanPolicy, Quota};
use portcullis_testkit::{Answer, Browser, TestDatabase, TestServer, TestSettings};
use portcullis_web::RateLimitSettings;
use portcullis_web::quotas::CSP_REPORTS;
use serde_json::{Value, json};

const URI: &str = "application/csp-report";
const TO: &str = "application/reports+json";

fn send(server: &TestServer, content_type: &str, body: &str) -> Answer {
    let headers = [("content-type", content_type), ("origin", server.origin())];
    Browser::of(server).send("POST", "/api/csp-reports", &headers, body)
}

/// A report as Chromium sends it by `report-uri`.
fn report(directive: &str) -> Value {
    json!({ "csp-report": {
        "document-uri": "https://auth.example.org/console",
        "referrer": "",
        "violated-directive": directive,
        "effective-directive": directive,
        "original-policy": "default-src 'none'",
        "disposition": "enforce",
        "blocked-uri": "https://cdn.example/script.js?secret=1",
        "status-code": 200,
        "script-sample": "",
    }})
}

#[test]
fn violations_are_counted_by_directive_and_nobody_chooses_the_word() {
    let server = TestServer::start(TestDatabase::sqlite());
    assert_eq!(server.csp_violations(), [""; 0]);
    for directive in ["img-src", "script-src-elem", "img-src", "x\"} 7\n", "other", ""] {
        let answer = send(&server, URI, &report(directive).to_string());
        assert_eq!((answer.status, answer.text.as_str()), (204, ""), "{directive:?}");
    }
    let violation = |directive| {
        json!({ "type": "csp-violation", "age": 12, "url": "https://auth.example.org/console",
            "user_agent": "Mozilla/5.0", "body": { "effectiveDirective": directive,
                "blockedURL": "inline", "disposition": "enforce", "statusCode": 200 } })
    };
    let reports = json!([violation("style-src-attr"), { "type": "deprecation", "body": { "id": "x" } },
        violation("img-src")]);
    assert_eq!(send(&server, TO, &reports.to_string()).status, 204);
    assert_eq!(
        server.csp_violations(),
        ["img-src 3", "other 3", "script-src-elem 1", "style-src-attr 1"]
    );
    let many: Vec<Value> = std::iter::repeat_with(|| violation("font-src")).take(200).collect();
    assert_eq!(send(&server, TO, &Value::from(many).to_string()).status, 204);
    assert!(
        server.csp_violations().contains(&"font-src 100".to_owned()),
        "{:?}",
        server.csp_violations()
    );
}

#[test]
fn what_no_browser_sends_is_refused_and_not_counted() {
    let server = TestServer::start(TestDatabase::sqlite());
    let right = report("img-src").to_string();
    let large = format!("{right}{}", " ".repeat(64 * 1024));
    for (content_type, body, code) in [
        ("application/json", right.as_str(), "unsupported_media_type"),
        ("text/plain", &right, "unsupported_media_type"),
        (TO, &right, "malformed_body"),
        (URI, "[]", "malformed_body"),
        (URI, "", "malformed_body"),
        (URI, &large, "body_too_large"),
    ] {
        assert_eq!(send(&server, content_type, body).code(), code, "{content_type}");
    }
    for foreign in ["https://evil.example", "null"] {
        let headers = [("content-type", URI), ("origin", foreign)];
        let answer = Browser::of(&server).send("POST", "/api/csp-reports", &headers, &right);
        assert_eq!(answer.code(), "foreign_origin");
    }
    assert_eq!(server.csp_violations(), [""; 0]);
}

/// An extension may cause a violation on every page, and a browser does not wait as long as it is told.
#[test]
fn a_browser_that_reports_too_often_is_refused_and_never_banned() {
    let general = |name| Quota::gcra(name, 100_000, Duration::from_secs(10)).expect("a quota");
    let settings = TestSettings {
        rate_limits: RateLimitSettings {
            requests: general("requests"),
            account_requests: general("account_requests"),
            key_requests: general("key_requests"),
            routes: vec![*CSP_REPORTS.quota()],
            exempt_networks: Vec::new(),
        },
        bans: BanPolicy { offences: 3, ..BanPolicy::default() },
        ..TestSettings::default()
    };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let body = report("img-src").to_string();
    for _ in 0..20 {
        assert_eq!(send(&server, URI, &body).status, 204);
    }
    for _ in 0..10 {
        assert_eq!(send(&server, URI, &body).code(), "rate_limited");
        server.clock().advance(Duration::from_secs(1));
    }
    assert_eq!(server.csp_violations(), ["img-src 20"]);
    let refused = "portcullis_rate_limit_refused_total{limit=\"csp_reports\"} 10";
    assert!(server.metrics().lines().any(|line| line == refused));
}

#[test]
fn the_policy_of_a_page_names_the_route_and_over_tls_the_endpoint_too() {
    for (secure_cookies, end, endpoints) in [
        (false, "; report-uri /api/csp-reports", None),
        (true, "; report-uri /api/csp-reports; report-to csp", Some("csp=\"/api/csp-reports\"")),
    ] {
        let settings = TestSettings { secure_cookies, ..TestSettings::default() };
        let server = TestServer::with(TestDatabase::sqlite(), settings);
        for path in ["/console/sign-in", "/console/nowhere", "/api/docs/"] {
            let answer = Browser::of(&server).get(path, &[]);
            let policy = answer.header("content-security-policy").unwrap_or_default();
            assert!(policy.ends_with(end), "{path}: {policy}");
            assert_eq!(answer.header("reporting-endpoints"), endpoints, "{path}");
        }
    }
}
