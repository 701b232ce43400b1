//! Concurrent refreshes, sign-outs and account changes.

use std::time::Duration;

use portcullis_audit::{EventKind, Outcome};
use portcullis_flows::sign_in::refresh::Rotated;
use portcullis_testkit::samples::{self, NOW};
use portcullis_testkit::{TestDatabase, at_once};

use crate::family::{COOKIE, GRACE, Presented};
use crate::inspect::{count, ends, forks, live_sessions};
use crate::member::{SignIn, end_session, enrol};

const LATER: Duration = Duration::from_secs(60);

#[test]
fn of_fifty_uses_at_once_one_wins_and_the_others_learn_its_successor() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        let opened = SignIn::bound(&enrol(store, "ada"), NOW, COOKIE).opened(store);
        let presented = Presented::first(&opened, NOW).with(COOKIE);
        let answers = at_once(50, |_| {
            let attempt = presented.again(NOW);
            match attempt.rotate(store) {
                Rotated::Done { .. } => (true, attempt.successor),
                Rotated::Repeated { successor, .. } => (false, successor),
                other => panic!("{other:?}"),
            }
        });
        let winners: Vec<_> = answers.iter().filter(|(won, _)| *won).collect();
        assert_eq!(winners.len(), 1, "{database:?}");
        assert!(answers.iter().all(|(_, successor)| *successor == winners[0].1));
        assert_eq!(count(store, "refresh_tokens"), 2);
        assert_eq!(live_sessions(store), 1);
        let successor = Presented { token: winners[0].1, ..presented.again(NOW + LATER) };
        successor.rotated(store);
    });
}

#[test]
fn of_fifty_uses_at_once_without_a_binding_one_wins_and_the_others_learn_its_successor() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        let opened = SignIn::of(&enrol(store, "ada"), NOW).opened(store);
        let answers = at_once(50, |_| Presented::first(&opened, NOW).rotate(store));
        let won = answers.iter().filter(|answer| matches!(answer, Rotated::Done { .. })).count();
        let lost = answers.iter().filter(|answer| matches!(answer, Rotated::Repeated { .. }));
        let lost = lost.count();
        assert_eq!((won, lost), (1, 49), "{database:?}");
        assert_eq!(count(store, "refresh_tokens"), 2);
        assert_eq!(live_sessions(store), 1);
    });
}

#[test]
fn a_chain_of_refreshes_never_forks_under_load() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        let opened = SignIn::bound(&enrol(store, "ada"), NOW, COOKIE).opened(store);
        let first = Presented::first(&opened, NOW).with(COOKIE);
        // Each client goes on with what it was given, as tabs of one browser do.
        at_once(30, |_| {
            (0..5).fold(first.clone(), |presented, _| match presented.again(NOW).rotate(store) {
                Rotated::Done { .. } => presented.next(NOW),
                Rotated::Repeated { successor, .. } => {
                    Presented { token: successor, ..presented.again(NOW) }
                }
                _ => presented,
            });
        });
        assert_eq!(forks(store), 0);
        let roots = count(store, "refresh_tokens WHERE parent_id IS NULL");
        let lonely = "sessions s JOIN refresh_tokens t ON t.id = s.current_token
                      WHERE NOT EXISTS (SELECT 1 FROM refresh_tokens c WHERE c.parent_id = t.id)";
        assert_eq!((roots, count(store, lonely)), (1, 1), "one line, and its end is current");
    });
}

#[test]
fn reuse_that_races_with_a_rotation_ends_everything_whoever_is_first() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        for round in 0..5 {
            let ada = enrol(store, &format!("ada{round}"));
            let opened = SignIn::of(&ada, NOW).opened(store);
            let old = Presented::first(&opened, NOW).rotated(store);
            let used = old.next(NOW).rotated(store);
            let now = NOW + GRACE + LATER;
            let answers = at_once(40, |number| {
                let presented = if number % 2 == 0 { old.again(now) } else { used.next(now) };
                presented.rotate(store)
            });
            let reused = answers.iter().any(|answer| matches!(answer, Rotated::Reused { .. }));
            let done = answers.iter().filter(|answer| matches!(answer, Rotated::Done { .. }));
            assert!(reused && done.count() <= 1, "{database:?}");
            assert_eq!(live_sessions(store), 0, "{database:?}");
        }
        assert_eq!(ends(store), ["refresh_token_reuse 5"]);
        assert_eq!(forks(store), 0);
    });
}

#[test]
fn a_session_that_is_ended_during_rotations_stays_ended() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        let opened = SignIn::bound(&enrol(store, "ada"), NOW, COOKIE).opened(store);
        let first = Presented::first(&opened, NOW).with(COOKIE);
        let successors = at_once(30, |number| {
            if number == 15 {
                let event = samples::event(EventKind::SignOut, Outcome::Success, NOW);
                end_session(store, opened.session.id, &event);
            }
            let attempt = first.again(NOW);
            let rotated = attempt.rotate(store);
            assert!(!matches!(rotated, Rotated::Reused { .. }), "{rotated:?}");
            attempt.successor
        });
        assert_eq!(live_sessions(store), 0);
        for token in successors {
            let presented = Presented { token, ..first.again(NOW) };
            assert!(matches!(presented.rotate(store), Rotated::Refused));
        }
    });
}
