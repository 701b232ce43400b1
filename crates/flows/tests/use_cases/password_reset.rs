//! Tests of forgotten passwords.

use portcullis_domain::SecretString;
use portcullis_flows::identity::account_change::AccountPatch;
use portcullis_flows::identity::account_request::FieldError;
use portcullis_flows::identity::password_reset::{PasswordResetError, PasswordResetRequest};
use portcullis_flows::sign_in::{BrowserCookies, SignInError, SignInRequest};
use portcullis_password::HashingError;
use portcullis_rate_limit::LockoutPolicy;
use portcullis_testkit::{PASSWORD, samples};

use crate::account_change::admin;
use crate::deployment::{Deployment, HOUR, MINUTE, Node, SECOND, by_name, guess, typing};
use crate::mailbox::is_stored;
use crate::password_change::NEW;
use crate::sign_in::while_overloaded;

const ADA: &str = "ada@example.org";

#[test]
fn whoever_has_the_mailbox_gets_a_new_password_and_nobody_else_keeps_a_session() {
    let deployment = Deployment::new();
    let (_, node) = (deployment.enrol("ada"), deployment.node());
    let signed_in = node.sign_in.sign_in(&by_name("ada")).unwrap();
    forget(&node, "ADA@Example.org");
    let link = deployment.link("reset_password");
    assert!(!node.refuses(signed_in.tokens.session.id), "a request alone changes nothing");
    node.resets.reset(&with(&link, NEW)).unwrap();
    let notices = deployment.deliver();
    assert!(node.refuses(signed_in.tokens.session.id));
    assert!(matches!(node.sign_in.sign_in(&by_name("ada")), Err(SignInError::Refused)));
    node.sign_in.sign_in(&typing("ada", NEW)).unwrap();
    let told = r#"{"changes":[{"field":"email_verified","before":"false","after":"true"}],"sessions_ended":1}"#;
    assert_eq!(deployment.details("password_reset"), [told]);
    let kinds: Vec<_> = notices.iter().map(|notice| notice.mail.kind()).collect();
    assert_eq!((kinds, notices[0].to.as_str()), (vec!["password_reset"], ADA));
    assert!(!is_stored(&deployment, &link));
}

#[test]
fn a_reset_is_the_way_out_of_a_permanent_lockout_of_strangers_and_devices() {
    let policy = LockoutPolicy { ceiling: 3, free_failures: 2, ..LockoutPolicy::default() };
    let deployment = Deployment { lockout: policy, ..Deployment::new() };
    let (_, node) = (deployment.enrol("ada"), deployment.node());
    let device_token = node.sign_in.sign_in(&by_name("ada")).unwrap().device_token;
    for device in [None, device_token] {
        let browser = BrowserCookies { device, ..BrowserCookies::default() };
        for _ in 0..3 {
            let guess = SignInRequest { browser: browser.clone(), ..guess("ada") };
            node.sign_in.sign_in(&guess).unwrap_err();
            deployment.pass(HOUR);
        }
    }
    assert!(matches!(node.sign_in.sign_in(&by_name("ada")), Err(SignInError::Refused)));
    forget(&node, ADA);
    node.resets.reset(&with(&deployment.link("reset_password"), NEW)).unwrap();
    assert_eq!(deployment.count("sign_in_failures"), 0);
    node.sign_in.sign_in(&typing("ada", NEW)).unwrap();
}

/// Otherwise an unlucky choice would cost the person another mail.
#[test]
fn an_unacceptable_password_leaves_the_link_valid() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada.lovelace"), deployment.node());
    forget(&node, "ada.lovelace@example.org");
    let link = deployment.link("reset_password");
    let refused = node.resets.reset(&with(&link, "lovelace")).unwrap_err();
    let PasswordResetError::Invalid(faults) = refused else { panic!("{refused:?}") };
    let codes: Vec<_> = faults.iter().map(FieldError::code).collect();
    assert_eq!(codes, ["too_short", "too_guessable", "contains_context"]);
    let long = node.resets.reset(&with(&link, &"a".repeat(1_025))).unwrap_err();
    assert!(matches!(long, PasswordResetError::PasswordTooLong));
    assert_eq!(deployment.hash_of(&ada), samples::password_hash().as_str());
    node.resets.reset(&with(&link, NEW)).unwrap();
}

#[test]
fn a_reset_for_which_there_is_no_room_leaves_the_link_valid() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    forget(&node, ADA);
    let link = deployment.link("reset_password");
    while_overloaded(&deployment, |node| {
        let shed = node.resets.reset(&with(&link, NEW));
        assert!(
            matches!(shed, Err(PasswordResetError::Hashing(HashingError::Overloaded(_)))),
            "{shed:?}"
        );
    });
    assert_eq!(deployment.hash_of(&ada), samples::password_hash().as_str());
    node.resets.reset(&with(&link, NEW)).unwrap();
}

