//! Bans: an address that ignores refusals is refused everywhere, for a growing time, on all nodes.

use std::time::Duration;

use portcullis_rate_limit::{BanPolicy, Quota};
use portcullis_testkit::{
    Answer, Browser, PASSWORD, TestDatabase, TestServer, TestSettings, at_once, redis_url,
};
use portcullis_web::RateLimitSettings;
use portcullis_web::quotas::{REGISTRATION, SIGN_IN};
use serde_json::{Value, json};

use crate::member::Member;
use crate::{proxy_protocol, wire};

const SECOND: Duration = Duration::from_secs(1);

/// Offences that start no ban.
const OFFENCES: u32 = 3;

/// The default limits of sign-in, few offences, and the test as a trusted proxy.
fn settings() -> TestSettings {
    let general = |name, limit| Quota::gcra(name, limit, 10 * SECOND).expect("a quota");
    TestSettings {
        rate_limits: RateLimitSettings {
            requests: general("requests", 100_000),
            account_requests: general("account_requests", 100),
            key_requests: general("key_requests", 100),
            routes: [&SIGN_IN, &REGISTRATION].map(|rate| *rate.quota()).into(),
            exempt_networks: vec!["198.18.0.0/15".parse().expect("a network")],
        },
        bans: BanPolicy { offences: OFFENCES, ..BanPolicy::default() },
        trusted_proxies: vec!["127.0.0.1/32".to_owned()],
        ..TestSettings::default()
    }
}

fn server() -> TestServer {
    TestServer::with(TestDatabase::sqlite(), settings())
}

/// A sign-in of no account that the proxy forwards for this address.
fn sign_in_from(server: &TestServer, address: &str) -> Answer {
    let body = json!({ "username": "nobody", "password": PASSWORD }).to_string();
    let headers = [("content-type", "application/json"), ("x-forwarded-for", address)];
    Browser::of(server).send("POST", "/api/auth/login/json", &headers, &body)
}

fn get_from(server: &TestServer, address: &str) -> Answer {
    Browser::of(server).get("/api/auth/me", &[("x-forwarded-for", address)])
}

/// Uses up the sign-ins of the address, and is refused for the first time.
fn use_up(server: &TestServer, address: &str) {
    for _ in 0..5 {
        assert_eq!(sign_in_from(server, address).status, 401);
    }
    assert_eq!(sign_in_from(server, address).status, 429);
}

/// Commits offences until the next one starts a ban.
fn offend(server: &TestServer, address: &str) {
    use_up(server, address);
    for _ in 0..OFFENCES {
        server.clock().advance(SECOND);
        assert_eq!(sign_in_from(server, address).status, 429);
    }
    server.clock().advance(SECOND);
}

/// Commits offences, the last of which starts a ban.
fn get_banned(server: &TestServer, address: &str) {
    offend(server, address);
    assert_eq!(sign_in_from(server, address).status, 429, "the request that starts the ban");
    assert_eq!(get_from(server, address).code(), "banned");
}

/// Repeats requests, without a sleep, until one shows it.
#[track_caller]
fn soon(holds: impl Fn() -> bool) {
    assert!((0..20_000).any(|_| holds()));
}

fn events(server: &TestServer, kind: &str) -> Vec<Value> {
    let query = format!("SELECT details FROM security_events WHERE kind = '{kind}' ORDER BY id");
    let texts = server.database().store().texts(&query).expect("the database answers");
    texts.iter().map(|text| serde_json::from_str(text).expect("details are JSON")).collect()
}

fn metric(server: &TestServer, name: &str) -> u64 {
    let metrics = server.metrics();
    let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("portcullis_{name} ")));
    line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name}: {metrics}"))
}

