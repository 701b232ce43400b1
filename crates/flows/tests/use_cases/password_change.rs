//! Tests of the password change.

use std::sync::Arc;

use portcullis_domain::{Account, SecretString, SessionId};
use portcullis_flows::identity::account_request::FieldError;
use portcullis_flows::identity::password_change::{
    PasswordChangeError, PasswordChangeRequest, PasswordChanged,
};
use portcullis_flows::sign_in::{BrowserCookies, SignInError, SignInRequest};
use portcullis_testkit::{PASSWORD, samples};

use crate::deployment::{Deployment, MINUTE, Node, SECOND, by_name, cookies, guess, pool, typing};
use crate::intercepted_store::{Before, InterceptedStore};

pub(crate) const NEW: &str = "amber heron rows 3 dinghies";

#[test]
fn the_new_password_opens_what_the_old_one_did() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    let [asking, other] = [0, 1].map(|_| sign_in(&node));
    let changed = node.password_change.change(&change(&ada, asking, PASSWORD, NEW)).unwrap();
    let old = node.sign_in.sign_in(&by_name("ada"));
    assert!(matches!(old, Err(SignInError::Refused)));
    node.sign_in.sign_in(&typing("ada", NEW)).unwrap();
    assert!(node.refuses(other), "every other session ends at once");
    assert!(node.refuses(asking), "and so does everything that the asking one had");
    assert!(!node.refuses(changed.tokens.session.id));
    assert_eq!(deployment.outcomes("password_change"), ["success 1"]);
}

#[test]
fn what_the_change_did_to_the_account_is_recorded_and_no_password_is() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    let session = sign_in(&node);
    deployment.database.store().execute("UPDATE accounts SET password_must_change = 1").unwrap();
    node.password_change.change(&change(&ada, session, PASSWORD, NEW)).unwrap();
    let told = r#"{"changes":[{"field":"password_must_change","before":"true","after":"false"}],"sessions_ended":0}"#;
    assert_eq!(deployment.details("password_change"), [told]);
}

#[test]
fn guesses_inside_a_session_close_its_own_way_to_a_new_password_and_no_other() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    let [stolen, own] = [0, 1].map(|_| sign_in(&node));
    for _ in 0..5 {
        assert!(is_wrong(&node.password_change.change(&change(&ada, stolen, "guessed", NEW))));
    }
    assert!(is_wrong(&node.password_change.change(&change(&ada, stolen, PASSWORD, NEW))));
    assert_eq!(deployment.outcomes("password_change"), ["locked 1", "wrong_password 5"]);
    node.sign_in.sign_in(&by_name("ada")).unwrap();
    node.password_change.change(&change(&ada, own, PASSWORD, NEW)).unwrap();
}

#[test]
fn the_right_password_waits_like_a_wrong_one_and_then_passes() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    let session = sign_in(&node);
    for _ in 0..5 {
        assert!(is_wrong(&node.password_change.change(&change(&ada, session, "guessed", NEW))));
    }
    deployment.pass(59 * SECOND);
    assert!(is_wrong(&node.password_change.change(&change(&ada, session, PASSWORD, NEW))));
    deployment.pass(SECOND);
    node.password_change.change(&change(&ada, session, PASSWORD, NEW)).unwrap();
    assert_eq!(deployment.count("sign_in_failures"), 0);
}

#[test]
fn nothing_that_is_done_outside_a_session_closes_its_way_to_a_new_password() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    let signed_in = node.sign_in.sign_in(&by_name("ada")).unwrap();
    let session = signed_in.tokens.session.id;
    for _ in 0..100 {
        for browser in [BrowserCookies::default(), cookies(&signed_in)] {
            let guess = SignInRequest { browser, ..guess("ada") };
            assert!(matches!(node.sign_in.sign_in(&guess), Err(SignInError::Refused)));
        }
        deployment.pass(15 * MINUTE);
    }
    assert!(matches!(node.sign_in.sign_in(&by_name("ada")), Err(SignInError::Refused)));
    node.password_change.change(&change(&ada, session, PASSWORD, NEW)).unwrap();
}

/// Even a session at the ceiling of a hundred failures leaves a way: the next session.
#[test]
fn an_account_that_must_change_its_password_always_can() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    deployment.database.store().execute("UPDATE accounts SET password_must_change = 1").unwrap();
    let spent = sign_in(&node);
    for _ in 0..100 {
        assert!(is_wrong(&node.password_change.change(&change(&ada, spent, "guessed", NEW))));
        deployment.pass(15 * MINUTE);
    }
    assert!(is_wrong(&node.password_change.change(&change(&ada, spent, PASSWORD, NEW))));
    node.password_change.change(&change(&ada, sign_in(&node), PASSWORD, NEW)).unwrap();
    node.sign_in.sign_in(&typing("ada", NEW)).unwrap();
}