#[test]
fn only_an_active_account_that_can_have_a_password_gets_a_mail_and_the_reason_is_recorded() {
    let deployment = Deployment::new();
    let node = deployment.node();
    for name in ["gone", "robot"] {
        deployment.enrol(name);
    }
    let store = deployment.database.store();
    store.execute("UPDATE accounts SET is_active = 0 WHERE username = 'gone'").unwrap();
    store.execute("UPDATE accounts SET kind = 'service' WHERE username = 'robot'").unwrap();
    for address in ["nobody@example.org", "gone@example.org", "robot@example.org", "gone", "", "@"]
    {
        forget(&node, address);
    }
    assert!(deployment.deliver().is_empty());
    assert_eq!(
        deployment.outcomes("password_reset_requested"),
        ["against_rules 1", "deactivated 1", "unknown_account 4"]
    );
}

#[test]
fn an_address_gets_three_mails_and_the_last_one_works() {
    let deployment = Deployment::new();
    let (_, node) = (deployment.enrol("ada"), deployment.node());
    for address in [ADA, "ADA@example.org", "ada@EXAMPLE.org", ADA] {
        forget(&node, address);
        // Mails are delivered in the order of their times.
        deployment.pass(SECOND);
    }
    let links: Vec<_> = deployment.deliver().into_iter().map(|mail| mail.token.unwrap()).collect();
    assert_eq!(links.len(), 3);
    let [first, second, last] = links.try_into().unwrap();
    for link in [first, second] {
        assert!(is_invalid(&node, &link));
    }
    node.resets.reset(&with(&last, NEW)).unwrap();
    assert_eq!(deployment.outcomes("password_reset_requested"), ["limited 1", "success 3"]);
}

#[test]
fn the_password_that_is_replaced_is_refused_and_leaves_the_link_valid() {
    let deployment = Deployment::new();
    let (_, node) = (deployment.enrol("ada"), deployment.node());
    forget(&node, ADA);
    let link = deployment.link("reset_password");
    let same = node.resets.reset(&with(&link, PASSWORD));
    let Err(PasswordResetError::Invalid(faults)) = same else { panic!("{same:?}") };
    assert_eq!(faults, [FieldError::PasswordUnchanged]);
    node.resets.reset(&with(&link, NEW)).unwrap();
}

#[test]
fn every_dead_link_has_one_answer() {
    let deployment = Deployment::new();
    let (_, node) = (deployment.enrol("ada"), deployment.node());
    let store = deployment.database.store();
    let new_link = || {
        deployment.pass(HOUR);
        forget(&node, ADA);
        deployment.link("reset_password")
    };
    let link = new_link();
    node.resets.reset(&with(&link, NEW)).unwrap();
    assert!(is_invalid(&node, &link), "used");
    deployment.deliver();
    let link = new_link();
    deployment.pass(30 * MINUTE);
    assert!(is_invalid(&node, &link), "expired");
    let link = new_link();
    store.execute("UPDATE accounts SET is_active = 0").unwrap();
    assert!(is_invalid(&node, &link), "of a deactivated account");
    store.execute("UPDATE accounts SET is_active = 1").unwrap();
    assert!(is_invalid(&node, &link), "and it is spent");
    let link = new_link();
    store.execute("UPDATE accounts SET email = 'eve@example.org'").unwrap();
    assert!(is_invalid(&node, &link), "sent to a former address");
    assert!(is_invalid(&node, &SecretString::from("never issued")));
    assert_eq!(
        deployment.outcomes("password_reset"),
        ["deactivated 1", "invalid 4", "success 1", "superseded 1"]
    );
}

#[test]
fn an_account_that_an_administrator_deactivated_loses_its_links_for_good() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    forget(&node, ADA);
    let link = deployment.link("reset_password");
    let admin = admin(&deployment);
    for is_active in [false, true] {
        let patch = AccountPatch { is_active: Some(is_active), ..AccountPatch::default() };
        node.account_changes.change(&admin, ada.id, &patch).unwrap();
    }
    assert!(is_invalid(&node, &link));
}

fn forget(node: &Node, address: &str) {
    node.reset_requests.request(address, &samples::origin()).unwrap();
}

/// A password that no account of these tests has.
const ANOTHER: &str = "violet heron sails 4 rivers";

fn is_invalid(node: &Node, link: &SecretString) -> bool {
    matches!(node.resets.reset(&with(link, ANOTHER)), Err(PasswordResetError::InvalidLink))
}

fn with(link: &SecretString, new: &str) -> PasswordResetRequest {
    let (token, new) = (link.clone(), SecretString::from(new));
    PasswordResetRequest { token, new, origin: samples::origin() }
}
