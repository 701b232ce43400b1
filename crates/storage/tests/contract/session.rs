//! Contract of `SessionStore`.

use std::time::Duration;

use portcullis_audit::{EventKind, Outcome, SecurityEvent};
use portcullis_domain::{AccountId, DisplayName, SessionId, SystemRandom};
use portcullis_flows::sign_in::session::{ActiveSession, SessionStore};
use portcullis_storage::Store;
use portcullis_testkit::samples::{self, NOW};
use portcullis_testkit::{TestDatabase, at_once};

use crate::family::Presented;
use crate::inspect::{count, ends, live_sessions, outcomes};
use crate::member::{SESSION_LIFETIME, SignIn, ended, ended_by, ending, enrol};

const LATER: Duration = Duration::from_secs(60);

#[test]
fn the_live_sessions_of_an_account_are_listed_with_where_they_were_used_last() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let (ada, grace) = (enrol(store, "ada"), enrol(store, "grace"));
        SignIn::of(&grace, NOW).opened(store);
        let name = DisplayName::parse("Ada's laptop").unwrap();
        let named = SignIn { device_name: Some(name.clone()), ..SignIn::of(&ada, NOW) };
        let first = named.opened(store);
        let second = SignIn::of(&ada, NOW + LATER).opened(store);
        let ended = SignIn::of(&ada, NOW + LATER).opened(store).session.id;
        assert!(end(store, ada.id, ended));
        Presented::first(&first, NOW + 2 * LATER).rotated(store);

        let (role, sessions) = store.sessions(ada.id, NOW + 2 * LATER).unwrap().unwrap();
        assert_eq!(role, ada.role);
        let expected = |opened: &SignIn, device_name, last_used_at| ActiveSession {
            id: opened.session.id,
            device_name,
            address: samples::origin().address,
            user_agent: samples::origin().user_agent,
            created_at: opened.now,
            last_used_at,
            ends_at: opened.now + SESSION_LIFETIME,
        };
        let second = expected(&second, None, NOW + LATER);
        let first = expected(&first, Some(name), NOW + 2 * LATER);
        assert_eq!(sessions, [second.clone(), first]);
        let (_, at_the_end) = store.sessions(ada.id, NOW + SESSION_LIFETIME).unwrap().unwrap();
        assert_eq!(at_the_end, [second], "an expired session is none");
        assert!(store.sessions(nobody(), NOW).unwrap().is_none());
    });
}

#[test]
fn a_session_is_ended_by_its_own_account_only_and_once() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let (ada, grace) = (enrol(store, "ada"), enrol(store, "grace"));
        let session = SignIn::of(&ada, NOW).opened(store).session.id;
        assert!(!end(store, grace.id, session));
        assert!(!end(store, nobody(), session));
        assert!(!end(store, ada.id, samples::session()));
        assert_eq!((live_sessions(store), count(store, "revocations")), (1, 0));
        assert!(end(store, ada.id, session));
        assert!(!end(store, ada.id, session));
        assert_eq!((live_sessions(store), count(store, "revocations")), (0, 1));
        assert_eq!(ends(store), ["session_ended 1"]);
        assert_eq!(outcomes(store, "session_ended"), ["success 1"]);
    });
}

#[test]
fn of_many_who_end_one_session_at_once_one_is_told_that_it_did() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let session = SignIn::of(&ada, NOW).opened(store).session.id;
        let answers = at_once(20, |_| end(store, ada.id, session));
        assert_eq!(answers.iter().filter(|ended| **ended).count(), 1);
        assert_eq!(outcomes(store, "session_ended"), ["success 1"]);
        assert_eq!(count(store, "revocations"), 1);
    });
}

#[test]
fn ending_the_others_keeps_the_one_and_touches_no_other_account() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let (ada, grace) = (enrol(store, "ada"), enrol(store, "grace"));
        let [first, kept, last] = [0; 3].map(|_| SignIn::of(&ada, NOW).opened(store).session.id);
        SignIn::of(&grace, NOW).opened(store);
        let event = event(EventKind::OtherSessionsEnded, ada.id, kept);
        let ending = ending(event.kind, NOW);
        let revoked = store.end_other_sessions(ada.id, kept, ending, &ended_by(&event)).unwrap();
        let mut expected = [first, last];
        expected.sort();
        assert_eq!(ended(&revoked), expected);
        assert_eq!((live_sessions(store), count(store, "revocations")), (2, 2));
        assert_eq!(ends(store), ["other_sessions_ended 2"]);
        let (_, left) = store.sessions(ada.id, NOW).unwrap().unwrap();
        assert_eq!(left.iter().map(|session| session.id).collect::<Vec<_>>(), [kept]);
    });
}

fn end(store: &Store, account: AccountId, session: SessionId) -> bool {
    let event = event(EventKind::SessionEnded, account, session);
    let (ending, effects) = (ending(event.kind, NOW), event.into());
    !store.end_session_of(account, session, ending, &effects).unwrap().is_empty()
}

fn event(kind: EventKind, account: AccountId, session: SessionId) -> SecurityEvent {
    samples::event(kind, Outcome::Success, NOW).about(account).in_session(session)
}

fn nobody() -> AccountId {
    AccountId::generate(NOW, &SystemRandom)
}
