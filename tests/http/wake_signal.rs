//! Delay of a revocation on other nodes: none in strict mode, short with Redis; and the answers of a stale
//! node.

use std::time::Duration;

use portcullis_api::route_table;
use portcullis_flows::node::revocation::{RevocationPolicy, WhenStale};
use portcullis_testkit::{Browser, TestDatabase, TestServer, TestSettings, redis_url};
use serde_json::json;

use crate::follower::ask;
use crate::introspection::introspect;
use crate::member::Member;

/// A node with a polling interval longer than a test.
const BLIND: RevocationPolicy = RevocationPolicy {
    strict: false,
    poll: HOUR,
    staleness: Duration::from_secs(30),
    when_stale: WhenStale::RefuseChanges,
};
const HOUR: Duration = Duration::from_secs(60 * 60);

#[test]
fn a_strict_node_refuses_at_once_what_another_has_revoked() {
    TestDatabase::on_both(|database| {
        let blind = node(&database, BLIND, None);
        let strict = node(&database, RevocationPolicy { strict: true, ..BLIND }, None);
        let here = TestServer::start(database);
        for number in 0..5 {
            let ada = Member::new(&here, &format!("ada{number}"), "msa");
            let there = ada.at(strict.origin());
            assert_eq!(there.get("/api/auth/me").status, 200);
            assert_eq!(ada.post("/api/auth/logout", &json!({})).status, 204);
            assert_eq!(there.get("/api/auth/me").code(), "invalid_token");
            assert_eq!(there.check("schedule", "read").code(), "invalid_token");
            assert_eq!(ada.at(blind.origin()).get("/api/auth/me").status, 200, "as it must");
        }
    });
}

#[test]
fn redis_wakes_the_other_nodes() {
    let database = TestDatabase::postgres();
    let url = redis_url();
    let here = node(&database, BLIND, Some(&url));
    let there = node(&database, BLIND, Some(&url));
    for node in [&here, &there] {
        while !node.metrics().contains("portcullis_redis_up 1") {}
        // The answer of before, which notices the loss, is shared for a moment.
        let is_ready =
            || Browser::of(node).get("/health/ready", &[]).json() == json!({ "status": "ready" });
        assert!((0..10_000).any(|_| is_ready()), "the node still notices the loss of Redis");
    }
    for number in 0..5 {
        let ada = Member::new(&here, &format!("ada{number}"), "msa");
        let other = ada.at(there.origin());
        assert_eq!(other.get("/api/auth/me").status, 200);
        assert_eq!(ada.post("/api/auth/logout", &json!({})).status, 204);
        let refused = || other.get("/api/auth/me").status == 401;
        assert!((0..10_000).any(|_| refused()), "the other node was not woken");
    }
}

#[test]
fn without_its_redis_a_node_says_so_and_goes_on() {
    let database = TestDatabase::sqlite();
    let policy = RevocationPolicy { staleness: Duration::MAX, ..RevocationPolicy::default() };
    let server = node(&database, policy, Some("redis://127.0.0.1:1"));
    let ready = Browser::of(&server).get("/health/ready", &[]);
    let expected = json!({ "status": "ready", "notices": ["redis_lost"] });
    assert_eq!((ready.status, ready.json()), (200, expected));
    assert!(server.metrics().contains("portcullis_redis_up 0"));
    let ada = Member::new(&server, "ada", "msa");
    assert_eq!(ada.post("/api/auth/logout", &json!({})).status, 204);
    assert_eq!(ada.get("/api/auth/me").code(), "invalid_token");
}

#[test]
fn a_node_that_hears_nothing_says_so_and_refuses_administrators_and_if_strict_everybody() {
    for strict in [false, true] {
        let database = TestDatabase::postgres();
        let server = node(&database, RevocationPolicy { strict, ..BLIND }, None);
        let root = Member::new(&server, "root", "admin");
        assert_eq!(root.get("/api/admin/audit").status, 200);
        server.clock().advance(BLIND.staleness);
        assert_eq!(root.get("/api/admin/audit").status, 200, "not yet");

        server.clock().advance(Duration::from_secs(1));
        let ready = Browser::of(&server).get("/health/ready", &[]);
        if strict {
            assert_eq!((ready.status, ready.code().as_str()), (503, "revocations_stale"));
        } else {
            let expected = json!({ "status": "ready", "notices": ["revocations_stale"] });
            assert_eq!((ready.status, ready.json()), (200, expected));
        }
        let snapshot = ask(&server, "/api/revocations/snapshot");
        assert_eq!((snapshot.status, snapshot.code().as_str()), (503, "revocations_stale"));
        let refused = root.get("/api/admin/audit");
        assert_eq!((refused.status, refused.code().as_str()), (503, "revocations_stale"));
        let me = root.get("/api/auth/me");
        assert_eq!(me.status, if strict { 503 } else { 200 }, "{}", me.text);
        let metrics = server.metrics();
        assert!(metrics.contains("portcullis_revocations_staleness_seconds 31"), "{metrics}");
    }
}

