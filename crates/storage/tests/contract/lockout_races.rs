//! Lockout: parallel guesses count like sequential guesses.

use portcullis_flows::sign_in::SessionOpeningResult;
use portcullis_rate_limit::LockoutPolicy;
use portcullis_storage::Store;
use portcullis_testkit::samples::NOW;
use portcullis_testkit::{TestDatabase, at_once};

use crate::inspect::{count, outcomes};
use crate::member::{SignIn, counter, enrol, fail};

/// A counter that stays open whatever a test counts against it.
fn patient() -> LockoutPolicy {
    LockoutPolicy { free_failures: 1000, ceiling: 1000, ..LockoutPolicy::default() }
}

#[test]
fn fifty_failures_at_once_are_fifty() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        at_once(50, |_| fail(store, &counter("ada"), &patient(), NOW));
        assert_eq!(recent_failures(store), 50);
        assert_eq!(outcomes(store, "sign_in"), ["wrong_password 50"]);
    });
}

#[test]
fn of_fifty_failures_at_once_five_are_looked_at() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        at_once(50, |_| fail(store, &counter("ada"), &LockoutPolicy::default(), NOW));
        assert_eq!(recent_failures(store), 5);
        assert_eq!(outcomes(store, "sign_in"), ["locked 45", "wrong_password 5"]);
    });
}

/// Had a success come after the fifth failure, the counter would have been emptied when it was
/// closed, and ten failures looked at.
#[test]
fn a_right_password_among_fifty_wrong_ones_never_succeeds_once_the_counter_is_closed() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        for round in 0..8 {
            let name = format!("ada{round}");
            let account = enrol(store, &name);
            let opened = at_once(51, |number| {
                if number == 25 {
                    return Some(SignIn::of(&account, NOW).open(store));
                }
                fail(store, &counter(&name), &LockoutPolicy::default(), NOW);
                None
            });
            let succeeded = opened
                .iter()
                .any(|opened| matches!(opened, Some(SessionOpeningResult::Done { .. })));
            let looked_at = count(store, "security_events WHERE outcome = 'wrong_password'");
            let most = if succeeded { 9 } else { 5 };
            assert!((5..=most).contains(&looked_at), "{looked_at}, {succeeded}: {database:?}");
            assert_eq!(count(store, "sign_in_failures WHERE recent = 5"), 1);
            store.execute("DELETE FROM security_events; DELETE FROM sign_in_failures").unwrap();
        }
    });
}

#[test]
fn a_success_among_failures_neither_loses_one_nor_is_lost_while_the_counter_is_open() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        for _ in 0..5 {
            at_once(50, |number| {
                if number % 5 == 0 {
                    let sign_in = SignIn { most_sessions: 1000, ..SignIn::of(&ada, NOW) };
                    sign_in.opened(store);
                } else {
                    fail(store, &counter("ada"), &patient(), NOW);
                }
            });
        }
        assert_eq!(outcomes(store, "sign_in"), ["success 50", "wrong_password 200"]);
    });
}

fn recent_failures(store: &Store) -> i64 {
    store.number("SELECT CAST(recent AS bigint) FROM sign_in_failures").unwrap()
}
