//! A process with only the guard crate: it verifies tokens with the published keys and reads from the feed
//! of one node the revocations of the other, over a connection that can be cut.

use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_guard::{Guard, WhenStale};
use portcullis_testkit::{Browser, SERVICE, ServerProcess, TestDatabase};
use portcullis_token::Digest;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};

use crate::environment::{folder, start, take_turn};
use crate::proxy::Proxy;
use crate::revoked_everywhere::send_as;
use crate::two_nodes::percentiles;

/// The claim `iss` of every server of these tests.
const ISSUER: &str = "http://127.0.0.1:8080";

const STALE: Duration = Duration::from_secs(4);

/// The timeout of a revocation.
const TIMEOUT: Duration = Duration::from_secs(20);

#[test]
fn a_service_with_the_guard_refuses_what_the_other_node_revoked_within_a_second() {
    const REVOCATIONS: usize = 100;
    let _turn = take_turn();
    let database = TestDatabase::postgres();
    let [(here, _data), (there, _other_data)] = [node(&database), node(&database)];
    let mut browser = Browser::at(here.origin());
    assert_eq!(browser.register("ada").status, 201);
    let clock = SystemClock::new();
    Runtime::new().expect("the system gives threads").block_on(async {
        let guard = follow(there.origin(), WhenStale::Refuse).await;
        let mut waits = Vec::new();
        for number in 0..REVOCATIONS {
            let token = browser.sign_in_for_tokens("ada").field("access_token");
            assert_eq!(admit(&guard, &token).await, Ok(()));
            assert_eq!(send_as(&here, "POST", "/api/auth/logout", &token, ""), 204);
            let begun = clock.monotonic();
            while admit(&guard, &token).await.is_ok() {
                let waited = clock.monotonic().saturating_sub(begun);
                assert!(waited < TIMEOUT, "{number} is still accepted after {waited:?}");
                sleep(Duration::from_micros(200)).await;
            }
            waits.push(clock.monotonic().saturating_sub(begun));
        }
        percentiles("a service with the guard knew of revocations of the other node", waits);
    });
}

#[test]
fn a_service_that_is_cut_off_says_so_follows_its_choice_and_catches_up_from_its_cursor() {
    let database = TestDatabase::postgres();
    let (server, _data) = node(&database);
    let mut browser = Browser::at(server.origin());
    assert_eq!(browser.register("ada").status, 201);
    let mut token = || browser.sign_in_for_tokens("ada").field("access_token");
    let (proxy, origin) = Proxy::to_server(server.origin());
    Runtime::new().expect("the system gives threads").block_on(async {
        let closed = follow(&origin, WhenStale::Refuse).await;
        let open = follow(&origin, WhenStale::Accept).await;
        let [good, missed] = [token(), token()];
        proxy.cut();
        assert_eq!(send_as(&server, "POST", "/api/auth/logout", &missed, ""), 204);
        eventually(|| closed.is_stale() && open.is_stale()).await;
        assert!(closed.staleness() > STALE);
        let refused = admit(&closed, &good).await.expect_err("it is closed");
        assert!(refused.starts_with("no revocation update"), "{refused}");
        assert_eq!(admit(&open, &good).await, Ok(()));
        assert_eq!(admit(&open, &missed).await, Ok(()), "that is the price of its choice");
        proxy.mend();
        eventually(|| !closed.is_stale() && !open.is_stale()).await;
        for guard in [&closed, &open] {
            assert_eq!(admit(guard, &good).await, Ok(()));
            let refused = admit(guard, &missed).await.expect_err("it has caught up");
            assert!(refused.starts_with("a revoked token"), "{refused}");
        }
    });
    assert_eq!(snapshots(&server), 2, "one for each, to begin with");
}

#[test]
fn a_service_that_was_away_for_longer_than_entries_are_kept_begins_again_with_a_snapshot() {
    let database = TestDatabase::postgres();
    let (mut server, data) = node(&database);
    let mut browser = Browser::at(server.origin());
    assert_eq!(browser.register("ada").status, 201);
    let mut token = || browser.sign_in_for_tokens("ada").field("access_token");
    let (proxy, origin) = Proxy::to_server(server.origin());
    Runtime::new().expect("the system gives threads").block_on(async {
        let guard = follow(&origin, WhenStale::Refuse).await;
        let tokens = [(); 4].map(|()| token());
        proxy.cut();
        for token in &tokens {
            assert_eq!(send_as(&server, "POST", "/api/auth/logout", token, ""), 204);
        }
        // The first two entries look long expired.
        let store = database.store();
        let numbered = || store.number("SELECT count(*) FROM revocations WHERE position > 0");
        eventually(|| numbered().expect("the database answers") == 4).await;
        let purge = "DELETE FROM revocations WHERE position <= 2;
                     UPDATE revocation_feed SET purged_through = 2";
        store.execute(purge).expect("the database answers");
        server.kill();
        server = start(data.path(), database.url(), &environment());
        proxy.lead_to(server.origin());
        proxy.mend();
        let [_, _, third, fourth] = &tokens;
        eventually(|| guard.revocations().len() == 2 && !guard.is_stale()).await;
        for token in [third, fourth] {
            assert!(admit(&guard, token).await.is_err());
        }
    });
    assert_eq!(snapshots(&server), 1, "since the restart");
}

fn environment() -> Vec<(&'static str, &'static str)> {
    let digest: &'static str = Digest::of(SERVICE.1).to_string().leak();
    vec![
        ("PORTCULLIS__TOKENS__ALGORITHM", "EdDSA"),
        ("PORTCULLIS__TOKENS__ISSUER", ISSUER),
        ("PORTCULLIS__SERVICES__SCHEDULING", digest),
    ]
}

fn node(database: &TestDatabase) -> (ServerProcess, TempDir) {
    let data = folder();
    (start(data.path(), database.url(), &environment()), data)
}

async fn follow(origin: &str, then: WhenStale) -> Guard {
    let (name, secret) = SERVICE;
    let guard = Guard::builder(ISSUER, "portcullis")
        .reached_at(origin)
        .credential(name, secret)
        .when_stale(then, STALE)
        .longest_silence(STALE / 2);
    guard.connect().await.expect("the server is there")
}

async fn admit(guard: &Guard, token: &str) -> Result<(), String> {
    let value = format!("Bearer {token}");
    let admitted = guard.admit([value.as_bytes()], None).await;
    admitted.map(drop).map_err(|refusal| refusal.to_string())
}

async fn eventually(what: impl Fn() -> bool) {
    let waiting = async {
        while !what() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(60), waiting).await.expect("it happens");
}

/// The number of snapshots, from the log of the server.
fn snapshots(server: &ServerProcess) -> usize {
    server.log().lines().filter(|line| line.contains("/api/revocations/snapshot")).count()
}
