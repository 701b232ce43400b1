//! Tests of account changes by administrators.

use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::Actor;
use portcullis_domain::{Account, AccountId, ExposeSecret};
use portcullis_flows::access::matrix::{Activated, Activation, ActivationRequest, MatrixStore};
use portcullis_flows::identity::account_change::{AccountPatch, ChangeError, Refusal};
use portcullis_flows::principal::Principal;
use portcullis_flows::sign_in::session_tokens::SessionTokens;
use portcullis_testkit::samples;
use portcullis_token::LEEWAY;

use crate::deployment::{Deployment, Node, SECOND, by_name};

#[test]
fn the_old_role_is_void_at_once_and_the_new_one_is_good_at_once() {
    let deployment = Deployment::new();
    let (admin, ada) = (admin(&deployment), deployment.enrol("ada"));
    let node = deployment.node();
    for micros in [0, 1, 999_999] {
        deployment.pass(3 * SECOND + Duration::from_micros(micros));
        // Twice at one moment: what was issued between the two carries a role that is old as well.
        for role in ["rn", "msa"] {
            let before = signed_in(&node);
            node.account_changes.change(&admin, ada.id, &to_role(role)).unwrap();
            let after = signed_in(&node);
            assert!(refuses(&deployment, &node, &before), "{role} {micros}");
            assert!(!refuses(&deployment, &node, &after), "{role} {micros}");
        }
    }
    deployment.pass(3 * SECOND);
    assert!(!refuses(&deployment, &node, &signed_in(&node)));
}

#[test]
fn changes_in_quick_succession_are_refused_before_new_tokens_are_dated_beyond_the_leeway() {
    let deployment = Deployment::new();
    let (admin, ada) = (admin(&deployment), deployment.enrol("ada"));
    let node = deployment.node();
    let to = |role: &str| node.account_changes.change(&admin, ada.id, &to_role(role));
    for fraction in [0, 1, 500_000, 999_999] {
        deployment.pass(2 * SECOND + Duration::from_micros(fraction));
        let mut made = 0;
        let refused = loop {
            match to(["rn", "msa"][made % 2]) {
                Ok(_) => made += 1,
                Err(error) => break error,
            }
        };
        assert!((2..=3).contains(&made), "{made} changes, {fraction}");
        assert!(matches!(refused, ChangeError::Refused(Refusal::RoleJustChanged)), "{refused}");
        let token = signed_in(&node);
        assert!(!refuses(&deployment, &node, &token), "{fraction}");
        let claims =
            node.authority.verify_access(token.access_token.expose_secret(), deployment.now());
        let ahead = claims.unwrap().issued_at.since(deployment.now());
        assert!(ahead <= 3 * SECOND && ahead < LEEWAY, "{ahead:?}");
        let deactivate = AccountPatch { is_active: Some(false), ..AccountPatch::default() };
        assert!(!node.account_changes.change(&admin, ada.id, &deactivate).unwrap().is_active);
        let reactivate = AccountPatch { is_active: Some(true), ..AccountPatch::default() };
        node.account_changes.change(&admin, ada.id, &reactivate).unwrap();
    }
    assert!(deployment.outcomes("role_changed").contains(&"superseded 4".to_owned()));
}

#[test]
fn whoever_is_not_what_their_token_says_decides_nothing_and_it_is_recorded() {
    let deployment = Deployment::new();
    let (admin, ada) = (admin(&deployment), deployment.enrol("ada"));
    let node = deployment.node();
    let store = deployment.database.store();
    let wish = to_role("rn");
    for intercept in [
        "UPDATE accounts SET is_active = false WHERE username = 'grace'",
        "UPDATE accounts SET is_active = true, role = 'coordinator' WHERE username = 'grace'",
    ] {
        store.execute(intercept).unwrap();
        let refused = node.account_changes.change(&admin, ada.id, &wish);
        let expected = ChangeError::Refused(Refusal::CallerChanged);
        assert_eq!(refused.unwrap_err().to_string(), expected.to_string());
        assert!(node.account_changes.end_sessions(&admin, ada.id).is_err());
    }
    let gone = samples::principal(samples::account("gone").id, "admin");
    assert!(node.account_changes.change(&gone, ada.id, &wish).is_err());
    assert_eq!(deployment.outcomes("role_changed"), ["superseded 3"]);
    assert_eq!(deployment.outcomes("all_sessions_ended"), ["superseded 2"]);
    assert_eq!(node.account_changes.read(&admin, ada.id).unwrap(), Some(ada));
}

