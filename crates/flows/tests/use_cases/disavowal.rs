//! Tests of alerts and of their link "this was not me".

use portcullis_domain::{DisplayName, SecretString};
use portcullis_flows::identity::disavowal::DisavowalError;
use portcullis_flows::identity::password_change::PasswordChangeRequest;
use portcullis_flows::identity::password_reset::PasswordResetRequest;
use portcullis_flows::node::mail::{Mail, MailText};
use portcullis_flows::sign_in::session_tokens::SessionPolicy;
use portcullis_flows::sign_in::{SignInError, SignInRequest};
use portcullis_testkit::{PASSWORD, samples};

use crate::deployment::{
    DAY, Deployment, Node, SECOND, by_name, device_cookie, guess, refreshing, refreshing_next,
    typing,
};
use crate::factors::enrolled;
use crate::mailbox::is_stored;
use crate::password_change::NEW;

#[test]
fn a_sign_in_from_a_new_device_is_told_once_and_one_from_a_known_device_is_not() {
    let deployment = Deployment::new();
    let (_, node) = (deployment.enrol("ada"), deployment.node());
    let device = node.sign_in.sign_in(&by_name("ada")).unwrap().device_token.unwrap();
    assert!(deployment.deliver().is_empty(), "the first sign-in of all");
    let known = SignInRequest { browser: device_cookie(device), ..by_name("ada") };
    node.sign_in.sign_in(&known).unwrap();
    node.sign_in.sign_in(&guess("ada")).unwrap_err();
    assert!(deployment.deliver().is_empty());
    let name = DisplayName::parse("Eve's laptop").unwrap();
    let named = SignInRequest { device_name: Some(name), ..by_name("ada") };
    node.sign_in.sign_in(&named).unwrap();
    // Mails are delivered in the order of their times.
    deployment.pass(SECOND);
    node.sign_in.sign_in(&by_name("ada")).unwrap();
    let told: Vec<_> = deployment.deliver().into_iter().map(|delivered| delivered.mail).collect();
    let address = samples::origin().address;
    let device = |text| Mail::NewDevice { address, device: MailText::new(text) };
    assert_eq!(told, [device("Eve's laptop"), device("samples/1")]);
}

#[test]
fn alerts_of_new_devices_can_be_switched_off() {
    let sessions = SessionPolicy { alert_new_devices: false, ..SessionPolicy::default() };
    let deployment = Deployment { sessions, ..Deployment::new() };
    let (_, node) = (deployment.enrol("ada"), deployment.node());
    (0..3).for_each(|_| drop(node.sign_in.sign_in(&by_name("ada")).unwrap()));
    assert!(deployment.deliver().is_empty());
    assert_eq!(deployment.outcomes("new_device"), ["success 2"], "they are recorded");
}

#[test]
fn every_alert_has_a_link() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    let signed_in = node.sign_in.sign_in(&by_name("ada")).unwrap();
    let refreshed = node.refresh.refresh(&refreshing(&signed_in)).unwrap();
    node.refresh.refresh(&refreshing_next(&signed_in, &refreshed)).unwrap();
    node.refresh.refresh(&refreshing(&signed_in)).unwrap_err();
    deployment.pass(SECOND);
    let session = node.sign_in.sign_in(&by_name("ada")).unwrap().tokens.session.id;
    let change = PasswordChangeRequest {
        account: ada.id,
        session,
        current: SecretString::from(PASSWORD),
        new: SecretString::from(NEW),
        device_token: None,
        origin: samples::origin(),
    };
    deployment.pass(SECOND);
    node.password_change.change(&change).unwrap();
    let alerts = deployment.deliver();
    let kinds: Vec<_> = alerts.iter().map(|alert| alert.mail.kind()).collect();
    assert_eq!(kinds, ["refresh_token_reuse", "new_device", "password_changed"]);
    for alert in alerts {
        node.disavowals.disavow(&alert.token.unwrap(), &samples::origin()).unwrap();
    }
    assert_eq!(deployment.outcomes("disavowal"), ["success 3"]);
}

