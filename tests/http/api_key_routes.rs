//! Every route with API keys: those that take them, and those that never do.

use std::time::Duration;

use portcullis_api::route_table;
use portcullis_domain::{ApiKeyId, Clock, SystemRandom};
use portcullis_rate_limit::Quota;
use portcullis_testkit::{Answer, Browser, TestDatabase, TestServer, TestSettings};
use portcullis_token::ApiKey;
use portcullis_web::{Audience, Body, RateLimitSettings, Route, WRONG_API_KEYS};

use crate::api_keys::create;
use crate::member::Member;

/// The routes that take keys. Nothing else may be added without a reason.
const ROUTES: [&str; 29] = [
    "GET /api/auth/me",
    "POST /api/authz/check",
    "POST /api/authz/check/batch",
    "GET /api/authz/matrix",
    "GET /api/admin/users",
    "GET /api/admin/users/{id}",
    "GET /api/admin/users/{id}/sessions",
    "GET /api/admin/users/{id}/lockout",
    "GET /api/admin/users/{id}/api-keys",
    "GET /api/admin/users/{id}/ip-allowlist",
    "GET /api/admin/sessions",
    "GET /api/admin/lockouts",
    "GET /api/admin/invitations",
    "GET /api/admin/matrix/versions",
    "GET /api/admin/matrix/versions/{number}",
    "POST /api/admin/matrix/validate",
    "POST /api/admin/matrix/diff",
    "POST /api/admin/matrix/replay",
    "GET /api/admin/decisions/{id}",
    "GET /api/admin/audit",
    "GET /api/admin/sign-ins",
    "GET /api/admin/audit/checkpoints/{number}",
    "GET /api/admin/bans",
    "GET /api/admin/outbox",
    "GET /api/admin/risk/replay",
    "GET /api/admin/risk/sign-ins",
    "GET /api/admin/signing-keys",
    "GET /api/admin/jobs",
    "GET /api/admin/settings",
];

#[test]
fn the_widest_key_of_an_administrator_opens_no_other_route() {
    let server = TestServer::start(TestDatabase::sqlite());
    let ada = Member::developer(&server, "ada", "admin");
    let key = create(&ada, &["*:*"]).field("key");
    let mut taking = Vec::new();
    for route in route_table() {
        let answer = send(&server, route, &key);
        let name = format!("{} {}", route.method.as_str(), route.path);
        match route.guard.audience {
            Audience::Everybody | Audience::Local => {}
            Audience::Service => {
                assert_eq!(answer.code(), "invalid_service_credential", "{name}");
            }
            Audience::SessionCredentials => assert_eq!(answer.code(), "invalid_token", "{name}"),
            _ if route.guard.takes_api_keys() => {
                assert!(![401, 403].contains(&answer.status), "{name}: {}", answer.text);
                taking.push(name);
            }
            _ => {
                let refused = (answer.status, answer.code());
                assert_eq!(refused, (403, "api_key_not_accepted".to_owned()), "{name}");
            }
        }
    }
    taking.sort_unstable();
    let mut expected = ROUTES.map(str::to_owned).to_vec();
    expected.sort_unstable();
    assert_eq!(taking, expected);
}

#[test]
fn a_narrow_key_of_an_administrator_opens_nothing_that_takes_a_permission() {
    let server = TestServer::start(TestDatabase::sqlite());
    let ada = Member::developer(&server, "ada", "admin");
    let key = create(&ada, &["schedule:list"]).field("key");
    let with_permission = route_table().into_iter().filter(|route| {
        route.guard.takes_api_keys()
            && !route.guard.permissions.is_empty()
            && route.guard.audience == Audience::Caller
    });
    let mut tried = 0;
    for route in with_permission {
        let answer = send(&server, route, &key);
        assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"), "{route:?}");
        tried += 1;
    }
    assert!(tried > 8, "{tried}");
}

#[test]
fn a_text_that_is_no_key_is_refused_and_twenty_of_them_are_enough() {
    let server = TestServer::start(TestDatabase::sqlite());
    let ada = Member::developer(&server, "ada", "msa");
    let key = create(&ada, &["schedule:list"]).field("key");
    let unknown = "pk_02wndAAHBC95f4Al8rNFlB_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzz000000";
    for text in ["pk_", "pk_x", unknown, &key[..61], &format!("{key}0")] {
        let refused = Browser::of(&server).get_as("/api/auth/me", text);
        assert_eq!((refused.status, refused.code().as_str()), (401, "invalid_api_key"), "{text}");
    }
    let wrong = || Browser::of(&server).get_as("/api/auth/me", unknown);
    (5..20).for_each(|_| assert_eq!(wrong().status, 401));
    let limited = wrong();
    assert_eq!((limited.status, limited.code().as_str()), (429, "rate_limited"));
    assert!(limited.header("ratelimit-policy").unwrap().starts_with("\"wrong_api_keys\";q=20"));
    // A right one is used on, and the wait ends.
    assert_eq!(Browser::of(&server).get_as("/api/auth/me", &key).status, 200);
    server.clock().advance(Duration::from_secs(60));
    assert_eq!(wrong().status, 401);
}

#[test]
fn five_thousand_random_keys_with_a_known_id_are_refused_and_no_password_is_hashed() {
    let settings = TestSettings { rate_limits: without_wrong_keys(), ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let ada = Member::developer(&server, "ada", "msa");
    let key = create(&ada, &["schedule:list"]).field("key");
    let id = ApiKey::parse(&key).unwrap().id();
    let browser = Browser::of(&server);
    for number in 0..5_000 {
        let other = if number % 2 == 0 {
            ApiKey::generate(id, &SystemRandom)
        } else {
            ApiKey::generate(ApiKeyId::generate(server.clock().now(), &SystemRandom), &SystemRandom)
        };
        let refused = browser.get_as("/api/auth/me", other.expose());
        assert_eq!((refused.status, refused.code().as_str()), (401, "invalid_api_key"));
    }
    assert_eq!(server.hashing().waiting(), 0);
    assert_eq!(browser.get_as("/api/auth/me", &key).status, 200);
    let rows = "SELECT count(*) FROM security_events WHERE kind = 'api_key_used'";
    server.record_key_uses();
    assert_eq!(server.database().store().number(rows).unwrap(), 1, "wrong keys are nobody's uses");
}

/// Limits that wrong keys do not reach.
fn without_wrong_keys() -> RateLimitSettings {
    let mut limits = TestSettings::default().rate_limits;
    let name = WRONG_API_KEYS.quota().name();
    limits.routes.push(Quota::gcra(name, 1_000_000, Duration::from_secs(1)).expect("a quota"));
    limits
}

/// Sends an empty object, or no body to a route that reads none, with this key.
fn send(server: &TestServer, route: &Route, key: &str) -> Answer {
    let bearer = format!("Bearer {key}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let (headers, body) =
        if route.body == Body::None { (&headers[..1], "") } else { (&headers[..], "{}") };
    let path: Vec<&str> = route
        .path
        .split('/')
        .map(|segment| {
            if segment == "{number}" {
                "1"
            } else if segment.starts_with('{') {
                "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e15"
            } else {
                segment
            }
        })
        .collect();
    Browser::of(server).send(route.method.as_str(), &path.join("/"), headers, body)
}
