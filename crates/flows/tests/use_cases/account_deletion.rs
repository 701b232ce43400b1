//! Deletions of accounts: what goes with the account, what stays, and who is refused.

use std::sync::Arc;

use portcullis_audit::EventKind;
use portcullis_domain::{AccountId, SecretString};
use portcullis_flows::identity::account_change::{ChangeError, Refusal};
use portcullis_flows::identity::account_deletion::{
    AccountDeletionStore, AccountDeletions, DeletionError, OwnDeletion,
};
use portcullis_flows::node::mail::Mail;
use portcullis_flows::node::outbox::OutboxAdministration;
use portcullis_flows::principal::Principal;
use portcullis_flows::sign_in::SignInError;
use portcullis_flows::sign_in::reauthentication::{CurrentCredential, ReauthenticationError};
use portcullis_testkit::{PASSWORD, TestDatabase, at_once, samples};

use crate::account_change::admin;
use crate::administration::{
    by, enrol_as, issuer, only_recorded, parties, refusal, session_of, sign_in, with_both,
};
use crate::deployment::{Deployment, Node, account_request, by_name};
use crate::intercepted_store::{Before, InterceptedStore};

fn deletions(deployment: &Deployment, node: &Node) -> AccountDeletions {
    deletions_over(deployment, node, Arc::new(deployment.database.store().clone()))
}

fn deletions_over(
    deployment: &Deployment,
    node: &Node,
    store: Arc<dyn AccountDeletionStore>,
) -> AccountDeletions {
    let enforcement = issuer(deployment, node).enforcement();
    AccountDeletions::new(store, node.matrix.clone(), enforcement, deployment.ambient())
}

fn own_deletion(deployment: &Deployment, node: &Node) -> OwnDeletion {
    let reauthentication = node.factors.reauthentication.clone();
    OwnDeletion::new(deletions(deployment, node), reauthentication, true)
}

fn password(typed: &str) -> CurrentCredential {
    CurrentCredential::Password(SecretString::from(typed))
}

fn exists(deployment: &Deployment, account: AccountId, node: &Node) -> bool {
    let found = node.account_changes.read(&samples::operator(), account).unwrap();
    assert_eq!(found.is_some(), deployment.count("accounts WHERE username = 'ada'") == 1);
    found.is_some()
}

#[test]
fn an_administrator_deletes_an_account_with_all_that_is_its_own_and_the_owner_is_told() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (admin, ada) = (admin(&deployment), deployment.enrol("ada"));
        deployment.enrol("joan");
        let node = deployment.node();
        let sessions = [0; 2].map(|_| session_of(&sign_in(&node, "ada")));
        let of_joan = session_of(&sign_in(&node, "joan"));
        let store = Arc::new(deployment.database.store().clone());
        let outbox = OutboxAdministration::new(store, deployment.ambient());
        outbox.send_test(&admin, ada.id).unwrap();

        let deletions = deletions(&deployment, &node);
        deletions.delete(&admin, ada.id).unwrap();
        assert!(!exists(&deployment, ada.id, &node));
        assert!(sessions.iter().all(|session| node.refuses(*session)), "at once");
        assert!(!node.refuses(of_joan));
        assert_eq!(deployment.count("sessions"), 1, "that of the other account");
        let refused = node.sign_in.sign_in(&by_name("ada"));
        assert!(matches!(refused, Err(SignInError::Refused)), "{refused:?}");

        let event = only_recorded(&deployment, EventKind::AccountDeleted);
        assert_eq!(parties(&event), by(&admin, ada.id));
        assert_eq!(event.outcome, "success");
        assert_eq!(event.details.as_deref(), Some(r#"{"sessions_ended":2}"#));
        assert_eq!(deployment.outcomes("sign_in"), ["success 3", "unknown_account 1"]);
        let [notice] = &deployment.deliver()[..] else { panic!("the notice alone is left") };
        assert_eq!(notice.to, "ada@example.org");
        assert_eq!(notice.mail, Mail::AccountDeleted { address: samples::origin().address });
        assert!(notice.token.is_none(), "nothing can be disavowed any more");

        let gone = deletions.delete(&admin, ada.id);
        assert!(matches!(gone, Err(ChangeError::Unknown)), "{gone:?}");
        assert_eq!(deployment.outcomes("account_deleted"), ["success 1"]);
        let namesake = node.registration.register(&account_request("ada"));
        assert!(namesake.is_ok(), "the name is free: {namesake:?}");
        assert_eq!(deployment.count("accounts WHERE username = 'ada'"), 1);
        assert!(node.account_changes.read(&admin, ada.id).unwrap().is_none(), "another id");
    });
}

