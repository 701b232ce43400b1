//! Contract of `MassSignOutStore`.

use std::time::Duration;

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::{Account, AssuranceLevel, Role, SessionId, Timestamp};
use portcullis_flows::effects::Effects;
use portcullis_flows::identity::account_change::Refusal;
use portcullis_flows::principal::{Credential, Principal};
use portcullis_flows::sign_in::mass_sign_out::{MassEnded, MassEnding, MassSignOutStore};
use portcullis_storage::Store;
use portcullis_testkit::samples::{self, NOW};
use portcullis_testkit::{TestDatabase, at_once};
use portcullis_token::AuthenticationMethod;

use crate::inspect::{ends, live_sessions, outcomes, revoked_sessions};
use crate::member::{SignIn, enrol};

const SECOND: Duration = Duration::from_secs(1);

fn end_some(
    store: &Store,
    principal: &Principal,
    before: Option<Timestamp>,
    spared: Option<SessionId>,
) -> MassEnded {
    let event =
        |outcome| samples::event(EventKind::EverybodySignedOut, outcome, NOW).by(principal.actor);
    let effects = |ended: &MassEnded| match ended {
        MassEnded::Done { revoked, .. } if before.is_some() && revoked.is_empty() => {
            Effects::default()
        }
        MassEnded::Done { revoked, .. } => {
            event(Outcome::Success).ending(revoked.session_count()).into()
        }
        MassEnded::Refused(refusal) => event(refusal.outcome()).into(),
        MassEnded::Superseded => Effects::default(),
    };
    let ending = MassEnding {
        principal,
        revision: 0,
        most_senior: &Role::parse("admin").unwrap(),
        before,
        spared,
        most: 2,
        revoked_for: 60 * SECOND,
        reason: EventKind::EverybodySignedOut,
        effects: &effects,
    };
    store.end_sessions_of_all(&ending).unwrap()
}

fn count(ended: &MassEnded) -> usize {
    match ended {
        MassEnded::Done { revoked, .. } => revoked.session_count(),
        other => panic!("{other:?}"),
    }
}

fn caller(account: &Account, session: SessionId) -> Principal {
    let holder = samples::principal(account.id, account.role.as_str());
    let methods = vec![AuthenticationMethod::Password];
    let (token, authenticated_at) = (samples::token(), NOW);
    let assurance = AssuranceLevel::Aal1;
    let credential =
        Credential::AccessToken { session, token, methods, assurance, authenticated_at };
    Principal { credential, ..holder }
}

#[test]
fn sessions_end_in_portions_but_those_that_were_opened_since_and_the_spared_one() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let accounts = ["ada", "grace", "ben"].map(|name| enrol(store, name));
        let opened: Vec<SessionId> = [0, 0, 1, 1, 2]
            .map(|owner: usize| SignIn::of(&accounts[owner], NOW).opened(store).session.id)
            .into();
        let spared = Some(opened[0]);
        let first = end_some(store, &samples::operator(), None, spared);
        let MassEnded::Done { before, ref revoked } = first else { panic!("{first:?}") };
        let until = NOW + 60 * SECOND;
        assert!(revoked.entries().iter().all(|entry| entry.until == until), "{first:?}");
        assert_eq!((count(&first), before), (2, NOW));
        SignIn::of(&accounts[0], NOW + SECOND).opened(store);
        let portions =
            [(); 2].map(|()| count(&end_some(store, &samples::operator(), Some(before), spared)));
        assert_eq!(portions, [2, 0]);
        assert_eq!(live_sessions(store), 2);
        assert_eq!(count(&end_some(store, &samples::operator(), Some(before), None)), 1);
        assert_eq!(ends(store), ["everybody_signed_out 5"]);
        let mut expected = opened;
        expected.sort();
        assert_eq!(revoked_sessions(store), expected);
        assert_eq!(outcomes(store, "everybody_signed_out"), ["success 3"], "none of nothing");
    });
}

#[test]
fn only_the_most_senior_role_may_and_only_while_it_is_the_callers() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let junior = enrol(store, "ada");
        let session = SignIn::of(&junior, NOW).opened(store).session.id;
        let refused = end_some(store, &caller(&junior, session), None, None);
        assert!(matches!(refused, MassEnded::Refused(Refusal::AboveOwnRole)), "{refused:?}");
        let senior = Account { role: Role::parse("admin").unwrap(), ..junior };
        let refused = end_some(store, &caller(&senior, session), None, None);
        assert!(matches!(refused, MassEnded::Refused(Refusal::CallerChanged)), "{refused:?}");
        assert_eq!(outcomes(store, "everybody_signed_out"), ["against_rules 1", "superseded 1"]);
        assert_eq!(live_sessions(store), 1);
        store.execute("UPDATE accounts SET role = 'admin'").unwrap();
        assert_eq!(count(&end_some(store, &caller(&senior, session), None, None)), 1);
    });
}

#[test]
fn two_who_end_everything_while_others_sign_in_and_out_wait_for_nobody_for_ever() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        let accounts: Vec<Account> =
            (0..6).map(|number| enrol(store, &format!("user{number}"))).collect();
        at_once(8, |number| {
            for account in &accounts {
                if number < 2 {
                    end_some(store, &samples::operator(), None, None);
                } else {
                    SignIn { most_sessions: 3, ..SignIn::of(account, NOW) }.open(store);
                }
            }
        });
        while count(&end_some(store, &samples::operator(), None, None)) > 0 {}
        assert_eq!(live_sessions(store), 0, "{database:?}");
    });
}