/// Sign-out is checked in the database, independent of the state of this node, and only revokes.
const SIGN_OUT: &str = "/api/auth/logout";

/// Permission checks, although their method is POST.
const QUESTIONS: [&str; 2] = ["/api/authz/check", "/api/authz/check/batch"];

#[test]
fn a_stale_node_accepts_no_token_for_a_change_or_for_administration_and_if_so_told_none_at_all() {
    for when_stale in [WhenStale::RefuseChanges, WhenStale::RefuseAll] {
        let database = TestDatabase::sqlite();
        let server = node(&database, RevocationPolicy { when_stale, ..BLIND }, None);
        let root = Member::new(&server, "root", "admin");
        let bearer = format!("Bearer {}", root.token);
        server.clock().advance(BLIND.staleness + Duration::from_secs(1));
        let ready = Browser::of(&server).get("/health/ready", &[]).status;
        assert_eq!(ready, if when_stale == WhenStale::RefuseAll { 503 } else { 200 });
        let mut table = route_table();
        table.retain(|route| route.guard.is_signed_in());
        // Sign-out comes last, because it ends the session.
        table.sort_by_key(|route| route.path == SIGN_OUT);
        for route in table {
            let path = route.path.replace("{id}", "1").replace("{number}", "1");
            let headers = [("authorization", bearer.as_str())];
            let answer = Browser::of(&server).send(route.method.as_str(), &path, &headers, "");
            let is_stale = answer.status == 503 && answer.code() == "revocations_stale";
            let asks = route.method.as_str() == "GET" || QUESTIONS.contains(&route.path);
            let only_reads = asks && route.guard.permissions.is_empty();
            let refused = when_stale == WhenStale::RefuseAll || !only_reads;
            assert_eq!(is_stale, refused && route.path != SIGN_OUT, "{route:?} {answer:?}");
            assert_eq!(is_stale, answer.header("retry-after").is_some(), "{route:?}");
        }
    }
}

#[test]
fn a_stale_node_asks_the_database_before_it_calls_a_token_alive() {
    let database = TestDatabase::sqlite();
    let (blind, other) = (node(&database, BLIND, None), node(&database, BLIND, None));
    let ada = Member::new(&blind, "ada", "msa");
    let bearer = format!("Bearer {}", ada.token);
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(Browser::of(&other).send("POST", SIGN_OUT, &headers, "").status, 204);
    assert_eq!(introspect(&blind, &ada.token)["active"], true, "it has not looked yet");
    blind.clock().advance(BLIND.staleness + Duration::from_secs(1));
    assert_eq!(introspect(&blind, &ada.token)["active"], false);
}

#[test]
fn a_node_whose_database_is_gone_becomes_stale_and_recovers() {
    let (database, switch) = TestDatabase::postgres_with_switch();
    let policy = RevocationPolicy { poll: Duration::from_millis(20), ..BLIND };
    let server = node(&database, policy, None);
    let root = Member::new(&server, "root", "admin");
    switch.off();
    server.clock().advance(Duration::from_secs(31));
    let refused = root.get("/api/admin/audit");
    assert_eq!((refused.status, refused.code().as_str()), (503, "revocations_stale"));
    let ready = Browser::of(&server).get("/health/ready", &[]);
    assert_eq!((ready.status, ready.code().as_str()), (503, "unavailable"));
    assert!(ready.field("detail").contains("stale"), "{}", ready.text);

    switch.on();
    // Each attempt waits for a connection, so no sleep is needed.
    let recovered = || root.get("/api/admin/audit").status == 200;
    assert!((0..10_000).any(|_| recovered()), "it hears again");
}

fn node(database: &TestDatabase, revocation: RevocationPolicy, redis: Option<&str>) -> TestServer {
    let redis = redis.map(str::to_owned);
    let settings = TestSettings { revocation, redis, ..TestSettings::default() };
    TestServer::with(database.shared(), settings)
}
