//! Contract of reuse detection for refresh tokens.

use std::time::Duration;

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::{Account, SessionId};
use portcullis_flows::sign_in::refresh::Rotated;
use portcullis_flows::sign_in::session_tokens::OnReuse;
use portcullis_storage::Store;
use portcullis_testkit::TestDatabase;
use portcullis_testkit::samples::{self, NOW};

use crate::family::{COOKIE, GRACE, Presented};
use crate::inspect::{ends, live_sessions, outcomes, revoked_sessions};
use crate::member::{SignIn, end_session, ended, enrol};

const LATER: Duration = Duration::from_secs(60);

#[test]
fn a_token_that_comes_back_ends_every_session_of_its_account_and_no_other() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let (ada, grace) = (enrol(store, "ada"), enrol(store, "grace"));
        let stolen = rotated_long_ago(store, &ada);
        let second = SignIn::of(&ada, NOW).opened(store);
        let spared = SignIn::of(&grace, NOW).opened(store);
        let mut expected = [stolen.session, second.session.id];
        expected.sort();
        assert_eq!(ended_by(&stolen, store), expected);
        assert_eq!(ends(store), ["refresh_token_reuse 2"]);
        for dead in [stolen.next(stolen.now), Presented::first(&second, stolen.now)] {
            assert!(matches!(dead.rotate(store), Rotated::Refused));
        }
        Presented::first(&spared, stolen.now).rotated(store);
    });
}

#[test]
fn the_alarm_and_the_end_of_the_sessions_outlast_the_refusal() {
    TestDatabase::on_both(|database| {
        let ada = enrol(database.store(), "ada");
        let stolen = rotated_long_ago(database.store(), &ada);
        ended_by(&stolen, database.store());
        let elsewhere = database.connect();
        assert_eq!(live_sessions(&elsewhere), 0);
        assert_eq!(outcomes(&elsewhere, "refresh_token_reuse"), ["sessions_ended 1"]);
        assert_eq!(revoked_sessions(&elsewhere), [stolen.session]);
        assert!(matches!(stolen.next(stolen.now).rotate(&elsewhere), Rotated::Refused));
    });
}

#[test]
fn where_only_the_session_shall_end_the_others_live_on() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let spared = SignIn::of(&ada, NOW).opened(store);
        let on_reuse = OnReuse::EndThisSession;
        let stolen = Presented { on_reuse, ..rotated_long_ago(store, &ada) };
        assert_eq!(ended_by(&stolen, store), [stolen.session]);
        assert_eq!(live_sessions(store), 1);
        assert_eq!(outcomes(store, "refresh_token_reuse"), ["sessions_ended 1"]);
        Presented::first(&spared, stolen.now).rotated(store);
    });
}

#[test]
fn a_refresh_with_the_wrong_binding_is_reuse_and_no_race() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let opened = SignIn::bound(&enrol(store, "ada"), NOW, COOKIE).opened(store);
        let first = Presented::first(&opened, NOW).with(COOKIE).rotated(store);
        let thief = first.again(NOW).with("another cookie");
        assert_eq!(ended_by(&thief, store), [opened.session.id]);
    });
}

#[test]
fn an_ancestor_of_any_age_is_recognised() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let opened = SignIn::bound(&enrol(store, "ada"), NOW, COOKIE).opened(store);
        let first = Presented::first(&opened, NOW).with(COOKIE).rotated(store);
        (1..6).fold(first.clone(), |last, minute| last.next(NOW + minute * LATER).rotated(store));
        let returned = first.again(NOW + 6 * LATER);
        assert_eq!(ended_by(&returned, store), [opened.session.id]);
    });
}

#[test]
fn sessions_that_had_ended_before_keep_their_own_reason() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let signed_out = SignIn::of(&ada, NOW).opened(store).session.id;
        let event = samples::event(EventKind::SignOut, Outcome::Success, NOW);
        end_session(store, signed_out, &event);
        let stolen = rotated_long_ago(store, &ada);
        assert_eq!(ended_by(&stolen, store), [stolen.session]);
        assert_eq!(ends(store), ["refresh_token_reuse 1", "sign_out 1"]);
    });
}

/// A token whose successor has been used, as it comes back.
fn rotated_long_ago(store: &Store, account: &Account) -> Presented {
    let opened = SignIn::of(account, NOW).opened(store);
    let first = Presented::first(&opened, NOW).rotated(store);
    first.next(NOW).rotated(store);
    first.again(NOW + GRACE + LATER)
}

/// What ends by its return, in order.
fn ended_by(presented: &Presented, store: &Store) -> Vec<SessionId> {
    let answer = presented.rotate(store);
    let Rotated::Reused { revoked, .. } = answer else { panic!("{answer:?}") };
    ended(&revoked)
}
