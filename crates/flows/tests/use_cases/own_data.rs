//! The copy of the own data: what is in it, what is left out of it, and the entry that it makes.

use std::sync::Arc;

use portcullis_audit::{Entry, EventKind, Origin};
use portcullis_domain::{Account, AssuranceLevel};
use portcullis_flows::identity::email_change::EmailChangeRequest;
use portcullis_flows::identity::own_data::OwnData;
use portcullis_flows::sign_in::SignInRequest;
use portcullis_testkit::{PASSWORD, TestDatabase, samples};

use crate::account_change::admin;
use crate::administration::{by, decide, only_recorded, parties, session_of, sign_in};
use crate::deployment::{Deployment, SECOND, guess};
use crate::factors::{change, enrolled};
use crate::trail::trail;

fn own_data(deployment: &Deployment) -> OwnData {
    let store = Arc::new(deployment.database.store().clone());
    OwnData::new(store, Arc::new(trail(deployment)), deployment.ambient())
}

/// The entries of the copy.
fn entries(deployment: &Deployment, account: &Account) -> Vec<Entry<'static>> {
    let (data, filter) = (own_data(deployment), OwnData::filter(account.id));
    data.entries(&filter).map(Result::unwrap).collect()
}

/// The only entry of this kind.
fn of_kind<'e>(entries: &'e [Entry<'static>], kind: &str) -> &'e Entry<'static> {
    let mut found = entries.iter().filter(|entry| entry.kind == kind);
    let first = found.next().unwrap();
    assert!(found.next().is_none(), "{kind} is there once");
    first
}

#[test]
fn the_copy_has_the_rows_of_the_holder_and_of_nobody_else_and_no_secret() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (ada, node) = (deployment.enrol("ada"), deployment.node());
        deployment.enrol("joan");
        let began = deployment.now();
        let (_, confirmed) = enrolled(&deployment, &node, "ada");
        let of_joan = session_of(&sign_in(&node, "joan"));
        let principal = deployment.principal(&node, &confirmed.tokens);
        let records = own_data(&deployment).records(&principal, ada.id).unwrap().unwrap();

        assert_eq!(records.account.username.as_str(), "ada");
        let totp = records.totp.as_ref().unwrap();
        assert_eq!(totp.confirmed_at, began);
        let (live, ended): (Vec<_>, Vec<_>) =
            records.sessions.iter().partition(|session| session.ended_at.is_none());
        let ([session], [former]) = (&live[..], &ended[..]) else { panic!("{records:?}") };
        assert_eq!(session.id, confirmed.tokens.session.id);
        assert_eq!(session.authentication.assurance, AssuranceLevel::Aal2);
        assert_eq!(former.end_reason.as_deref(), Some("factor_added"), "before the factor");
        assert!(records.sessions.iter().all(|session| session.id != of_joan));
        assert_eq!(session.signed_in_from.as_deref(), Some("192.0.2.7"));
        let kinds: Vec<_> = records.mails.iter().map(|mail| mail.kind.as_str()).collect();
        assert_eq!(kinds, ["factor_added"]);
        assert_eq!(records.devices.len(), 1);
        assert!(records.backup_codes.is_none() && records.passkeys.is_empty());
        assert!(records.former_emails.is_empty() && records.invitations.is_empty());
        let text = format!("{records:?}");
        assert!(!text.contains("argon2") && !text.contains("joan"), "{text}");

        let event = only_recorded(&deployment, EventKind::OwnDataExported);
        assert_eq!(parties(&event), by(&principal, ada.id));
        assert_eq!(event.outcome, "success");
    });
}

#[test]
fn an_ended_session_is_in_the_copy_with_the_reason_of_its_end() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    let [ended, live] = [0; 2].map(|_| {
        deployment.pass(SECOND);
        sign_in(&node, "ada")
    });
    let (ended, asking) = (session_of(&ended), session_of(&live));
    assert!(node.sessions.end(ada.id, asking, ended, &samples::origin()).unwrap());
    let principal = deployment.principal(&node, &live.tokens);
    let records = own_data(&deployment).records(&principal, ada.id).unwrap().unwrap();
    let told: Vec<_> = records
        .sessions
        .iter()
        .map(|session| (session.id, session.ended_at, session.end_reason.as_deref()))
        .collect();
    assert_eq!(
        told,
        [(asking, None, None), (ended, Some(deployment.now()), Some("session_ended"))]
    );
}

