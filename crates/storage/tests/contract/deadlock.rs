//! Lock order: statements that lock several rows lock them in one order, so that no deadlock occurs. A
//! deadlock would be an error here, because the database aborts one of the statements.

use std::time::Duration;

use portcullis_audit::{EventKind, Outcome};
use portcullis_testkit::samples::{self, NOW};
use portcullis_testkit::{TestDatabase, at_once};

use crate::family::{GRACE, Presented};
use crate::inspect::{forks, live_sessions};
use crate::member::{SignIn, end_all_sessions, enrol};

#[test]
fn signing_in_refreshing_and_ending_everything_at_once_all_get_through() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let sessions: Vec<_> = (0..8).map(|_| SignIn::of(&ada, NOW).opened(store)).collect();
        let old: Vec<_> =
            sessions.iter().map(|s| Presented::first(s, NOW).rotated(store)).collect();
        let now = NOW + 2 * GRACE;
        at_once(40, |number| {
            let token = &old[number % old.len()];
            match number % 5 {
                0 => drop(SignIn::of(&ada, now).open(store)),
                1 | 2 => drop(token.next(now).rotate(store)),
                3 => drop(token.again(now).rotate(store)),
                _ => {
                    let event = samples::event(EventKind::SignOutAll, Outcome::Success, now);
                    end_all_sessions(store, ada.id, &event);
                }
            }
        });
        assert_eq!(forks(store), 0);
    });
}

/// A rotation that waited in vain for another keeps PostgreSQL's lock on the session to the end of
/// its transaction; were it then to end all sessions, it would wait for the account with that lock
/// in hand, and whoever has the account waits for the session.
#[test]
fn rotations_that_turn_out_to_be_reuse_get_through_beside_those_that_end_everything() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        for round in 0..10 {
            let ada = enrol(store, &format!("ada{round}"));
            let first = Presented::first(&SignIn::of(&ada, NOW).opened(store), NOW);
            at_once(32, |number| {
                let now = NOW + Duration::from_millis(u64::try_from(number).unwrap());
                if number % 2 == 0 {
                    let presented = Presented { grace: Duration::ZERO, ..first.again(now) };
                    drop(presented.rotate(store));
                } else {
                    let event = samples::event(EventKind::SignOutAll, Outcome::Success, now);
                    end_all_sessions(store, ada.id, &event);
                }
            });
            assert_eq!(live_sessions(store), 0);
        }
    });
}
