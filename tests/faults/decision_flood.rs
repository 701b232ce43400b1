//! One account sends as many and as large permission checks as possible. Other accounts, memory and the stop
//! of the server must not be affected, and every answered decision is recorded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_testkit::{Browser, StopReceiver, StopSignal, TestDatabase};
use serde_json::{Value, json};

use crate::environment::{folder, start, take_turn};
use crate::link::{Link, UnknownOutcome};
use crate::proxy::Proxy;
use crate::trail::{self, Client, Recorded};

/// Connections of the flood.
const CONNECTIONS: u32 = 64;

/// The least duration of the flood.
const LENGTH: Duration = Duration::from_secs(6);

/// The least number of decisions that the flood is told, however slow the machine is.
const ANSWERED: usize = 1_001;

/// The timeout of a server that was told to stop.
const MAX_STOP: Duration = Duration::from_secs(10);

/// The maximum peak memory of the server.
const MEMORY: u64 = 400 << 20;

#[test]
fn a_flood_of_large_checks_by_one_account_costs_the_others_nothing() {
    let _turn = take_turn();
    TestDatabase::on_both(|database| {
        let data = folder();
        let mut server = start(data.path(), database.url(), &[("PORTCULLIS__LOG__LEVEL", "warn")]);
        let clock = Arc::new(SystemClock::new());
        let mut other = Client::new(server.origin(), "grace", Arc::clone(&clock));
        let answered = AtomicUsize::new(0);
        let origin = server.origin().to_owned();
        let bearer = attacker(&origin);
        let (told, peak): (Vec<String>, _) = thread::scope(|scope| {
            let stop = StopSignal::default();
            let floods: Vec<_> = (0..CONNECTIONS)
                .map(|number| {
                    let flood = Flood {
                        link: Link::to(&origin),
                        bearer: &bearer,
                        number,
                        answered: &answered,
                        stop: stop.receiver(),
                    };
                    scope.spawn(move || flood.run())
                })
                .collect();
            let (link, begun) = (Link::to(&origin), clock.monotonic());
            let mut browser = Browser::at(&origin);
            while clock.monotonic().saturating_sub(begun) < LENGTH
                || answered.load(Ordering::Relaxed) < ANSWERED
            {
                // A refusal would be `UnknownOutcome`.
                other.ask(&link).expect("others are answered, whatever one account does");
                assert_eq!(browser.get("/health/ready", &[]).status, 200);
            }
            let peak = server.peak_memory();
            // In the middle of the flood.
            server.ask_to_stop();
            drop(stop);
            let ended = floods.into_iter().flat_map(|flood| flood.join().expect("no flood panics"));
            (ended.collect(), peak)
        });
        let status = server.ended_within(MAX_STOP).expect("it stops in time");
        assert_eq!(status.code(), Some(0), "{}", server.log());
        assert!(peak.is_some_and(|peak| peak < MEMORY), "{peak:?}");
        assert!(told.len() >= ANSWERED, "the flood was none: {}", told.len());
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

/// One connection of the flood.
struct Flood<'a> {
    link: Link,
    bearer: &'a str,
    number: u32,
    /// The number of answered decisions of all connections.
    answered: &'a AtomicUsize,
    stop: StopReceiver,
}

impl Flood<'_> {
    /// Sends batches until the end. Returns the ids of the answered decisions.
    fn run(&self) -> Vec<String> {
        let item = |item: u32| {
            let text = format!("{:04}{item:04}{}", self.number, "x".repeat(3_900));
            json!({ "resource": "schedule", "action": "read", "context": { "attributes": { "a": text } } })
        };
        let body = json!({ "items": (0..250).map(item).collect::<Vec<Value>>() });
        let mut told = Vec::new();
        while !self.stop.is_over() {
            let headers = [("authorization", self.bearer)];
            match self.link.send("POST", "/api/authz/check/batch", &headers, &body) {
                Ok(answer) => {
                    assert_eq!(answer.status, 200, "{}", answer.text);
                    let items = answer.json()["items"].as_array().cloned().unwrap_or_default();
                    let ids = items.iter().filter_map(|item| item["decision_id"].as_str());
                    told.extend(ids.map(str::to_owned));
                    self.answered.fetch_add(items.len(), Ordering::Relaxed);
                }
                // Refused, or cut off by the end: in both cases no decision was answered.
                Err(UnknownOutcome::Unavailable | UnknownOutcome::Gone) => {}
            }
        }
        told
    }
}