#[test]
fn a_copy_of_an_account_that_is_gone_is_none_and_is_not_recorded() {
    let deployment = Deployment::new();
    let gone = samples::account("gone").id;
    let principal = samples::principal(gone, "msa");
    assert!(own_data(&deployment).records(&principal, gone).unwrap().is_none());
    assert_eq!(deployment.outcomes("own_data_exported"), [""; 0]);
}

#[test]
fn an_entry_of_another_person_keeps_that_it_happened_and_loses_from_where() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (grace, ada) = (admin(&deployment), deployment.enrol("ada"));
        let node = deployment.node();
        sign_in(&node, "ada");
        node.account_changes.read(&grace, ada.id).unwrap();
        let joan = deployment.enrol("joan");
        node.account_changes.read(&grace, joan.id).unwrap();
        assert!(node.unlock.unlock("ada", &samples::origin()).unwrap());

        let entries = entries(&deployment, &ada);
        assert!(entries.iter().all(|entry| entry.subject == Some(ada.id)), "{entries:?}");
        let own = of_kind(&entries, "sign_in");
        assert_eq!(
            (own.address.as_ref(), own.user_agent.as_deref()),
            ("192.0.2.7", Some("samples/1"))
        );
        assert!(own.session.is_some());
        for (kind, actor) in
            [("account_read", grace.actor.to_string()), ("unlock", "operator".to_owned())]
        {
            let foreign = of_kind(&entries, kind);
            assert_eq!(foreign.actor, actor, "who it was is told");
            assert_eq!((foreign.address.as_ref(), &foreign.user_agent), ("::", &None), "{kind}");
            assert_eq!(foreign.session, None);
        }
        let stored = only_recorded(&deployment, EventKind::Unlock);
        assert_eq!(stored.address, "192.0.2.7", "auditors still see it");
    });
}

/// A stranger who guesses a password has no account: the holder learns the address.
#[test]
fn an_attempt_of_nobody_is_in_the_copy_with_its_address() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    let origin = Origin { address: [198, 51, 100, 7].into(), ..samples::origin() };
    node.sign_in.sign_in(&SignInRequest { origin, ..guess("ada") }).unwrap_err();
    let entries = entries(&deployment, &ada);
    let guess = of_kind(&entries, "sign_in");
    assert_eq!((guess.actor.as_ref(), guess.address.as_ref()), ("nobody", "198.51.100.7"));
    assert_eq!(guess.outcome, "wrong_password");
}

/// Otherwise the copy would tell whether an address has an account, which no answer of the server tells.
#[test]
fn a_wanted_address_that_is_taken_looks_like_any_other() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (ada, node) = (deployment.enrol("ada"), deployment.node());
        deployment.enrol("joan");
        let signed_in = sign_in(&node, "ada");
        for email in ["joan@example.org", "free@example.org"] {
            let caller = change(&signed_in, PASSWORD);
            let request = EmailChangeRequest { caller, email: email.to_owned() };
            node.email_change.request(&request).unwrap();
        }
        let stored = deployment.outcomes("email_change_requested");
        assert_eq!(stored, ["email_taken 1", "success 1"]);
        let entries = entries(&deployment, &ada);
        let told: Vec<_> = entries
            .iter()
            .filter(|entry| entry.kind == "email_change_requested")
            .map(|entry| entry.outcome.as_ref())
            .collect();
        assert_eq!(told, ["success", "success"]);
    });
}

#[test]
fn the_reason_of_a_decision_is_for_auditors_only() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    decide(&deployment, &node, &ada);
    let entries = entries(&deployment, &ada);
    let decision = of_kind(&entries, "permission_check");
    assert_eq!(decision.resource.as_deref(), Some("schedule"));
    assert_eq!(decision.reason, None);
    assert!(only_recorded(&deployment, EventKind::PermissionCheck).reason.is_some());
}