#[test]
fn a_deletion_that_a_rule_refuses_deletes_nothing_and_is_recorded() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (node, grace, joan) = with_both(&deployment);
        let deletions = deletions(&deployment, &node);
        let id = |principal: &Principal| principal.account().unwrap();
        let delete = |principal: &Principal, account| refusal(deletions.delete(principal, account));

        assert_eq!(delete(&joan, id(&grace)), Refusal::AboveOwnRole);
        assert_eq!(delete(&joan, id(&joan)), Refusal::OwnAccount);
        assert_eq!(delete(&samples::operator(), id(&grace)), Refusal::LastAdministrator);
        assert_eq!(delete(&grace, id(&grace)), Refusal::LastAdministrator);
        let other = enrol_as(&deployment, "ada", "admin");
        assert_eq!(delete(&grace, id(&grace)), Refusal::OwnAccount);
        let demote = "UPDATE accounts SET role = 'msa' WHERE username = 'joan'";
        deployment.database.store().execute(demote).unwrap();
        assert_eq!(delete(&joan, other.id), Refusal::CallerChanged);

        assert_eq!(deployment.count("accounts"), 3);
        assert_eq!(deployment.count("outbox"), 0, "nobody is told of an attempt");
        let outcomes = ["against_rules 5", "superseded 1"];
        assert_eq!(deployment.outcomes("account_deleted"), outcomes);
        assert_eq!(deployment.count("revocations"), 0);
    });
}

#[test]
fn whoever_lost_the_permission_by_a_newer_matrix_deletes_nothing() {
    let deployment = Deployment::new();
    let (admin, ada) = (admin(&deployment), deployment.enrol("ada"));
    let node = deployment.node();
    let joan = enrol_as(&deployment, "joan", "coordinator");
    let joan = samples::principal(joan.id, "coordinator");
    let refused = deletions(&deployment, &node).delete(&joan, ada.id);
    assert!(matches!(refused, Err(ChangeError::Superseded)), "{refused:?}");
    assert_eq!(deployment.outcomes("account_deleted"), [""; 0]);
    deletions(&deployment, &node).delete(&admin, ada.id).unwrap();
}

#[test]
fn the_operator_deletes_any_account_while_an_administrator_who_can_sign_in_remains() {
    let deployment = Deployment::new();
    let (first, node) = (enrol_as(&deployment, "ada", "admin"), deployment.node());
    let deletions = deletions(&deployment, &node);
    let delete = || deletions.delete(&samples::operator(), first.id);
    for (name, state) in
        [("feed", "kind = 'service'"), ("eve", "is_blocked = true"), ("bob", "is_active = false")]
    {
        enrol_as(&deployment, name, "admin");
        let change = format!("UPDATE accounts SET {state} WHERE username = '{name}'");
        deployment.database.store().execute(&change).unwrap();
        assert_eq!(refusal(delete()), Refusal::LastAdministrator, "{name}");
    }
    enrol_as(&deployment, "joan", "admin");
    delete().unwrap();
    assert_eq!(deployment.count("accounts WHERE username = 'ada'"), 0);
}

#[test]
fn of_eight_deletions_of_one_account_at_once_one_is_made_and_told() {
    TestDatabase::on_both_crowded(|database| {
        let deployment = Deployment::on(database);
        let (admin, ada) = (admin(&deployment), deployment.enrol("ada"));
        let node = deployment.node();
        let deletions = deletions(&deployment, &node);
        let made = at_once(8, |_| match deletions.delete(&admin, ada.id) {
            Ok(()) => true,
            Err(ChangeError::Unknown) => false,
            Err(error) => panic!("{error}"),
        });
        assert_eq!(made.iter().filter(|made| **made).count(), 1);
        assert_eq!(deployment.outcomes("account_deleted"), ["success 1"]);
        assert_eq!(deployment.deliver().len(), 1);
    });
}

#[test]
fn of_two_last_administrators_who_delete_themselves_at_once_one_remains() {
    TestDatabase::on_both_crowded(|database| {
        let deployment = Deployment::on(database);
        let names = ["ada", "grace"];
        for name in names {
            enrol_as(&deployment, name, "admin");
        }
        let node = deployment.node();
        let principals =
            names.map(|name| deployment.principal(&node, &sign_in(&node, name).tokens));
        let own = own_deletion(&deployment, &node);
        let mut left =
            at_once(2, |place| match own.delete(&principals[place], password(PASSWORD)) {
                Ok(()) => false,
                Err(DeletionError::Change(ChangeError::Refused(Refusal::LastAdministrator))) => {
                    true
                }
                Err(error) => panic!("{error}"),
            });
        left.sort_unstable();
        assert_eq!(left, [false, true]);
        assert_eq!(deployment.count("accounts WHERE role = 'admin'"), 1);
        assert_eq!(deployment.outcomes("account_deleted"), ["against_rules 1", "success 1"]);
    });
}

