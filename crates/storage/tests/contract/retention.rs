//! Contract of the jobs that delete old rows.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use portcullis_flows::node::retention::RetentionStore;
use portcullis_rate_limit::LockoutPolicy;
use portcullis_testkit::TestDatabase;
use portcullis_testkit::samples::{self, NOW};

use portcullis_audit::{EventKind, Outcome};

use crate::family::Presented;
use crate::inspect::count;
use crate::member::{SESSION_LIFETIME, SignIn, counter, end_session, enrol, fail};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MANY: u32 = 1_000;

#[test]
fn a_session_goes_with_its_family_once_it_has_been_over_for_long_enough_and_not_before() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let ended = SignIn::of(&ada, NOW).opened(store);
        let expired = SignIn::of(&ada, NOW).opened(store).session.id;
        Presented::first(&ended, NOW + SECOND).rotated(store);
        let ended = ended.session.id;
        let event = samples::event(EventKind::SignOut, Outcome::Success, NOW)
            .about(ada.id)
            .in_session(ended);
        end_session(store, ended, &event);
        let live = SignIn::of(&ada, NOW + SESSION_LIFETIME + 90 * DAY).opened(store).session.id;

        let remove = || store.remove_sessions(90 * DAY, MANY).unwrap();
        let clock = database.clock();
        clock.advance(90 * DAY);
        assert_eq!(remove(), 0, "not yet");
        clock.advance(SECOND);
        assert_eq!([remove(), remove(), remove()], [2, 1, 0], "tokens first, then the session");
        assert_eq!(count(store, "sessions"), 2);
        clock.set(NOW + SESSION_LIFETIME + 90 * DAY);
        assert_eq!(remove(), 0, "the other has expired, and not for long enough");
        clock.advance(SECOND);
        assert_eq!([remove(), remove(), remove()], [1, 1, 0]);
        let left = store.texts("SELECT count(*) || '' FROM refresh_tokens").unwrap();
        assert_eq!((count(store, "sessions"), left), (1, vec!["1".to_owned()]));
        let (_, sessions) = {
            use portcullis_flows::sign_in::session::SessionStore;
            store.sessions(ada.id, NOW).unwrap().unwrap()
        };
        assert_eq!(sessions.iter().map(|session| session.id).collect::<Vec<_>>(), [live]);
        assert_ne!(expired, live);
    });
}

#[test]
fn no_transaction_removes_more_than_it_was_told() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        (0..5).for_each(|_| drop(SignIn::of(&ada, NOW).opened(store)));
        for name in 0..5 {
            fail(store, &counter(&name.to_string()), &LockoutPolicy::default(), NOW);
        }
        database.clock().set(NOW + SESSION_LIFETIME + 91 * DAY);
        let portions =
            |remove: &dyn Fn() -> u64| (0..20).map(|_| remove()).filter(|n| *n > 0).collect();
        let sessions: Vec<u64> = portions(&|| store.remove_sessions(90 * DAY, 2).unwrap());
        assert!(sessions.iter().all(|rows| *rows <= 2), "{sessions:?}");
        assert_eq!(sessions.iter().sum::<u64>(), 10);
        let failures: Vec<u64> = portions(&|| store.remove_failures(90 * DAY, 2).unwrap());
        assert_eq!(failures, [2, 2, 1]);
        assert_eq!((count(store, "sessions"), count(store, "sign_in_failures")), (0, 0));
    });
}

#[test]
fn old_failures_are_deleted_except_those_of_a_lockout() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let policy = LockoutPolicy { ceiling: 2, ..LockoutPolicy::default() };
        fail(store, &counter("few"), &policy, NOW);
        (0..2).for_each(|_| fail(store, &counter("locked"), &policy, NOW));
        database.clock().set(NOW + DAY);
        fail(store, &counter("lately"), &policy, NOW + DAY);
        database.clock().set(NOW + 90 * DAY + SECOND);
        assert_eq!(store.remove_failures(90 * DAY, MANY).unwrap(), 1);
        database.clock().advance(365 * DAY);
        assert_eq!(store.remove_failures(90 * DAY, MANY).unwrap(), 1);
        assert_eq!(count(store, "sign_in_failures"), 1);
    });
}

#[test]
fn messages_that_nobody_delivers_do_not_wait_for_ever() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let time = if database.url().starts_with("sqlite") {
            NOW.as_micros().to_string()
        } else {
            format!("to_timestamp({})", NOW.as_seconds())
        };
        let id = |number: u8| {
            let hex = format!("{number:032x}");
            if database.url().starts_with("sqlite") {
                format!("x'{hex}'")
            } else {
                format!("'{hex}'")
            }
        };
        for number in 1..=3 {
            let insert = format!(
                "INSERT INTO outbox
                     (id, kind, payload, recipient, account_id, event_id, created_at, due_at)
                 VALUES ({0}, 'refresh_token_reuse', '', '', {0}, {0}, {time}, {time})",
                id(number)
            );
            store.execute(&insert).unwrap();
        }
        database.clock().set(NOW + DAY);
        assert_eq!(store.remove_messages(DAY, 2).unwrap(), 0);
        database.clock().advance(SECOND);
        assert_eq!([2, 1, 0], [(); 3].map(|()| store.remove_messages(DAY, 2).unwrap()));
    });
}

/// Whoever adds a table must say what empties it.
#[test]
fn the_documentation_lists_every_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/retention.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (tables, _) = text.split_once("## Jobs").unwrap();
    let rows = tables.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let documented: BTreeSet<String> = rows.map(|(table, _)| table.to_owned()).collect();
    TestDatabase::on_both(|database| {
        let tables: BTreeSet<String> = database.tables().into_iter().collect();
        assert_eq!(documented, tables, "{database:?}");
    });
}