/// Otherwise everybody who reads the mailbox could remove the factor of the owner.
#[test]
fn the_link_of_a_new_factor_blocks_the_account_and_leaves_the_factor() {
    let deployment = Deployment::new();
    let (_, node) = (deployment.enrol("ada"), deployment.node());
    let (_, confirmed) = enrolled(&deployment, &node, "ada");
    let link = deployment.link("factor_added");
    node.disavowals.disavow(&link, &samples::origin()).unwrap();
    assert!(node.refuses(confirmed.tokens.session.id));
    assert!(is_refused(&node, PASSWORD));
    assert_eq!(deployment.count("totp_factors"), 1);
}

#[test]
fn a_disavowal_blocks_the_account_until_its_holder_has_reset_the_password() {
    let deployment = Deployment::new();
    let (_, node) = (deployment.enrol("ada"), deployment.node());
    let own = node.sign_in.sign_in(&by_name("ada")).unwrap();
    let stolen = node.sign_in.sign_in(&by_name("ada")).unwrap();
    let link = deployment.link("new_device");
    node.disavowals.disavow(&link, &samples::origin()).unwrap();
    for session in [own, stolen] {
        assert!(node.refuses(session.tokens.session.id));
        node.refresh.refresh(&refreshing(&session)).unwrap_err();
    }
    assert!(is_refused(&node, PASSWORD), "even the right password");
    assert!(is_refused(&deployment.node(), PASSWORD), "and after a restart");
    let reset = deployment.link("reset_password");
    let (token, new) = (reset, SecretString::from(NEW));
    let request = PasswordResetRequest { token, new, origin: samples::origin() };
    node.resets.reset(&request).unwrap();
    node.sign_in.sign_in(&typing("ada", NEW)).unwrap();

    let told = r#"{"changes":[{"field":"is_blocked","before":"false","after":"true"},{"field":"email_verified","before":"false","after":"true"}],"sessions_ended":2}"#;
    assert_eq!(deployment.details("disavowal"), [told]);
    let lifted = r#"{"changes":[{"field":"is_blocked","before":"true","after":"false"}],"sessions_ended":0}"#;
    assert_eq!(deployment.details("password_reset"), [lifted]);
    assert!(!is_stored(&deployment, &link));
    let blocked = "blocked 2".to_owned();
    assert!(deployment.outcomes("sign_in").contains(&blocked));
}

#[test]
fn an_operator_lifts_the_block() {
    let deployment = Deployment::new();
    let (_, node) = (deployment.enrol("ada"), deployment.node());
    (0..2).for_each(|_| drop(node.sign_in.sign_in(&by_name("ada")).unwrap()));
    node.disavowals.disavow(&deployment.link("new_device"), &samples::origin()).unwrap();
    assert!(is_refused(&node, PASSWORD));
    assert!(node.unlock.unlock("ada", &samples::origin()).unwrap());
    node.sign_in.sign_in(&by_name("ada")).unwrap();
    let lifted = r#"{"changes":[{"field":"is_blocked","before":"true","after":"false"}]}"#;
    assert_eq!(deployment.details("unlock"), [lifted]);
}

#[test]
fn a_link_lives_for_a_week_and_works_once() {
    let deployment = Deployment::new();
    let (_, node) = (deployment.enrol("ada"), deployment.node());
    (0..2).for_each(|_| drop(node.sign_in.sign_in(&by_name("ada")).unwrap()));
    let late = deployment.link("new_device");
    deployment.pass(7 * DAY);
    assert!(is_invalid(&node, &late));
    node.sign_in.sign_in(&by_name("ada")).unwrap();
    let link = deployment.link("new_device");
    deployment.pass(6 * DAY);
    node.disavowals.disavow(&link, &samples::origin()).unwrap();
    assert!(is_invalid(&node, &link));
    assert!(is_invalid(&node, &SecretString::from("never issued")));
    assert_eq!(deployment.outcomes("disavowal"), ["invalid 3", "success 1"]);
}

fn is_refused(node: &Node, password: &str) -> bool {
    matches!(node.sign_in.sign_in(&typing("ada", password)), Err(SignInError::Refused))
}

fn is_invalid(node: &Node, link: &SecretString) -> bool {
    let answer = node.disavowals.disavow(link, &samples::origin());
    matches!(answer, Err(DisavowalError::InvalidLink))
}
