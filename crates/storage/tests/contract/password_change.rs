//! Contract of `PasswordChangeStore`.

use std::time::Duration;

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::{Account, DisplayName, PasswordEpoch, SessionId, SystemRandom, TokenId};
use portcullis_flows::identity::account::AccountStore;
use portcullis_flows::identity::password_change::{
    PasswordChangeStore, PasswordUpdate, PasswordUpdateResult, ReplacementSession,
};
use portcullis_flows::sign_in::SessionOpeningResult;
use portcullis_flows::sign_in::SignInStore;
use portcullis_flows::sign_in::session::SessionStore;
use portcullis_flows::sign_in::sign_out::SignOutStore;
use portcullis_password::PasswordHash;
use portcullis_rate_limit::LockoutPolicy;
use portcullis_storage::Store;
use portcullis_testkit::samples::{self, NOW};
use portcullis_testkit::{TestDatabase, at_once};
use portcullis_token::Digest;

use crate::inspect::{count, ends, live_sessions, outcomes};
use crate::member::{
    SESSION_LIFETIME, SignIn, another_hash, counter, ended, ending, enrol, fail, hash, hash_of,
    proof_of, renew,
};

/// The counter of the session that asks.
const INSIDE: &str = "inside a session";

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_change_replaces_the_hash_and_ends_every_other_session_of_the_account() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let (ada, grace) = (enrol(store, "ada"), enrol(store, "grace"));
        store.execute("UPDATE accounts SET password_must_change = true").unwrap();
        let [asking, other] = [0, 1].map(|_| SignIn::of(&ada, NOW).opened(store).session.id);
        SignIn::of(&grace, NOW).opened(store);
        let PasswordUpdateResult::Done { snapshot, session, revoked, epoch } =
            change(store, &ada, asking, &another_hash())
        else {
            panic!("it is not changed");
        };
        let mut expected = [asking, other];
        expected.sort();
        assert_eq!((ended(&revoked), epoch), (expected.into(), PasswordEpoch::from_number(1)));
        assert_eq!((snapshot.account.id, snapshot.account.password_must_change), (ada.id, false));
        let (_, live) = store.sessions(ada.id, NOW + SECOND).unwrap().unwrap();
        assert_eq!(live.iter().map(|live| live.id).collect::<Vec<_>>(), [session.id]);
        assert_eq!((live[0].created_at, live[0].ends_at), (NOW, NOW + SESSION_LIFETIME));
        assert_eq!(hash_of(store, &ada), another_hash().as_str());
        assert!(!store.account(ada.id).unwrap().unwrap().password_must_change);
        assert!(store.account(grace.id).unwrap().unwrap().password_must_change);
        assert_eq!(live_sessions(store), 2);
        assert_eq!(ends(store), ["password_change 2"]);
        assert_eq!(outcomes(store, "password_change"), ["success 1"]);
        let others = "SELECT details FROM security_events WHERE kind = 'password_change'";
        assert_eq!(store.texts(others).unwrap(), [r#"{"sessions_ended":1}"#]);
    });
}

#[test]
fn the_device_goes_on_under_another_name_with_what_it_had_and_a_cookie_of_its_own() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let name = DisplayName::parse("Ada's laptop").unwrap();
        let bound = SignIn::bound(&ada, NOW, "the cookie of before");
        let asking = SignIn { device_name: Some(name.clone()), ..bound }.opened(store);
        let changed = change(store, &ada, asking.session.id, &another_hash());
        let PasswordUpdateResult::Done { session, .. } = changed else { panic!("{changed:?}") };
        assert_ne!(session.id, asking.session.id);
        let found = |cookie| store.session_bound_to(&Digest::of(cookie)).unwrap();
        assert_eq!(found("the cookie of before"), None);
        assert_eq!(found("the cookie of after"), Some((ada.id, session.id)));
        let (_, live) = store.sessions(ada.id, NOW).unwrap().unwrap();
        assert_eq!(live[0].device_name, Some(name));
        let parents =
            "refresh_tokens child JOIN refresh_tokens parent ON child.parent_id = parent.id";
        assert_eq!(count(store, parents), 1, "the family can be followed");
    });
}

#[test]
fn a_session_that_has_ended_meanwhile_changes_nothing() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let asking = SignIn::of(&ada, NOW).opened(store).session.id;
        store.execute("UPDATE sessions SET ended_at = authenticated_at").unwrap();
        assert_eq!(
            change(store, &ada, asking, &another_hash()),
            PasswordUpdateResult::SessionEnded
        );
        assert_eq!(hash_of(store, &ada), samples::password_hash().as_str());
        assert_eq!(outcomes(store, "password_change"), ["superseded 1"]);
        assert_eq!(live_sessions(store), 0);
    });
}

#[test]
fn credentials_are_found_by_the_account_alone() {
    TestDatabase::on_both(|database| {
        let ada = enrol(database.store(), "ada");
        enrol(database.store(), "grace");
        let found = database.store().credentials_of(ada.id).unwrap().unwrap();
        assert_eq!(found.account, ada);
        let stored = hash(&found);
        assert_eq!(stored.as_str(), samples::password_hash().as_str());
        assert!(database.store().credentials_of(samples::account("nobody").id).unwrap().is_none());
    });
}

#[test]
fn a_closed_counter_refuses_the_change_and_so_does_a_change_made_meanwhile() {
    let superseded = |set: &'static str| {
        move |store: &Store| store.execute(&format!("UPDATE accounts SET {set}")).unwrap()
    };
    let locked = |store: &Store| {
        let session = counter(INSIDE);
        (0..5).for_each(|_| fail(store, &session, &LockoutPolicy::default(), NOW));
    };
    refuses(&locked, "locked 1");
    refuses(&superseded("password_hash = 'changed since'"), "superseded 1");
    refuses(&superseded("is_active = false"), "superseded 1");
}