#[test]
fn an_address_that_ignores_refusals_is_banned_and_no_other_one() {
    let server = server();
    offend(&server, "192.0.2.1");
    assert_eq!(get_from(&server, "192.0.2.1").status, 401, "not yet");
    assert_eq!(sign_in_from(&server, "192.0.2.1").status, 429);

    for path in ["/api/auth/me", "/health/live", "/", "/metrics", "/api/openapi.json"] {
        let refused = Browser::of(&server).get(path, &[("x-forwarded-for", "192.0.2.1")]);
        assert_eq!((refused.status, refused.code().as_str()), (403, "banned"), "{path}");
        assert_eq!(refused.header("retry-after"), Some("600"));
    }
    let long = format!("/{}", "a".repeat(9_000));
    let forwarded = ["X-Forwarded-For: 192.0.2.1"];
    assert_eq!(wire::send(&server, &format!("GET {long}"), &forwarded, b"").code(), "banned");
    let preflight = [("origin", "https://app.example"), ("x-forwarded-for", "192.0.2.1")];
    assert_eq!(Browser::of(&server).send("OPTIONS", "/api/auth/me", &preflight, "").status, 403);
    assert_eq!(get_from(&server, "192.0.2.2").status, 401);
    assert_eq!(Browser::of(&server).get("/health/live", &[]).status, 200);

    soon(|| events(&server, "ban_started").len() == 1);
    let details = json!({ "address": "192.0.2.1", "prefix_length": 32, "seconds": 600,
        "offences": OFFENCES, "former_bans": 0 });
    assert_eq!(events(&server, "ban_started"), [details]);
    soon(|| metric(&server, "bans_started_total") == 1);
    assert_eq!(metric(&server, "bans_active"), 1);
    assert_eq!(metric(&server, "ban_refused_total"), 7);
    server.clock().advance(599 * SECOND);
    assert_eq!(get_from(&server, "192.0.2.1").header("retry-after"), Some("1"));
    server.clock().advance(SECOND);
    assert_eq!(get_from(&server, "192.0.2.1").status, 401);
    assert_eq!(metric(&server, "bans_active"), 0);
}

/// The connection of a proxy carries the requests of other clients too.
#[test]
fn a_ban_ends_the_connection_of_its_client_and_not_that_of_a_proxy() {
    let server = server();
    get_banned(&server, "192.0.2.1");
    let me = |address: &str, more: &str| {
        format!("GET /api/auth/me HTTP/1.1\r\nhost: x\r\nx-forwarded-for: {address}\r\n{more}\r\n")
    };
    let requests = me("192.0.2.1", "") + &me("192.0.2.2", "connection: close\r\n");
    let answers = wire::exchange(&server, requests.as_bytes());
    assert_eq!(wire::statuses(&answers), [403, 401], "{answers}");

    let settings = TestSettings { proxy_protocol: true, ..settings() };
    let server = TestServer::with(server.database().shared(), settings);
    let header = proxy_protocol::header(0x21, "192.0.2.1");
    let answers = || wire::exchange(&server, &[header.as_slice(), requests.as_bytes()].concat());
    soon(|| answers().contains("\"banned\""));
    let answers = answers();
    assert_eq!(wire::statuses(&answers), [403], "{answers}");
    assert_eq!(wire::parse(&answers).header("connection"), Some("close"));
}

#[test]
fn each_further_ban_takes_twice_as_long() {
    let server = server();
    for seconds in [600, 1_200, 2_400] {
        get_banned(&server, "192.0.2.1");
        let expected = seconds.to_string();
        soon(|| get_from(&server, "192.0.2.1").header("retry-after") == Some(&expected));
        server.clock().advance(seconds * SECOND);
        assert_eq!(get_from(&server, "192.0.2.1").status, 401);
    }
    let former: Vec<Value> =
        events(&server, "ban_started").iter().map(|event| event["former_bans"].clone()).collect();
    assert_eq!(former, [0, 1, 2]);
}

#[test]
fn a_ban_covers_the_whole_network_of_an_ipv6_client() {
    let server = server();
    get_banned(&server, "2001:db8:1:2::1");
    assert_eq!(get_from(&server, "2001:db8:1:2:ffff::9").code(), "banned");
    assert_eq!(get_from(&server, "2001:db8:1:3::1").status, 401);
}

#[test]
fn a_client_that_waits_as_it_is_told_is_never_banned() {
    let server = server();
    for _ in 0..20 {
        let answer = sign_in_from(&server, "192.0.2.1");
        if answer.status == 429 {
            let seconds = answer.header("retry-after").and_then(|wait| wait.parse().ok());
            server.clock().advance(SECOND * seconds.expect("a number of seconds"));
        }
    }
    for _ in 0..100 {
        use_up(&server, "192.0.2.2");
        server.clock().advance(60 * SECOND);
    }
    assert_eq!(metric(&server, "bans_active"), 0);
}

#[test]
fn this_machine_a_trusted_proxy_and_an_exempt_network_are_never_banned() {
    let server = server();
    let ada = Member::new(&server, "ada", "msa");
    let headers = [("authorization", &*format!("Bearer {}", ada.token))];
    for _ in 0..50 {
        for forwarded in [Some("198.18.0.7"), Some("unknown"), None] {
            let forwarded = forwarded.map(|address| ("x-forwarded-for", address));
            let headers: Vec<_> = headers.iter().copied().chain(forwarded).collect();
            let status = Browser::of(&server).get("/api/auth/me", &headers).status;
            assert!([200, 429].contains(&status), "{forwarded:?}: {status}");
        }
        server.clock().advance(SECOND / 20);
    }
    assert_eq!(events(&server, "ban_started"), [json!(null); 0]);

    let untrusted = TestSettings { trusted_proxies: Vec::new(), ..settings() };
    let server = TestServer::with(TestDatabase::sqlite(), untrusted);
    for _ in 0..20 {
        assert!([401, 429].contains(&sign_in_from(&server, "192.0.2.1").status));
        server.clock().advance(SECOND);
    }
    assert_eq!(metric(&server, "bans_active"), 0);
}

