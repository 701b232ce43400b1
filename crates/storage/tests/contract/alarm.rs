//! Alarm of a reuse: the family of the token for auditors, and a message for the owner.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use portcullis_flows::sign_in::refresh::Rotated;
use portcullis_flows::sign_in::session_tokens::OnReuse;
use portcullis_storage::Store;
use portcullis_testkit::samples::NOW;
use portcullis_testkit::{TestDatabase, at_once};
use serde_json::Value;

use crate::family::Presented;
use crate::inspect::{count, live_sessions, outcomes};
use crate::member::{SignIn, enrol};

const LATER: Duration = Duration::from_secs(60);

#[test]
fn the_family_is_told_oldest_first_from_the_token_that_came_back() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let opened = SignIn::of(&enrol(store, "ada"), NOW).opened(store);
        let first = Presented::first(&opened, NOW).rotated(store);
        let second = first.next(NOW + LATER).rotated(store);
        let stolen = first.again(NOW + 2 * LATER);
        assert!(matches!(stolen.rotate(store), Rotated::Reused { .. }));
        let details = details(store);
        let told: Vec<&str> =
            family(&details).iter().map(|it| it["token"].as_str().unwrap()).collect();
        let expected = [opened.refresh, first.successor, second.successor].map(|it| it.to_string());
        assert_eq!(told, expected);
        assert_eq!(details["presented"], opened.refresh.to_string());
        assert_eq!(details["left_out"], 0);
        let last = &family(&details)[2];
        assert_eq!(last["parent"], first.successor.to_string());
        assert_eq!(last["issued_at"], "2027-01-15T08:01:00Z");
        assert_eq!(last["address"], "192.0.2.7");
        assert_eq!(last["user_agent"], "samples/1");
    });
}

#[test]
fn of_a_large_family_the_latest_fifty_are_told_and_the_one_that_came_back() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let opened = SignIn::of(&enrol(store, "ada"), NOW).opened(store);
        let first = Presented::first(&opened, NOW).rotated(store);
        let last = (1..80).fold(first.clone(), |last, n| last.next(NOW + n * LATER).rotated(store));
        assert!(matches!(first.again(NOW + 80 * LATER).rotate(store), Rotated::Reused { .. }));
        let details = details(store);
        let family = family(&details);
        assert_eq!(family.len(), 51);
        assert_eq!(family[0]["token"], opened.refresh.to_string());
        assert_eq!(family[50]["token"], last.successor.to_string());
        assert_eq!(details["left_out"], 81 - 51);
    });
}

#[test]
fn one_theft_is_one_alarm_however_often_the_token_comes_back_at_once() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        for (round, on_reuse) in
            [OnReuse::EndAllSessions, OnReuse::EndThisSession].into_iter().enumerate()
        {
            let account = enrol(store, &format!("ada{round}"));
            let opened = SignIn::of(&account, NOW).opened(store);
            let first = Presented::first(&opened, NOW).rotated(store);
            first.next(NOW).rotated(store);
            let answers =
                at_once(12, |_| Presented { on_reuse, ..first.again(NOW + LATER) }.rotate(store));
            let reused = answers.iter().filter(|it| matches!(it, Rotated::Reused { .. })).count();
            assert_eq!(reused, 1, "{database:?} {answers:?}");
        }
        assert_eq!(outcomes(store, "refresh_token_reuse"), ["sessions_ended 2"]);
        let alerts = "outbox JOIN security_events ON security_events.id = outbox.event_id
                      JOIN accounts ON accounts.id = outbox.account_id
                      WHERE outbox.kind = 'refresh_token_reuse'";
        assert_eq!(count(store, alerts), 2, "each for its event and its owner");
    });
}

#[test]
fn a_refusal_that_is_no_reuse_queues_nothing() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let opened = SignIn::of(&enrol(store, "ada"), NOW).opened(store);
        let first = Presented::first(&opened, NOW).rotated(store);
        assert!(matches!(first.again(NOW).rotate(store), Rotated::Repeated { .. }));
        let forged = Presented { token: first.again(NOW).successor, ..first.again(NOW + LATER) };
        assert!(matches!(forged.rotate(store), Rotated::Refused));
        assert_eq!(count(store, "outbox"), 0);
    });
}

#[test]
fn what_cannot_be_recorded_is_neither_told_nor_done() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let opened = SignIn::of(&enrol(store, "ada"), NOW).opened(store);
        let first = Presented::first(&opened, NOW).rotated(store);
        first.next(NOW).rotated(store);
        store.execute("ALTER TABLE security_events RENAME TO out_of_reach").unwrap();
        let stolen = first.again(NOW + LATER);
        let refused = catch_unwind(AssertUnwindSafe(|| stolen.rotate(store)));
        assert!(refused.is_err(), "{database:?}");
        assert_eq!((count(store, "outbox"), live_sessions(store)), (0, 1));
        store.execute("ALTER TABLE out_of_reach RENAME TO security_events").unwrap();
        assert!(matches!(stolen.rotate(store), Rotated::Reused { .. }));
        assert_eq!((count(store, "outbox"), live_sessions(store)), (1, 0));
    });
}

/// Of the one reuse that is recorded.
fn details(store: &Store) -> Value {
    let query = "SELECT details FROM security_events WHERE kind = 'refresh_token_reuse'";
    serde_json::from_str(&store.texts(query).unwrap().remove(0)).unwrap()
}

fn family(details: &Value) -> &Vec<Value> {
    details["family"].as_array().unwrap()
}