#[test]
fn the_holder_deletes_the_own_account_with_the_password_alone() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (ada, node) = (deployment.enrol("ada"), deployment.node());
        let signed_in = sign_in(&node, "ada");
        let principal = deployment.principal(&node, &signed_in.tokens);
        let own = own_deletion(&deployment, &node);

        let wrong = own.delete(&principal, password("not this one at all"));
        let expected = ReauthenticationError::WrongPassword;
        assert!(
            matches!(&wrong, Err(DeletionError::Reauthentication(error))
            if error.to_string() == expected.to_string()),
            "{wrong:?}"
        );
        let nobody = own.delete(&samples::operator(), password(PASSWORD));
        assert!(matches!(nobody, Err(DeletionError::Change(ChangeError::Unknown))), "{nobody:?}");
        assert!(exists(&deployment, ada.id, &node));
        assert!(!node.refuses(session_of(&signed_in)));

        own.delete(&principal, password(PASSWORD)).unwrap();
        assert!(!exists(&deployment, ada.id, &node));
        assert!(node.refuses(session_of(&signed_in)));
        assert_eq!(deployment.outcomes("account_deleted"), ["success 1", "wrong_password 1"]);
        let kinds: Vec<_> = deployment.deliver().iter().map(|sent| sent.mail.kind()).collect();
        assert_eq!(kinds, ["account_deleted"]);
        assert_eq!(deployment.count("sign_in_failures"), 0, "its counters are gone too");
    });
}

#[test]
fn where_the_configuration_forbids_it_no_password_is_even_looked_at() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    let principal = deployment.principal(&node, &sign_in(&node, "ada").tokens);
    let reauthentication = node.factors.reauthentication.clone();
    let own = OwnDeletion::new(deletions(&deployment, &node), reauthentication, false);
    for typed in [PASSWORD, "not this one at all"] {
        let refused = own.delete(&principal, password(typed));
        assert!(matches!(refused, Err(DeletionError::NotAllowed)), "{refused:?}");
    }
    assert!(exists(&deployment, ada.id, &node));
    assert_eq!(deployment.outcomes("account_deleted"), [""; 0]);
    assert_eq!(deployment.count("sign_in_failures"), 0);
}

#[test]
fn a_password_that_is_replaced_before_the_deletion_proves_nothing_any_more() {
    for change in ["password_hash = 'another'", "is_active = false", "is_blocked = true"] {
        let deployment = Deployment::new();
        let (ada, node) = (deployment.enrol("ada"), deployment.node());
        let principal = deployment.principal(&node, &sign_in(&node, "ada").tokens);
        let store = deployment.database.store().clone();
        let refused = deletion_after(&deployment, &node, &principal, move || {
            store.execute(&format!("UPDATE accounts SET {change}")).unwrap();
        });
        let expected = ReauthenticationError::WrongPassword.to_string();
        assert_eq!(refused.to_string(), expected, "{change}");
        assert!(exists(&deployment, ada.id, &node), "{change}");
        assert_eq!(deployment.outcomes("account_deleted"), ["superseded 1"], "{change}");
        assert_eq!(deployment.count("outbox"), 0, "{change}");
    }
}

#[test]
fn a_session_that_ends_before_the_deletion_deletes_nothing() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), Arc::new(deployment.node()));
    let signed_in = sign_in(&node, "ada");
    let principal = deployment.principal(&node, &signed_in.tokens);
    let (session, holder) = (session_of(&signed_in), node.clone());
    let refused = deletion_after(&deployment, &node, &principal, move || {
        assert!(holder.sessions.end(ada.id, session, session, &samples::origin()).unwrap());
    });
    let expected = Refusal::CallerChanged.to_string();
    assert_eq!(refused.to_string(), expected);
    assert!(exists(&deployment, ada.id, &node));
    assert_eq!(deployment.outcomes("account_deleted"), ["superseded 1"]);
}

/// The refusal of a deletion whose password was right until something else came first.
fn deletion_after(
    deployment: &Deployment,
    node: &Node,
    principal: &Principal,
    first: impl Fn() + Send + Sync + 'static,
) -> DeletionError {
    let store = deployment.database.store().clone();
    let store = InterceptedStore::new(store, Before::AccountChange, move |_| first());
    let deletions = deletions_over(deployment, node, Arc::new(store));
    let own = OwnDeletion::new(deletions, node.factors.reauthentication.clone(), true);
    own.delete(principal, password(PASSWORD)).unwrap_err()
}
