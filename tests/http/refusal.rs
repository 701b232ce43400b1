//! Refused sign-ins: unknown, wrong, locked and deactivated have the same answer and the same cost.
//!
//! `refusal_times` prints the times. The tests here assert their causes: every kind of refusal waits for
//! the hashing pool, and writes one event.

use std::time::Duration;

use portcullis_password::PoolSettings;
use portcullis_testkit::{Answer, Browser, PASSWORD, TestDatabase, TestServer, TestSettings};
use serde_json::Value;

use crate::answer::{header_names, redacted};
use crate::overload::while_hashing_is_full;

const KINDS: &[(&str, &str)] = &[
    ("nobody", PASSWORD),
    ("nobody@example.org", PASSWORD),
    ("no such name is possible", PASSWORD),
    ("wrong", "not-the-password-of-wrong"),
    ("locked", PASSWORD),
    ("locked", "not-the-password-of-locked"),
    ("deactivated", PASSWORD),
    ("deactivated@example.org", PASSWORD),
    ("deactivated", "not-the-password-of-deactivated"),
    ("passwordless", PASSWORD),
    ("damaged", PASSWORD),
    ("damaged@example.org", "not-the-password-of-damaged"),
];

#[test]
fn every_refusal_has_the_same_status_body_and_header_names() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        prepare(&server);
        let refusals: Vec<Answer> = KINDS.iter().map(|kind| attempt(&server, *kind)).collect();
        let model: Value = redacted(&refusals[0]);
        for (refusal, kind) in refusals.iter().zip(KINDS) {
            assert_eq!(refusal.status, 401, "{kind:?}");
            assert_eq!(refusal.code(), "invalid_credentials", "{kind:?}");
            assert_eq!(redacted(refusal), model, "{kind:?}");
            assert_eq!(header_names(refusal), header_names(&refusals[0]), "{kind:?}");
            assert_eq!(refusal.header("set-cookie"), None, "{kind:?}");
            assert_eq!(refusal.header("retry-after"), None, "{kind:?}");
        }
    });
}

#[test]
fn every_refusal_writes_one_event_and_opens_nothing() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        prepare(&server);
        let store = server.database().store();
        let count = |table: &str| {
            store.number(&format!("SELECT count(*) FROM {table}")).expect("the database answers")
        };
        for kind in KINDS {
            let (events, sessions) = (count("security_events"), count("sessions"));
            attempt(&server, *kind);
            assert_eq!(count("security_events"), events + 1, "{kind:?}");
            assert_eq!(count("sessions"), sessions, "{kind:?}");
        }
    });
}

#[test]
fn the_auditor_learns_the_reason_that_the_caller_does_not() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        prepare(&server);
        let last = |kind: (&str, &str)| {
            server.clock().advance(Duration::from_millis(1));
            attempt(&server, kind);
            let newest = "SELECT outcome FROM security_events ORDER BY at DESC LIMIT 1";
            server.database().store().texts(newest).expect("the database answers").remove(0)
        };
        assert_eq!(last(("nobody", PASSWORD)), "unknown_account");
        assert_eq!(last(("wrong", "not-the-password")), "wrong_password");
        assert_eq!(last(("locked", PASSWORD)), "locked");
        assert_eq!(last(("locked", "not-the-password")), "locked");
        assert_eq!(last(("deactivated", PASSWORD)), "deactivated");
        assert_eq!(last(("damaged", PASSWORD)), "damaged_hash");
    });
}

#[test]
fn every_kind_of_attempt_takes_its_turn_in_the_hashing_pool() {
    let hashing = PoolSettings { threads: 1, queue: 1, ..TestSettings::default().hashing };
    let settings = TestSettings { hashing, ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    prepare(&server);
    while_hashing_is_full(&server, || {
        for kind in KINDS {
            let answer = attempt(&server, *kind);
            assert_eq!((answer.status, answer.code().as_str()), (503, "overloaded"), "{kind:?}");
        }
    });
}

fn attempt(server: &TestServer, (username, password): (&str, &str)) -> Answer {
    Browser::of(server).sign_in_with(username, password)
}

/// Creates the accounts of [`KINDS`].
fn prepare(server: &TestServer) {
    let mut browser = Browser::of(server);
    for name in ["wrong", "locked", "deactivated", "passwordless", "damaged"] {
        assert_eq!(browser.register(name).status, 201);
    }
    for _ in 0..5 {
        browser.sign_in_with("locked", "not-the-password-of-locked");
    }
    let store = server.database().store();
    for change in [
        "UPDATE accounts SET is_active = false WHERE username = 'deactivated'",
        "UPDATE accounts SET password_hash = NULL WHERE username = 'passwordless'",
        "UPDATE accounts SET password_hash = 'damaged' WHERE username = 'damaged'",
    ] {
        store.execute(change).expect("the account is there");
    }
}