#[test]
fn nothing_of_the_body_of_a_banned_client_is_read() {
    let server = server();
    get_banned(&server, "192.0.2.1");
    let headers =
        ["Content-Type: application/json", "Content-Length: 100", "X-Forwarded-For: 192.0.2.1"];
    let answer = wire::send(&server, "POST /api/auth/login/json", &headers, b"");
    assert_eq!((answer.status, answer.code().as_str()), (403, "banned"));
}

#[test]
fn another_node_refuses_within_seconds_and_a_restart_lifts_no_ban() {
    TestDatabase::on_both(|database| {
        let other = TestServer::with(database.shared(), settings());
        let mut server = TestServer::with(database, settings());
        get_banned(&server, "192.0.2.1");
        soon(|| get_from(&other, "192.0.2.1").code() == "banned");
        server.restart();
        assert_eq!(get_from(&server, "192.0.2.1").header("retry-after"), Some("600"));
        assert_eq!(get_from(&server, "192.0.2.2").status, 401);
    });
}

#[test]
fn redis_brings_bans_to_the_other_node_before_its_next_read() {
    let database = TestDatabase::postgres();
    let node = || {
        let redis = Some(redis_url());
        TestServer::with(database.shared(), TestSettings { redis, ..settings() })
    };
    let (here, there) = (node(), node());
    let jobs = || metric(&there, "job_runs_total{job=\"bans\"}");
    let is_brought_by_signal = (0..20).any(|number| {
        // Other tests count their requests in the same Redis, under other addresses.
        let (before, address) = (jobs(), format!("2001:db8:7:{number}::1"));
        get_banned(&here, &address);
        soon(|| get_from(&there, &address).code() == "banned");
        // The job of the other node has not read it.
        jobs() == before
    });
    assert!(is_brought_by_signal);
}

#[test]
fn an_offender_of_two_nodes_at_once_gets_one_ban() {
    TestDatabase::on_both(|database| {
        let nodes = [(); 2].map(|()| TestServer::with(database.shared(), settings()));
        for node in &nodes {
            use_up(node, "192.0.2.1");
        }
        for _ in 0..=OFFENCES {
            database.clock().advance(SECOND);
            at_once(50, |number| sign_in_from(&nodes[number % 2], "192.0.2.1").status);
        }
        for node in &nodes {
            assert_eq!(get_from(node, "192.0.2.1").code(), "banned");
            soon(|| get_from(node, "192.0.2.1").header("retry-after") == Some("600"));
        }
        soon(|| events(&nodes[0], "ban_started").len() == 1);
        // Both nodes have written theirs: each job has run since.
        for node in &nodes {
            let of_bans = "job_runs_total{job=\"bans\"}";
            let before = metric(node, of_bans);
            soon(|| metric(node, of_bans) > before + 1);
        }
        assert_eq!(events(&nodes[0], "ban_started").len(), 1);
        let rows = database.store().number("SELECT count(*) FROM bans").expect("it answers");
        assert_eq!(rows, 1);
    });
}

#[test]
fn a_ban_holds_while_the_database_is_lost_and_is_written_when_it_is_back() {
    let (database, switch) = TestDatabase::postgres_with_switch();
    let server = TestServer::with(database.shared(), settings());
    offend(&server, "192.0.2.1");
    switch.off();
    assert_eq!(sign_in_from(&server, "192.0.2.1").status, 429);
    assert_eq!(get_from(&server, "192.0.2.1").code(), "banned");
    server.clock().advance(60 * SECOND);
    assert_eq!(get_from(&server, "192.0.2.1").header("retry-after"), Some("540"));
    switch.on();
    let count = || database.store().number("SELECT count(*) FROM bans").unwrap_or(0);
    soon(|| count() == 1);
    let other = TestServer::with(database.shared(), settings());
    assert_eq!(get_from(&other, "192.0.2.1").header("retry-after"), Some("540"));
}

