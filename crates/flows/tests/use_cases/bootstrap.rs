//! Tests of the setup of the first administrator.

use portcullis_domain::{Role, SecretString};
use portcullis_flows::identity::account_request::{AccountRequest, RegistrationError};
use portcullis_flows::identity::bootstrap::{BootstrapState, SetupError};
use portcullis_flows::identity::provisioning::{PersonKind, ProvisioningOptions};

use crate::deployment::{Deployment, Node, account_request, by_name};

#[test]
fn the_first_start_offers_a_token_that_makes_one_administrator() {
    let deployment = Deployment::new();
    let node = deployment.node();
    let token = offered(&node);
    let account = node.bootstrap.redeem(&token, &account_request("owner")).unwrap();
    assert_eq!(account.role.as_str(), "admin");
    assert!(!account.password_must_change, "who sets up has chosen the password themselves");
    let again = node.bootstrap.redeem(&token, &account_request("thief"));
    assert!(matches!(again, Err(SetupError::InvalidToken)));
    assert!(matches!(node.bootstrap.start(None), Ok(BootstrapState::Ready)));
    node.sign_in.sign_in(&by_name("owner")).unwrap();
    assert_eq!(deployment.outcomes("bootstrap"), ["invalid 1", "success 1"]);
}

#[test]
fn the_next_start_replaces_the_token() {
    let deployment = Deployment::new();
    let (old, new) = (offered(&deployment.node()), offered(&deployment.node()));
    let node = deployment.node();
    let replaced = node.bootstrap.redeem(&old, &account_request("thief"));
    assert!(matches!(replaced, Err(SetupError::InvalidToken)));
    node.bootstrap.redeem(&new, &account_request("owner")).unwrap();
}

#[test]
fn no_made_up_token_sets_up() {
    let deployment = Deployment::new();
    let node = deployment.node();
    offered(&node);
    let other_house = Deployment::new();
    let of_right_form = offered(&other_house.node());
    for token in [SecretString::from(""), SecretString::from("x".repeat(43)), of_right_form] {
        let refused = node.bootstrap.redeem(&token, &account_request("thief"));
        assert!(matches!(refused, Err(SetupError::InvalidToken)));
    }
    assert_eq!(deployment.count("accounts"), 0);
}

#[test]
fn a_request_that_is_refused_does_not_use_up_the_token() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let token = offered(&node);
    let weak = AccountRequest { password: SecretString::from("short"), ..account_request("owner") };
    let refused = node.bootstrap.redeem(&token, &weak);
    assert!(matches!(refused, Err(SetupError::Account(RegistrationError::Invalid(_)))));
    let refused = node.bootstrap.redeem(&token, &account_request("ada"));
    assert!(matches!(refused, Err(SetupError::Account(RegistrationError::UsernameTaken))));
    node.bootstrap.redeem(&token, &account_request("owner")).unwrap();
}

#[test]
fn an_administrator_from_the_command_line_closes_setup() {
    let deployment = Deployment::new();
    let node = deployment.node();
    let token = offered(&node);
    let admin = Role::parse("admin").unwrap();
    let options =
        ProvisioningOptions { role: admin, kind: PersonKind::User, password_must_change: false };
    node.provisioning.create(&account_request("made"), options).unwrap();
    let refused = node.bootstrap.redeem(&token, &account_request("thief"));
    assert!(matches!(refused, Err(SetupError::InvalidToken)));
    for configured in [None, Some(&account_request("configured"))] {
        assert!(matches!(deployment.node().bootstrap.start(configured), Ok(BootstrapState::Ready)));
    }
    assert_eq!(deployment.count("accounts"), 1);
}

#[test]
fn a_configured_administrator_is_created_once_and_must_change_the_password() {
    let deployment = Deployment::new();
    let started = deployment.node().bootstrap.start(Some(&account_request("owner"))).unwrap();
    let BootstrapState::Created(account) = started else { panic!("{started:?}") };
    assert!(account.password_must_change);
    assert_eq!(account.role.as_str(), "admin");
    let tokens = deployment.node().sign_in.sign_in(&by_name("owner")).unwrap().tokens;
    assert!(tokens.account.password_must_change);
    for configured in [Some(&account_request("owner")), Some(&account_request("another")), None] {
        assert!(matches!(deployment.node().bootstrap.start(configured), Ok(BootstrapState::Ready)));
    }
    assert_eq!(deployment.count("accounts"), 1);
}

#[test]
fn a_configured_administrator_who_is_deleted_does_not_come_back() {
    let deployment = Deployment::new();
    deployment.node().bootstrap.start(Some(&account_request("owner"))).unwrap();
    deployment.database.store().execute("DELETE FROM accounts").unwrap();
    let started = deployment.node().bootstrap.start(Some(&account_request("owner")));
    assert!(matches!(started, Ok(BootstrapState::Ready)));
}

#[test]
fn a_configured_administrator_may_have_a_reserved_name_but_no_weak_password() {
    let deployment = Deployment::new();
    let weak = AccountRequest { password: SecretString::from("admin"), ..account_request("admin") };
    let refused = deployment.node().bootstrap.start(Some(&weak));
    assert!(matches!(refused, Err(SetupError::Account(RegistrationError::Invalid(_)))));
    let started = deployment.node().bootstrap.start(Some(&account_request("admin")));
    assert!(matches!(started, Ok(BootstrapState::Created(_))));
}

/// Starts, and is offered a token.
fn offered(node: &Node) -> SecretString {
    let started = node.bootstrap.start(None).unwrap();
    let BootstrapState::Awaiting(token) = started else { panic!("{started:?}") };
    SecretString::from(token.expose())
}