/// The refusal is recorded, and is all that is written.
fn refuses(meanwhile: &dyn Fn(&Store), outcome: &str) {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let [asking, _] = [0, 1].map(|_| SignIn::of(&ada, NOW).opened(store).session.id);
        meanwhile(store);
        let new = another_hash();
        let refused = change(store, &ada, asking, &new);
        assert!(matches!(refused, PasswordUpdateResult::Refused(_)), "{outcome}: {refused:?}");
        assert_eq!(outcomes(store, "password_change"), [outcome]);
        assert_eq!(live_sessions(store), 2);
        assert_eq!(count(store, &format!("accounts WHERE password_hash = '{}'", new.as_str())), 0);
    });
}

#[test]
fn of_thirty_changes_at_once_one_is_made() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let asking = SignIn::of(&ada, NOW).opened(store).session.id;
        let changed = at_once(30, |_| change(store, &ada, asking, &another_hash()));
        let done =
            changed.iter().filter(|verdict| matches!(verdict, PasswordUpdateResult::Done { .. }));
        assert_eq!(done.count(), 1, "{database:?}");
        assert_eq!(outcomes(store, "password_change"), ["success 1", "superseded 29"]);
    });
}

/// What the epoch stands for: a device that has shown the old password is never taken for one that has
/// shown the new one.
#[test]
fn an_epoch_and_the_hash_of_its_password_are_read_together() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        for round in 0..5 {
            let ada = enrol(store, &format!("ada{round}"));
            let asking = SignIn::of(&ada, NOW).opened(store).session.id;
            let read = at_once(20, |number| {
                if number == 10 {
                    let changed = change(store, &ada, asking, &another_hash());
                    assert!(matches!(changed, PasswordUpdateResult::Done { .. }));
                }
                let found = store.credentials_of(ada.id).unwrap().unwrap();
                (found.epoch.number(), hash(&found).as_str().to_owned())
            });
            let (old, new) = (samples::password_hash(), another_hash());
            let expected = [(0, old.as_str().to_owned()), (1, new.as_str().to_owned())];
            assert!(read.iter().all(|pair| expected.contains(pair)), "{database:?}");
            assert_eq!(read[10], expected[1]);
        }
    });
}

#[test]
fn a_new_hash_of_the_same_password_begins_no_epoch() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        renew(store, &ada, &samples::password_hash(), &another_hash());
        let found = store.credentials_of(ada.id).unwrap().unwrap();
        assert_eq!(found.epoch, PasswordEpoch::FIRST);
        assert_eq!(hash(&found).as_str(), another_hash().as_str());
    });
}

/// Strangers fail while the owner changes the password inside a session: whatever the order, the change
/// is made.
#[test]
fn no_storm_of_failures_outside_a_session_keeps_a_change_from_being_made() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        for round in 0..5 {
            let name = format!("ada{round}");
            let ada = enrol(store, &name);
            let asking = SignIn::of(&ada, NOW).opened(store).session.id;
            at_once(40, |number| {
                if number == 20 {
                    let changed = change(store, &ada, asking, &another_hash());
                    assert!(matches!(changed, PasswordUpdateResult::Done { .. }), "{database:?}");
                } else {
                    fail(store, &counter(&name), &LockoutPolicy::default(), NOW);
                }
            });
        }
        assert_eq!(outcomes(store, "password_change"), ["success 5"]);
    });
}

/// Whoever signs in with the old password is either in time to be ended, or too late.
#[test]
fn no_session_that_the_old_password_opened_outlives_the_change() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        for round in 0..5 {
            let ada = enrol(store, &format!("ada{round}"));
            let asking = SignIn::of(&ada, NOW).opened(store).session.id;
            at_once(20, |number| {
                if number == 10 {
                    let changed = change(store, &ada, asking, &another_hash());
                    assert!(matches!(changed, PasswordUpdateResult::Done { .. }));
                } else {
                    let opened = SignIn { most_sessions: 50, ..SignIn::of(&ada, NOW) }.open(store);
                    assert!(matches!(
                        opened,
                        SessionOpeningResult::Done { .. } | SessionOpeningResult::Refused(_)
                    ));
                }
            });
            assert_eq!(live_sessions(store), round + 1, "the one that asked: {database:?}");
        }
    });
}

pub(crate) fn change(
    store: &Store,
    account: &Account,
    session: SessionId,
    new: &PasswordHash,
) -> PasswordUpdateResult {
    let event = |outcome| {
        samples::event(EventKind::PasswordChange, outcome, NOW + SECOND)
            .about(account.id)
            .in_session(session)
    };
    let effects = |changed: &PasswordUpdateResult| match changed {
        PasswordUpdateResult::Done { revoked, .. } => {
            event(Outcome::Success).ending(revoked.session_count() - 1).into()
        }
        PasswordUpdateResult::Refused(outcome) => event(*outcome).into(),
        PasswordUpdateResult::SessionEnded => event(Outcome::Superseded).into(),
    };
    let successor = ReplacementSession {
        session: SessionId::generate(NOW, &SystemRandom),
        refresh: TokenId::generate(NOW, &SystemRandom),
        binding: Digest::of("the cookie of after"),
    };
    store
        .change_password(&PasswordUpdate {
            account: account.id,
            session,
            successor: &successor,
            current: &proof_of(samples::password_hash()),
            new,
            counter: &counter(INSIDE),
            ending: ending(EventKind::PasswordChange, NOW + SECOND),
            origin: &samples::origin(),
            effects: &effects,
        })
        .unwrap()
}
