//! Contract of `RefreshStore`.

use std::time::Duration;

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::{Authentication, AuthenticationMethod, SystemRandom, TokenId};
use portcullis_flows::sign_in::refresh::Rotated;
use portcullis_storage::Store;
use portcullis_testkit::TestDatabase;
use portcullis_testkit::samples::{self, NOW};

use crate::family::{COOKIE, GRACE, Presented};
use crate::inspect::{count, ends, forks, live_sessions, outcomes};
use crate::member::{SESSION_LIFETIME, SignIn, end_session, ended, enrol};

const MICROSECOND: Duration = Duration::from_micros(1);
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[test]
fn the_live_token_becomes_its_successor_and_the_session_stays_the_same() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let opened = SignIn::of(&ada, NOW).opened(store);
        let mut presented = Presented::first(&opened, NOW + DAY);
        for day in 2..5 {
            let rotated = presented.rotate(store);
            let Rotated::Done { snapshot, session, .. } = rotated else { panic!("{rotated:?}") };
            assert_eq!((snapshot.account.id, session), (ada.id, opened.session.clone()));
            presented = presented.next(NOW + day * DAY);
        }
        assert_eq!(count(store, "refresh_tokens"), 4);
        assert_eq!(count(store, "refresh_tokens WHERE parent_id IS NULL"), 1);
        assert_eq!(forks(store), 0);
    });
}

#[test]
fn a_session_says_for_ever_how_its_person_has_proven_who_they_are() {
    use AuthenticationMethod::{MultipleFactors, OneTimePassword, Other, Password};
    TestDatabase::on_both(|database| {
        let store = database.store();
        let mut sign_in = SignIn::of(&enrol(store, "ada"), NOW);
        sign_in.session.authentication.methods = vec![Password, OneTimePassword, MultipleFactors];
        let first = Presented::first(&sign_in.clone().opened(store), NOW + DAY);
        assert_eq!(authentication(first.rotate(store)), sign_in.session.authentication);
        store.execute("UPDATE sessions SET amr = 'pwd retina'").unwrap();
        let of_a_newer_version = authentication(first.next(NOW + 2 * DAY).rotate(store));
        assert_eq!(of_a_newer_version.methods, [Password, Other]);
        assert_eq!(count(store, "sessions WHERE amr = 'pwd retina' AND acr = 'aal1'"), 1);
    });
}

#[test]
fn a_session_of_before_counts_as_opened_by_a_password() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let opened = SignIn::of(&enrol(store, "ada"), NOW).opened(store);
        for column in ["acr", "amr"] {
            store.execute(&format!("ALTER TABLE sessions DROP COLUMN {column}")).unwrap();
        }
        let version = "20261126013623";
        let forget = "DELETE FROM __diesel_schema_migrations WHERE version =";
        store.execute(&format!("{forget} '{version}'")).unwrap();
        assert_eq!(store.migrate().unwrap(), [version]);
        let rotated = Presented::first(&opened, NOW + DAY).rotate(store);
        assert_eq!(authentication(rotated), opened.session.authentication);
    });
}

#[test]
fn the_family_tree_tells_where_each_token_came_from() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let opened = SignIn::of(&enrol(store, "ada"), NOW).opened(store);
        Presented::first(&opened, NOW + DAY).rotated(store);
        let tree = "refresh_tokens child JOIN refresh_tokens parent ON child.parent_id = parent.id
                    AND child.session_id = parent.session_id AND child.issued_at > parent.issued_at
                    WHERE child.address = '192.0.2.7' AND child.user_agent = 'samples/1'";
        assert_eq!(count(store, tree), 1);
    });
}

#[test]
fn a_lost_answer_is_repeated_to_the_right_binding_however_late() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let first = Presented::first(&bound(store), NOW).with(COOKIE).rotated(store);
        for later in [Duration::ZERO, GRACE, GRACE + SECOND, 5 * DAY] {
            let answer = first.again(NOW + later).rotate(store);
            let Rotated::Repeated { snapshot, successor, rotated_at, .. } = answer else {
                panic!("{later:?}: {answer:?}")
            };
            assert_eq!(snapshot.account.username.as_str(), "ada");
            assert_eq!((successor, rotated_at), (first.successor, NOW));
        }
        assert_eq!(count(store, "refresh_tokens"), 2);
        first.next(NOW + GRACE).rotated(store);
    });
}

#[test]
fn a_client_without_cookies_gets_a_lost_answer_again_within_the_grace() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let first = SignIn::of(&enrol(store, "ada"), NOW).opened(store);
        let first = Presented::first(&first, NOW).rotated(store);
        for later in [Duration::ZERO, SECOND, GRACE] {
            let answer = first.again(NOW + later).rotate(store);
            let Rotated::Repeated { successor, rotated_at, at, .. } = answer else {
                panic!("{later:?}: {answer:?}")
            };
            assert_eq!((successor, rotated_at, at), (first.successor, NOW, NOW + later));
        }
        first.next(NOW + GRACE).rotated(store);
    });
}

#[test]
fn after_the_grace_a_client_without_cookies_ends_this_one_session_with_an_event() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let (session, other) = (SignIn::of(&ada, NOW), SignIn::of(&ada, NOW).opened(store));
        let first = Presented::first(&session.opened(store), NOW).rotated(store);
        let late = first.again(NOW + GRACE + MICROSECOND);
        let answer = late.rotate(store);
        let Rotated::Reused { revoked, .. } = answer else { panic!("{answer:?}") };
        assert_eq!(ended(&revoked), [first.session]);
        assert_eq!(ends(store), ["refresh_token_late 1"]);
        assert_eq!(outcomes(store, "refresh_token_late"), ["sessions_ended 1"]);
        assert_eq!(outcomes(store, "refresh_token_reuse"), [""; 0]);
        assert!(matches!(late.rotate(store), Rotated::Refused), "one alarm");
        Presented::first(&other, NOW).rotated(store);
    });
}