/// During a wait guesses are not counted, so nothing may tell a right one from a wrong one.
#[test]
fn what_is_said_of_the_new_password_tells_nothing_of_the_current_one() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    let session = sign_in(&node);
    let unacceptable = ["short", "", "aaaaaaaaaaaaaaaaaaaa", "ada@example.org", NEW];
    let answers = |current: &str| {
        let answer = |new| node.password_change.change(&change(&ada, session, current, new));
        unacceptable.map(|new| format!("{:?}", answer(new)))
    };
    for _ in 0..5 {
        assert!(is_wrong(&node.password_change.change(&change(&ada, session, "guessed", NEW))));
    }
    assert_eq!(answers(PASSWORD), answers("guessed"));
}

#[test]
fn the_same_password_is_no_new_one() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    let session = sign_in(&node);
    let unchanged = node.password_change.change(&change(&ada, session, PASSWORD, PASSWORD));
    let Err(PasswordChangeError::Invalid(faults)) = unchanged else { panic!("{unchanged:?}") };
    assert_eq!(faults, [FieldError::PasswordUnchanged]);
}

#[test]
fn every_rule_that_the_new_password_breaks_is_told_and_nothing_changes() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada.lovelace"), deployment.node());
    let session = node.sign_in.sign_in(&by_name("ada.lovelace")).unwrap().tokens.session.id;
    let refused = node.password_change.change(&change(&ada, session, PASSWORD, "lovelace"));
    let Err(PasswordChangeError::Invalid(faults)) = refused else { panic!("{refused:?}") };
    let codes: Vec<_> = faults.iter().map(FieldError::code).collect();
    assert_eq!(codes, ["too_short", "too_guessable", "contains_context"]);
    assert_eq!(deployment.hash_of(&ada), samples::password_hash().as_str());
    assert_eq!(deployment.count("sign_in_failures"), 0);
}

#[test]
fn a_password_over_1024_bytes_is_refused_before_any_account_is_looked_up() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    let session = sign_in(&node);
    deployment.database.store().execute("ALTER TABLE accounts RENAME TO hidden").unwrap();
    let too_long = "x".repeat(1025);
    for (current, new) in [(PASSWORD, too_long.as_str()), (&too_long, NEW)] {
        let refused = node.password_change.change(&change(&ada, session, current, new));
        assert!(matches!(refused, Err(PasswordChangeError::PasswordTooLong)), "{refused:?}");
    }
}

#[test]
fn an_account_that_is_gone_or_has_no_password_is_refused_like_a_wrong_one() {
    for gone in ["DELETE FROM accounts", "UPDATE accounts SET password_hash = NULL"] {
        let deployment = Deployment::new();
        let (ada, node) = (deployment.enrol("ada"), deployment.node());
        let session = sign_in(&node);
        deployment.database.store().execute(gone).unwrap();
        assert!(is_wrong(&node.password_change.change(&change(&ada, session, PASSWORD, NEW))));
        assert_eq!(deployment.outcomes("password_change"), ["wrong_password 1"], "{gone}");
    }
}

#[test]
fn a_damaged_hash_is_refused_like_a_wrong_password_and_counted() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    let session = sign_in(&node);
    deployment.database.store().execute("UPDATE accounts SET password_hash = 'damaged'").unwrap();
    for _ in 0..6 {
        assert!(is_wrong(&node.password_change.change(&change(&ada, session, PASSWORD, NEW))));
    }
    assert_eq!(deployment.outcomes("password_change"), ["damaged_hash 5", "locked 1"]);
}

#[test]
fn of_two_changes_at_once_the_first_one_stays() {
    let deployment = Deployment::new();
    let ada = deployment.enrol("ada");
    let session = sign_in(&deployment.node());
    let first = "UPDATE accounts SET password_hash = 'first'";
    let store = deployment.database.store().clone();
    let store =
        InterceptedStore::new(store, Before::Changing, |store| store.execute(first).unwrap());
    let node = deployment.node_over(Arc::new(store), pool());
    assert!(is_wrong(&node.password_change.change(&change(&ada, session, PASSWORD, NEW))));
    assert_eq!(deployment.hash_of(&ada), "first");
    assert_eq!(deployment.outcomes("password_change"), ["superseded 1"]);
}

pub(crate) fn change(
    account: &Account,
    session: SessionId,
    current: &str,
    new: &str,
) -> PasswordChangeRequest {
    PasswordChangeRequest {
        account: account.id,
        session,
        current: SecretString::from(current),
        new: SecretString::from(new),
        device_token: None,
        origin: samples::origin(),
    }
}

fn sign_in(node: &Node) -> SessionId {
    node.sign_in.sign_in(&by_name("ada")).unwrap().tokens.session.id
}

fn is_wrong(outcome: &Result<PasswordChanged, PasswordChangeError>) -> bool {
    matches!(outcome, Err(PasswordChangeError::WrongPassword))
}
