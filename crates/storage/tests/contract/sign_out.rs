//! Contract of `SignOutStore`.

use std::time::Duration;

use portcullis_audit::{EventKind, Outcome, SecurityEvent};
use portcullis_domain::{AccountId, SessionId};
use portcullis_flows::sign_in::sign_out::SignOutStore;
use portcullis_testkit::TestDatabase;
use portcullis_testkit::samples::{self, NOW};
use portcullis_token::Digest;

use crate::inspect::{count, ends, live_sessions, outcomes, revoked_sessions};
use crate::member::{SignIn, end_all_sessions, end_session, enrol};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn ending_a_session_ends_that_one_and_is_recorded() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let [first, _] = [0, 1].map(|_| SignIn::of(&ada, NOW).opened(store).session.id);
        end_session(store, first, &signing_out(ada.id, first));
        assert_eq!(live_sessions(store), 1);
        assert_eq!(ends(store), ["sign_out 1"]);
        assert_eq!(outcomes(store, "sign_out"), ["success 1"]);
        let ended = "sessions s JOIN security_events e ON e.session_id = s.id
                     WHERE e.kind = 'sign_out' AND s.ended_at = e.at AND e.subject = s.account_id";
        assert_eq!(count(store, ended), 1);
    });
}

#[test]
fn ending_what_has_ended_or_never_was_changes_and_records_nothing() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let session = SignIn::of(&ada, NOW).opened(store).session.id;
        let later = SecurityEvent { at: NOW + SECOND, ..signing_out(ada.id, session) };
        let end = |session, event: &SecurityEvent| end_session(store, session, event);
        assert_eq!(end(session, &signing_out(ada.id, session)), Some(session));
        assert_eq!(end(session, &later), None);
        let unknown = SignIn::of(&ada, NOW).session.id;
        assert_eq!(end(unknown, &signing_out(ada.id, unknown)), None);
        assert_eq!(outcomes(store, "sign_out"), ["success 1"]);
        assert_eq!(revoked_sessions(store), [session]);
    });
}

#[test]
fn ending_all_sessions_answers_those_that_were_live_and_spares_other_accounts() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let (ada, grace) = (enrol(store, "ada"), enrol(store, "grace"));
        let mut sessions = [0, 1, 2].map(|_| SignIn::of(&ada, NOW).opened(store).session.id);
        SignIn::of(&grace, NOW).opened(store);
        sessions.sort();
        end_session(store, sessions[0], &signing_out(ada.id, sessions[0]));
        assert_eq!(end_all(&database, ada.id), sessions[1..]);
        assert_eq!(live_sessions(store), 1);
        assert_eq!(ends(store), ["sign_out 1", "sign_out_all 2"]);
        assert_eq!(end_all(&database, ada.id), [], "but it is recorded that somebody asked");
        assert_eq!(outcomes(store, "sign_out_all"), ["success 2"]);
        let details = "SELECT details FROM security_events WHERE kind = 'sign_out_all' ORDER BY 1";
        let details = store.texts(details).unwrap();
        assert_eq!(details, [r#"{"sessions_ended":0}"#, r#"{"sessions_ended":2}"#]);
    });
}

#[test]
fn a_live_session_is_found_by_its_binding_cookie_and_by_no_other() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let ada = enrol(store, "ada");
        let binding = Digest::of("the cookie");
        let opened = SignIn { binding: Some(binding), ..SignIn::of(&ada, NOW) }.opened(store);
        let found = store.session_bound_to(&binding).unwrap();
        assert_eq!(found, Some((ada.id, opened.session.id)));
        assert_eq!(store.session_bound_to(&Digest::of("another")).unwrap(), None);
        let event = signing_out(ada.id, opened.session.id);
        end_session(store, opened.session.id, &event);
        assert_eq!(store.session_bound_to(&binding).unwrap(), None);
    });
}

fn end_all(database: &TestDatabase, account: AccountId) -> Vec<SessionId> {
    let event = samples::event(EventKind::SignOutAll, Outcome::Success, NOW).about(account);
    end_all_sessions(database.store(), account, &event)
}

fn signing_out(account: AccountId, session: SessionId) -> SecurityEvent {
    let event = samples::event(EventKind::SignOut, Outcome::Success, NOW);
    event.about(account).in_session(session)
}