#[test]
fn what_changes_nothing_is_recorded_as_read_and_writes_nothing_else() {
    let deployment = Deployment::new();
    let (admin, ada) = (admin(&deployment), deployment.enrol("ada"));
    let node = deployment.node();
    for wish in [
        AccountPatch::default(),
        to_role("msa"),
        AccountPatch { is_active: Some(true), ..AccountPatch::default() },
    ] {
        assert_eq!(node.account_changes.change(&admin, ada.id, &wish).unwrap(), ada);
    }
    let tally = "security_events WHERE kind NOT IN ('registration', 'account_read')";
    assert_eq!((deployment.count(tally), deployment.count("revocations")), (0, 0));
    assert_eq!(deployment.outcomes("account_read"), ["success 3"]);
    assert_eq!(deployment.count("accounts WHERE updated_at <> created_at"), 0);
}

#[test]
fn a_change_that_goes_by_an_old_matrix_is_not_made() {
    let deployment = Deployment::new();
    let (admin, ada) = (admin(&deployment), deployment.enrol("ada"));
    let node = deployment.node();
    let store = deployment.database.store();
    let event = || {
        let kind = portcullis_audit::EventKind::MatrixProposed;
        samples::event(kind, portcullis_audit::Outcome::Success, samples::NOW).into()
    };
    let version = store.add_version("…", &samples::operator(), &|_| event()).unwrap();
    let version = version.number().unwrap();
    let activation = Activation { revision: 1, version, by: Actor::Operator, at: samples::NOW };
    let roles = ["msa", "admin"];
    let effects = &|_: &Activated, _| event();
    let principal = &samples::operator();
    let activating = ActivationRequest {
        activation,
        roles: &roles,
        moves: &[],
        administrators: [&ada.role; 2],
        principal,
        rule: &|_| Ok(()),
        effects,
    };
    store.activate(&activating).unwrap();
    let refused = node.account_changes.change(&admin, ada.id, &to_role("rn"));
    assert!(matches!(refused, Err(ChangeError::Superseded)), "{refused:?}");
}

#[test]
fn an_account_whose_role_is_gone_can_be_put_right_by_the_most_senior_role_alone() {
    let deployment = Deployment::new();
    let (admin, ada) = (admin(&deployment), deployment.enrol("ada"));
    let joan = deployment.enrol("joan");
    let node = deployment.node();
    let store = deployment.database.store();
    let coordinator = "UPDATE accounts SET role = 'coordinator' WHERE username = 'joan'";
    store.execute(coordinator).unwrap();
    store.execute("UPDATE accounts SET role = 'nurse' WHERE username = 'ada'").unwrap();
    let state = |is_active| AccountPatch { is_active: Some(is_active), ..AccountPatch::default() };
    let matrix = node.matrix.load();
    assert!(matrix.matrix.role("nurse").is_none());
    let joan = samples::principal(joan.id, "coordinator");
    // Coordinators have none of the permissions in this matrix.
    assert!(matches!(
        node.account_changes.change(&joan, ada.id, &state(false)),
        Err(ChangeError::Superseded)
    ));
    assert!(!node.account_changes.change(&admin, ada.id, &state(false)).unwrap().is_active);
    assert!(node.account_changes.change(&admin, ada.id, &state(true)).unwrap().is_active);
    node.account_changes.end_sessions(&admin, ada.id).unwrap();
    let nurse = node.account_changes.change(&admin, ada.id, &to_role("nurse"));
    assert!(matches!(nurse, Err(ChangeError::UnknownRole(_))), "nobody is given such a role");
    let mended = node.account_changes.change(&admin, ada.id, &to_role("rn")).unwrap();
    assert_eq!(mended.role.as_str(), "rn");
}

/// Grace, as her token says she is.
pub(crate) fn admin(deployment: &Deployment) -> Principal {
    let grace: Account = deployment.enrol("grace");
    let promote = "UPDATE accounts SET role = 'admin' WHERE username = 'grace'";
    deployment.database.store().execute(promote).unwrap();
    caller(grace.id)
}

fn caller(account: AccountId) -> Principal {
    samples::principal(account, "admin")
}

fn to_role(role: &str) -> AccountPatch {
    AccountPatch { role: Some(role.to_owned()), ..AccountPatch::default() }
}

fn signed_in(node: &Node) -> Arc<SessionTokens> {
    Arc::new(node.sign_in.sign_in(&by_name("ada")).unwrap().tokens)
}

fn refuses(deployment: &Deployment, node: &Node, tokens: &SessionTokens) -> bool {
    let token = tokens.access_token.expose_secret();
    let claims = node.authority.verify_access(token, deployment.now()).unwrap();
    node.revocations.is_revoked(&claims).unwrap()
}