#[test]
fn a_lost_answer_without_the_right_binding_is_reuse() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        for cookie in [None, Some("another cookie")] {
            let opened = SignIn::bound(&ada, NOW, COOKIE).opened(store);
            let first = Presented::first(&opened, NOW).with(COOKIE).rotated(store);
            let answer = Presented { cookie, ..first.again(NOW) }.rotate(store);
            assert!(matches!(answer, Rotated::Reused { .. }), "{cookie:?}: {answer:?}");
            assert_eq!(live_sessions(store), 0);
        }
    });
}

#[test]
fn what_has_become_too_old_is_refused_without_being_spent_and_without_an_alarm() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let first = Presented::first(&bound(store), NOW).with(COOKIE).rotated(store);
        for presented in [first.next(NOW), first.again(NOW), first.next(NOW)] {
            let answer = presented.rotate_if(store, &|_, _, _| None);
            assert!(matches!(answer, Rotated::Refused), "{answer:?}");
        }
        assert_eq!((live_sessions(store), count(store, "refresh_tokens")), (1, 2));
        first.next(NOW).rotated(store);
    });
}

#[test]
fn nothing_is_repeated_once_the_successor_was_used() {
    TestDatabase::on_both(|database| {
        let first = Presented::first(&bound(database.store()), NOW).with(COOKIE);
        let first = first.rotated(database.store());
        first.next(NOW).rotated(database.store());
        let answer = first.again(NOW).rotate(database.store());
        assert!(matches!(answer, Rotated::Reused { .. }), "{answer:?}");
    });
}

#[test]
fn the_live_token_without_its_binding_is_refused_and_stays_live() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let first = Presented::first(&bound(store), NOW);
        assert!(matches!(first.rotate(store), Rotated::Refused));
        assert!(matches!(first.clone().with("another cookie").rotate(store), Rotated::Refused));
        assert_eq!(live_sessions(store), 1);
        first.with(COOKIE).rotated(store);
    });
}

#[test]
fn a_cookie_that_a_session_never_had_changes_nothing() {
    TestDatabase::on_both(|database| {
        let opened = SignIn::of(&enrol(database.store(), "ada"), NOW).opened(database.store());
        Presented::first(&opened, NOW).with("stray cookie").rotated(database.store());
    });
}

#[test]
fn a_token_the_session_never_had_is_refused_and_ends_nothing() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let (one, other) =
            (SignIn::of(&ada, NOW).opened(store), SignIn::of(&ada, NOW).opened(store));
        let unknown = TokenId::generate(NOW, &SystemRandom);
        let strays = [
            Presented::new(one.session.id, unknown, NOW),
            Presented::new(one.session.id, other.refresh, NOW),
            Presented::new(SignIn::of(&ada, NOW).session.id, one.refresh, NOW),
        ];
        for stray in strays {
            assert!(matches!(stray.rotate(store), Rotated::Refused));
        }
        assert_eq!(live_sessions(store), 2);
        assert_eq!(count(store, "security_events WHERE kind = 'refresh_token_reuse'"), 0);
    });
}

#[test]
fn no_token_of_an_ended_session_works_or_raises_an_alarm() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let (kept, ended) = (bound(store), SignIn::of(&enrol(store, "grace"), NOW).opened(store));
        let first = Presented::first(&ended, NOW).rotated(store);
        let event = samples::event(EventKind::SignOut, Outcome::Success, NOW);
        end_session(store, ended.session.id, &event);
        for presented in [first.again(NOW), first.next(NOW), first.again(NOW + DAY)] {
            assert!(matches!(presented.rotate(store), Rotated::Refused));
        }
        Presented::first(&kept, NOW).with(COOKIE).rotated(store);
    });
}

#[test]
fn no_rotation_moves_the_end_of_a_session() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let opened = SignIn::of(&enrol(store, "ada"), NOW).opened(store);
        let end = NOW + SESSION_LIFETIME;
        let last = Presented::first(&opened, end - MICROSECOND).rotated(store);
        assert!(matches!(last.next(end).rotate(store), Rotated::Refused));
        assert!(matches!(last.again(end).rotate(store), Rotated::Refused), "nor is it reuse");
    });
}

#[test]
fn a_deactivated_account_gets_no_successor_not_even_one_that_is_there() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let first = Presented::first(&bound(store), NOW).with(COOKIE).rotated(store);
        store.execute("UPDATE accounts SET is_active = false").unwrap();
        for presented in [first.next(NOW), first.again(NOW)] {
            assert!(matches!(presented.rotate(store), Rotated::Refused));
        }
    });
}

#[test]
fn a_token_that_stays_itself_can_be_used_again_and_again() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let opened = SignIn::of(&enrol(store, "ada"), NOW).opened(store);
        for day in 0..3 {
            let presented = Presented::first(&opened, NOW + day * DAY);
            Presented { successor: presented.token, ..presented }.rotated(store);
        }
        assert_eq!(count(store, "refresh_tokens"), 1);
    });
}

/// A session of ada that is bound to [`COOKIE`].
fn bound(store: &Store) -> SignIn {
    SignIn::bound(&enrol(store, "ada"), NOW, COOKIE).opened(store)
}

fn authentication(rotated: Rotated) -> Authentication {
    match rotated {
        Rotated::Done { session, .. } => session.authentication,
        other => panic!("{other:?}"),
    }
}
