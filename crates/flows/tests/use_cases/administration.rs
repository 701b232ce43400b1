//! The use cases of administrators on a node, and what the audit log says about them.

use std::sync::Arc;

use portcullis_audit::{DecisionId, Entry, EventKind, Filter};
use portcullis_domain::{Account, AccountId, Role, SessionId};
use portcullis_flows::access::decision::{Decisions, Question};
use portcullis_flows::audit::recording::{Recorder, RecordingPolicy};
use portcullis_flows::identity::account::Accounts;
use portcullis_flows::identity::account_change::{AccountChanges, ChangeError, Refusal};
use portcullis_flows::principal::Principal;
use portcullis_flows::sign_in::SignedIn;
use portcullis_flows::sign_in::lockout::FailureCounters;
use portcullis_flows::sign_in::session_tokens::TokenIssuer;
use portcullis_testkit::{TestDatabase, samples};
use portcullis_token::Purpose;

use crate::account_change::admin;
use crate::deployment::{Deployment, HOUR, Node, by_name};
use crate::session::activate;
use crate::trail::trail;

/// Issues the tokens of this node.
pub(crate) fn issuer(deployment: &Deployment, node: &Node) -> TokenIssuer {
    TokenIssuer::new(
        node.authority.clone(),
        node.revocations.clone(),
        node.matrix.clone(),
        deployment.sessions.clone(),
    )
}

/// Changes accounts on this node.
pub(crate) fn changes(deployment: &Deployment, node: &Node) -> AccountChanges {
    let store = Arc::new(deployment.database.store().clone());
    let enforcement = issuer(deployment, node).enforcement();
    AccountChanges::new(store, node.matrix.clone(), enforcement, deployment.ambient())
}

/// The failure counters of sign-ins.
pub(crate) fn counters(deployment: &Deployment) -> FailureCounters {
    FailureCounters::new(deployment.secret.derive(Purpose::SignInFailures))
}

/// Signs in with the sample password.
pub(crate) fn sign_in(node: &Node, name: &str) -> SignedIn {
    node.sign_in.sign_in(&by_name(name)).unwrap()
}

/// The session of a sign-in.
pub(crate) const fn session_of(signed_in: &SignedIn) -> SessionId {
    signed_in.tokens.session.id
}

/// The recorded events of a kind, the oldest first.
pub(crate) fn recorded(deployment: &Deployment, kind: EventKind) -> Vec<Entry<'static>> {
    let filter = Filter { kind: Some(kind), ..Filter::default() };
    let page = trail(deployment).search(&samples::operator(), &filter, None, 100).unwrap();
    page.entries.into_iter().rev().collect()
}

/// The only recorded event of a kind.
pub(crate) fn only_recorded(deployment: &Deployment, kind: EventKind) -> Entry<'static> {
    let mut found = recorded(deployment, kind);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

/// Who acted, and on which account.
pub(crate) fn parties(entry: &Entry<'_>) -> (String, Option<AccountId>) {
    (entry.actor.to_string(), entry.subject)
}

/// The same for an account that acts on another one.
pub(crate) fn by(principal: &Principal, account: AccountId) -> (String, Option<AccountId>) {
    (principal.actor.to_string(), Some(account))
}

/// The rule that refused a change.
#[track_caller]
pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, ChangeError>) -> Refusal {
    match result {
        Err(ChangeError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

/// A matrix by which coordinators may do to accounts what administrators do.
pub(crate) fn with_strong_coordinators() -> String {
    let coordinators = "juniors = [\"faculty\", \"clinical_staff\", \"resident\"]\ngrants = [";
    assert!(samples::MATRIX.contains(coordinators));
    let grant = "\n    { resources = [\"user\"], actions = [\"read\", \"update\", \"approve\", \
                 \"delete\", \"reject\"] },";
    samples::MATRIX.replace(coordinators, &format!("{coordinators}{grant}"))
}

/// A node with an administrator and a coordinator who has the permissions of an administrator, but is below one.
pub(crate) fn with_both(deployment: &Deployment) -> (Node, Principal, Principal) {
    let admin = admin(deployment);
    let node = deployment.node();
    activate(deployment, &node, &with_strong_coordinators());
    let joan = enrol_as(deployment, "joan", "coordinator");
    (node, admin, samples::principal(joan.id, "coordinator"))
}

/// An account of this role.
pub(crate) fn enrol_as(deployment: &Deployment, name: &str, role: &str) -> Account {
    let account = deployment.enrol(name);
    let change = format!("UPDATE accounts SET role = '{role}' WHERE username = '{name}'");
    deployment.database.store().execute(&change).unwrap();
    Account { role: Role::parse(role).unwrap(), ..account }
}

/// The account asks for a permission, and the decision is recorded.
pub(crate) fn decide(deployment: &Deployment, node: &Node, account: &Account) -> DecisionId {
    let store = Arc::new(deployment.database.store().clone());
    let policy = RecordingPolicy { strict: true, ..RecordingPolicy::default() };
    let keys = TestDatabase::audit_keys();
    let recorder = Recorder::start(store.clone(), keys, policy, deployment.ambient());
    let decisions = Decisions::new(
        node.matrix.clone(),
        Arc::new(Accounts::start(store, deployment.clock.clone()).unwrap()),
        Arc::new(recorder.unwrap()),
        deployment.clock.clone(),
    );
    let caller = samples::principal(account.id, account.role.as_str());
    let pending = decisions.at_once(caller, vec![Question::own("schedule", "read")]);
    decisions.later(pending.unwrap_err(), HOUR).unwrap().remove(0).decision
}
