//! CORS: listed origins may call with credentials, other origins get no CORS headers.

use portcullis_testkit::{Answer, Browser, TestDatabase, TestServer, TestSettings};

const ALLOWED: &str = "https://app.example.org";

const FOREIGN: &[&str] = &[
    "https://evil.example",
    "http://app.example.org",
    "https://app.example.org:8443",
    "https://app.example.org.evil.example",
    "https://xapp.example.org",
    "https://APP.example.org",
    "null",
];

#[test]
fn a_preflight_from_an_allowed_origin_names_that_origin_and_credentials() {
    let server = server(&[ALLOWED, "https://other.example.org"]);
    let answer = preflight(&server, ALLOWED, "POST", "content-type, x-csrf-token");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), Some(ALLOWED));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(answer.header("access-control-max-age"), Some("600"));
    let list = |name: &str| {
        let mut words: Vec<String> = answer
            .header(name)
            .unwrap_or_default()
            .split(',')
            .map(|word| word.trim().to_lowercase())
            .collect();
        words.sort();
        words.join(" ")
    };
    assert_eq!(list("access-control-allow-methods"), "delete get patch post");
    assert_eq!(
        list("access-control-allow-headers"),
        "authorization content-type traceparent x-csrf-token"
    );
    assert!(answer.header("vary").unwrap().to_lowercase().contains("origin"));
}

#[test]
fn a_preflight_from_anywhere_else_allows_nothing() {
    for allowed in [vec![ALLOWED], vec![]] {
        let server = server(&allowed);
        for origin in FOREIGN {
            let answer = preflight(&server, origin, "POST", "content-type");
            assert_eq!((answer.status, answer.code().as_str()), (403, "foreign_origin"));
            assert_allows_nothing(&answer);
        }
    }
}

#[test]
fn a_preflight_for_a_method_or_header_that_is_not_offered_is_refused() {
    let server = server(&[ALLOWED]);
    for (method, header) in [("PUT", "content-type"), ("POST", "x-evil"), ("TRACE", "content-type")]
    {
        let answer = preflight(&server, ALLOWED, method, header);
        assert_eq!((answer.status, answer.code().as_str()), (400, "malformed_request"));
    }
}

#[test]
fn an_answer_to_an_allowed_origin_can_be_read_there_with_what_its_script_needs() {
    let server = server(&[ALLOWED]);
    let answer = Browser::of(&server).get("/health/live", &[("origin", ALLOWED)]);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), Some(ALLOWED));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    let exposed = answer.header("access-control-expose-headers").unwrap().to_lowercase();
    assert!(exposed.contains("retry-after") && exposed.contains("x-request-id"), "{exposed}");
    assert!(exposed.contains("link"), "{exposed}");
}

#[test]
fn an_answer_to_any_other_origin_can_be_read_nowhere_and_is_never_cached_for_another() {
    let server = server(&[ALLOWED]);
    for origin in FOREIGN {
        let answer = Browser::of(&server).get("/health/live", &[("origin", origin)]);
        assert_eq!(answer.status, 200);
        assert_allows_nothing(&answer);
        assert!(answer.header("vary").unwrap().to_lowercase().contains("origin"));
    }
}

#[test]
fn errors_can_be_read_by_allowed_origins_too() {
    let server = server(&[ALLOWED]);
    let answer = Browser::of(&server).get("/api/auth/me", &[("origin", ALLOWED)]);
    assert_eq!(answer.status, 401);
    assert_eq!(answer.header("access-control-allow-origin"), Some(ALLOWED));
}

fn server(allowed: &[&str]) -> TestServer {
    let cors_origins = allowed.iter().map(|origin| (*origin).to_owned()).collect();
    TestServer::with(
        TestDatabase::sqlite(),
        TestSettings { cors_origins, ..TestSettings::default() },
    )
}

fn preflight(server: &TestServer, origin: &str, method: &str, headers: &str) -> Answer {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", method),
        ("access-control-request-headers", headers),
    ];
    Browser::of(server).send("OPTIONS", "/api/auth/login/json", &headers, "")
}

fn assert_allows_nothing(answer: &Answer) {
    let mut names = answer.headers.iter().map(|(name, _)| name);
    assert_eq!(names.find(|name| name.starts_with("access-control-")), None);
}