#[test]
fn an_administrator_lists_imposes_and_lifts_bans() {
    TestDatabase::on_both(|database| {
        let server = TestServer::with(database, settings());
        let root = Member::new(&server, "root", "admin");
        let none = json!({ "items": [], "next_cursor": null });
        assert_eq!(root.get("/api/admin/bans").json(), none);

        let body = json!({ "address": "2001:db8:1:2::7", "seconds": 3600, "reason": "a scraper" });
        let imposed = root.post("/api/admin/bans", &body);
        let expected = json!({ "address": "2001:db8:1:2::", "network": "2001:db8:1:2::/64",
            "started_at": "2027-01-15T08:00:00Z", "ends_at": "2027-01-15T09:00:00Z",
            "former_bans": 0, "imposed_by": root.account.to_string(), "reason": "a scraper" });
        assert_eq!((imposed.status, imposed.json()), (201, expected.clone()));
        assert_eq!(get_from(&server, "2001:db8:1:2::9").header("retry-after"), Some("3600"));
        get_banned(&server, "192.0.2.1");
        soon(|| root.get("/api/admin/bans").json()["items"].as_array().map(Vec::len) == Some(2));
        let first = root.get("/api/admin/bans?limit=1");
        assert_eq!(first.json()["items"][0]["imposed_by"], json!(null));
        assert_eq!(first.json()["next_cursor"], "192.0.2.1");
        let link = "</api/admin/bans?limit=1&cursor=192.0.2.1>; rel=\"next\"";
        assert_eq!(first.header("link"), Some(link));
        let second = root.get("/api/admin/bans?limit=1&cursor=192.0.2.1").json();
        assert_eq!(second, json!({ "items": [expected], "next_cursor": null }));

        let lift = |address: &str| {
            let answer = root.send("DELETE", &format!("/api/admin/bans/{address}"), &[], "");
            (answer.status, answer.text.contains("\"not_banned\""))
        };
        for address in ["192.0.2.9", "2001:db8::", "nonsense", "192.0.2.0%2F24"] {
            assert_eq!(lift(address), (404, true), "{address}");
        }
        assert_eq!(lift("2001:db8:1:2::"), (204, false));
        assert_eq!(lift("2001:db8:1:2::"), (404, true), "it is lifted already");
        assert_eq!(get_from(&server, "2001:db8:1:2::9").status, 401);
        assert_eq!(lift("192.0.2.1%2F32"), (204, false));
        assert_eq!(get_from(&server, "192.0.2.1").status, 401);
        assert_eq!(root.get("/api/admin/bans").json(), none);

        assert_eq!(events(&server, "ban_started").len(), 2);
        let lifted = events(&server, "ban_lifted");
        let is_lifted = |address| lifted.iter().any(|event| event["address"] == address);
        assert!(is_lifted("2001:db8:1:2::") && is_lifted("192.0.2.1"));
        let by = "SELECT actor FROM security_events WHERE kind = 'ban_lifted'";
        let by = server.database().store().texts(by).expect("the database answers");
        assert_eq!(by, [root.account.to_string(), root.account.to_string()]);
        let found = root.get("/api/admin/audit?kind=ban_started").json();
        assert_eq!(found["items"].as_array().map(Vec::len), Some(2));
    });
}

#[test]
fn no_administrator_bans_the_server_its_proxies_its_services_or_the_own_address() {
    let server = server();
    let root = Member::new(&server, "root", "admin");
    let impose = |address: &str, from: &str| {
        let body = json!({ "address": address, "seconds": 60 }).to_string();
        let headers = [("content-type", "application/json"), ("x-forwarded-for", from)];
        root.send("POST", "/api/admin/bans", &headers, &body)
    };
    for address in ["127.0.0.1", "::1", "198.18.0.1", "203.0.113.9", "::ffff:203.0.113.9"] {
        let refused = impose(address, "203.0.113.9");
        assert_eq!((refused.status, refused.code().as_str()), (422, "unbannable_address"));
    }
    for (body, field) in [
        (json!({ "address": "192.0.2.0/24", "seconds": 60 }), "address"),
        (json!({ "address": "192.0.2.1", "seconds": 0 }), "seconds"),
        (json!({ "address": "192.0.2.1", "seconds": 31_622_401 }), "seconds"),
    ] {
        let refused = root.post("/api/admin/bans", &body);
        assert_eq!(
            (refused.status, refused.json()["errors"][0]["field"].as_str()),
            (400, Some(field))
        );
    }
    assert_eq!(metric(&server, "bans_active"), 0);
    assert_eq!(impose("203.0.113.10", "203.0.113.9").status, 201);

    let ada = Member::new(&server, "ada", "msa");
    assert_eq!(ada.get("/api/admin/bans").code(), "forbidden");
    let body = json!({ "address": "192.0.2.1", "seconds": 60 });
    assert_eq!(ada.post("/api/admin/bans", &body).code(), "forbidden");
    server.clock().advance(16 * 60 * SECOND);
    let old = root.post("/api/admin/bans", &body);
    assert_eq!(old.status, 401, "{}", old.text);
}
