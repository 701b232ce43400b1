//! One account sends as many and as large permission checks as possible. Other accounts, memory and the stop
//! of the server must not be affected, and every answered decision is recorded.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_testkit::{Browser, TestDatabase};
use serde_json::{Value, json};

use crate::environment::{folder, start};
use crate::link::{Link, UnknownOutcome};
use crate::proxy::Proxy;
use crate::trail::{self, Client, Recorded};

/// Connections of the flood.
const CONNECTIONS: u32 = 64;

/// The duration of the flood.
const LENGTH: Duration = Duration::from_secs(6);

/// The timeout of a server that was told to stop.
const MAX_STOP: Duration = Duration::from_secs(10);

/// The maximum peak memory of the server.
const MEMORY: u64 = 400 << 20;

#[test]
fn a_flood_of_large_checks_by_one_account_costs_the_others_nothing() {
    TestDatabase::on_both(|database| {
        let data = folder();
        let mut server = start(data.path(), database.url(), &[("PORTCULLIS__LOG__LEVEL", "warn")]);
        let clock = Arc::new(SystemClock::new());
        let mut other = Client::new(server.origin(), "grace", Arc::clone(&clock));
        let is_over = AtomicBool::new(false);
        let origin = server.origin().to_owned();
        let bearer = attacker(&origin);
        let (told, peak): (Vec<String>, _) = thread::scope(|scope| {
            let floods: Vec<_> = (0..CONNECTIONS)
                .map(|number| {
                    let (origin, bearer, is_over) = (&origin, &bearer, &is_over);
                    scope.spawn(move || flood(origin, bearer, number, is_over))
                })
                .collect();
            let (link, begun) = (Link::to(&origin), clock.monotonic());
            let mut browser = Browser::at(&origin);
            while clock.monotonic().saturating_sub(begun) < LENGTH {
                // A refusal would be `UnknownOutcome`.
                other.ask(&link).expect("others are answered, whatever one account does");
                assert_eq!(browser.get("/health/ready", &[]).status, 200);
            }
            let peak = server.peak_memory();
            // In the middle of the flood.
            server.ask_to_stop();
            is_over.store(true, Ordering::SeqCst);
            let ended = floods.into_iter().flat_map(|flood| flood.join().expect("no flood panics"));
            (ended.collect(), peak)
        });
        let status = server.ended_within(MAX_STOP).expect("it stops in time");
        assert_eq!(status.code(), Some(0), "{}", server.log());
        assert!(peak.is_some_and(|peak| peak < MEMORY), "{peak:?}");
        assert!(told.len() > 1_000, "the flood was none: {}", told.len());
        let recorded = Recorded::read(&server);
        let lost = told.iter().filter(|id| !recorded.decisions.contains_key(*id)).count();
        assert_eq!(lost, 0);
        assert_eq!(trail::lost(&recorded, &other.notes), 0);
        trail::verify(&server, None).assert_intact();
        assert!(!server.log().contains("panicked"), "{}", server.log());
    });
}

#[test]
fn a_server_that_ends_without_its_database_names_what_is_lost_and_fails() {
    let database = TestDatabase::postgres();
    let (proxy, url) = Proxy::to_database(database.url());
    let data = folder();
    // Long enough that nothing is written before the end.
    let window = [("PORTCULLIS__AUDIT__WINDOW_MS", "10000")];
    let mut server = start(data.path(), &url, &window);
    let link = Link::to(server.origin());
    let mut client = Client::new(server.origin(), "ada", Arc::new(SystemClock::new()));
    proxy.cut();
    for _ in 0..3 {
        client.ask(&link).expect("it is answered before it is written");
    }

    server.ask_to_stop();
    let status = server.ended_within(MAX_STOP).expect("it stops in time");
    assert_eq!(status.code(), Some(1), "{}", server.log());
    let log = server.log();
    assert!(log.contains("3 answered decisions from ") && log.contains("lost"), "{log}");

    proxy.mend();
    server.restart();
    trail::verify(&server, None).assert_intact();
}

/// Registers an account and signs it in.
fn attacker(origin: &str) -> String {
    let mut browser = Browser::at(origin);
    assert_eq!(browser.register("mallory").status, 201);
    format!("Bearer {}", browser.sign_in_for_tokens("mallory").field("access_token"))
}

/// Sends batches until the end. Returns the ids of the answered decisions.
fn flood(origin: &str, bearer: &str, number: u32, is_over: &AtomicBool) -> Vec<String> {
    let link = Link::to(origin);
    let item = |item: u32| {
        let text = format!("{number:04}{item:04}{}", "x".repeat(3_900));
        json!({ "resource": "schedule", "action": "read", "context": { "attributes": { "a": text } } })
    };
    let body = json!({ "items": (0..250).map(item).collect::<Vec<Value>>() });
    let mut told = Vec::new();
    while !is_over.load(Ordering::SeqCst) {
        let headers = [("authorization", bearer)];
        match link.send("POST", "/api/authz/check/batch", &headers, &body) {
            Ok(answer) => {
                assert_eq!(answer.status, 200, "{}", answer.text);
                let items = answer.json()["items"].as_array().cloned().unwrap_or_default();
                told.extend(
                    items.iter().filter_map(|it| it["decision_id"].as_str()).map(str::to_owned),
                );
            }
            // Refused, or cut off by the end: in both cases no decision was answered.
            Err(UnknownOutcome::Unavailable | UnknownOutcome::Gone) => {}
        }
    }
    told
}
