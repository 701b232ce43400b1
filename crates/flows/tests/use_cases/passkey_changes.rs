//! Changes of the passkeys of an account: registrations, names, removals, and the removal of the password.

use std::sync::Arc;

use portcullis_domain::{DisplayName, PasskeyId};
use portcullis_flows::identity::password_removal::PasswordRemovalError;
use portcullis_flows::sign_in::SignedIn;
use portcullis_flows::sign_in::passkey::{PasskeyRegistrationRequest, Passkeys};
use portcullis_flows::sign_in::reauthentication::{CurrentCredential, ReauthenticationRequest};
use portcullis_flows::sign_in::totp::FactorError;
use portcullis_mfa::passkey::AssertionResponse;
use portcullis_testkit::{PASSWORD, SoftAlgorithm, SoftAuthenticator, samples};

use crate::deployment::{Deployment, MINUTE, Node, by_name};
use crate::factor_use_cases::ORIGIN;
use crate::factors::change;
use crate::passkey::{
    assertion_without_options, created, is_refused, json, registered, registration, second_step,
    sign_in,
};

#[test]
fn a_password_gives_way_to_a_passkey_that_signs_in_alone() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let removals = &node.factors.password_removals;
    let mut key = SoftAuthenticator::security_key(SoftAlgorithm::Es256);
    registered(&node, "ada", &mut key);
    let signed_in = second_step(&node, &mut key).unwrap();
    let refused = removals.remove(&change(&signed_in, PASSWORD));
    assert!(matches!(refused, Err(PasswordRemovalError::NoPasskey)), "it asks for a touch only");
    let mut phone = SoftAuthenticator::default();
    node.factors.passkeys.register(&created(&node, &signed_in, &mut phone)).unwrap();
    let other = sign_in(&node, &mut phone).unwrap();
    let signed_in = sign_in(&node, &mut phone).unwrap();
    let refused = removals.remove(&change(&signed_in, "not the password"));
    assert!(matches!(refused, Err(PasswordRemovalError::Reauthentication(_))));
    removals.remove(&change(&signed_in, PASSWORD)).unwrap();
    assert!(node.refuses(other.tokens.session.id));
    assert!(!node.refuses(signed_in.tokens.session.id));
    node.sign_in.sign_in(&by_name("ada")).expect_err("there is no password");
    sign_in(&node, &mut phone).unwrap();
    let outcomes = ["against_rules 1", "success 1", "wrong_password 1"];
    assert_eq!(deployment.outcomes("password_removed"), outcomes);
    assert_eq!(deployment.count("outbox WHERE kind = 'password_removed'"), 1);
}

#[test]
fn the_last_passkey_of_an_account_without_a_password_stays() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let (mut phone, mut laptop) = (SoftAuthenticator::default(), SoftAuthenticator::default());
    let first = registered(&node, "ada", &mut phone);
    let signed_in = sign_in(&node, &mut phone).unwrap();
    node.factors.password_removals.remove(&change(&signed_in, PASSWORD)).unwrap();
    let passkeys = &node.factors.passkeys;
    let refused = passkeys.remove(first.id, &change(&signed_in, "a guess"));
    assert!(matches!(refused, Err(FactorError::Reauthentication(_))));
    let last = passkeys.remove(first.id, &signing(&node, &signed_in, &mut phone));
    assert!(matches!(last, Err(FactorError::LastFactor)));
    let options = passkeys.start(&signing(&node, &signed_in, &mut phone)).unwrap();
    let credential = laptop.create(&json(&options), ORIGIN);
    passkeys.register(&registration(&signed_in, &credential)).unwrap();
    let signed_in = sign_in(&node, &mut laptop).unwrap();
    let request = signing(&node, &signed_in, &mut laptop);
    passkeys.remove(first.id, &request).unwrap();
    let again = passkeys.remove(first.id, &request);
    assert!(matches!(again, Err(FactorError::Reauthentication(_))), "the challenge was used");
    assert!(is_refused(&sign_in(&node, &mut phone)));
    sign_in(&node, &mut laptop).unwrap();
}

/// A change that the holder of an account without a password proves with a passkey.
fn signing(
    node: &Node,
    signed_in: &SignedIn,
    authenticator: &mut SoftAuthenticator,
) -> ReauthenticationRequest {
    let (account, session) = (signed_in.tokens.account.id, signed_in.tokens.session.id);
    let options = node.factors.passkeys.step_up(account, session, &[]).unwrap();
    let credential = authenticator.get(&json(&options), ORIGIN);
    let response = Arc::new(AssertionResponse::parse(&credential).unwrap());
    let current = CurrentCredential::Passkey(response);
    ReauthenticationRequest { current, ..change(signed_in, "unused") }
}

#[test]
fn a_registration_belongs_to_its_session_works_once_and_names_no_known_credential() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let other = node.sign_in.sign_in(&by_name("ada")).unwrap();
    let signed_in = node.sign_in.sign_in(&by_name("ada")).unwrap();
    let passkeys = &node.factors.passkeys;
    let mut phone = SoftAuthenticator::default();
    let elsewhere = created(&node, &signed_in, &mut phone);
    let elsewhere = PasskeyRegistrationRequest { session: other.tokens.session.id, ..elsewhere };
    assert!(matches!(passkeys.register(&elsewhere), Err(FactorError::NoEnrolment)));
    let late = created(&node, &signed_in, &mut SoftAuthenticator::default());
    deployment.pass(5 * MINUTE);
    assert!(matches!(passkeys.register(&late), Err(FactorError::NoEnrolment)));

    let request = created(&node, &signed_in, &mut SoftAuthenticator::default());
    let registered = passkeys.register(&request).unwrap();
    assert!(matches!(passkeys.register(&request), Err(FactorError::SessionEnded)));
    let session = registered.tokens.session.id;
    let again = PasskeyRegistrationRequest { session, ..request };
    assert!(matches!(passkeys.register(&again), Err(FactorError::NoEnrolment)), "it was used");
    let refusals = ["invalid 3", "success 1", "superseded 1"];
    assert_eq!(deployment.outcomes("factor_added"), refusals);
}

#[test]
fn an_account_has_at_most_twenty_passkeys_and_renames_only_its_own() {
    let deployment = Deployment::new();
    let (ada, eve) = (deployment.enrol("ada"), deployment.enrol("eve"));
    let node = deployment.node();
    let passkeys = &node.factors.passkeys;
    let mut phone = SoftAuthenticator::default();
    registered(&node, "ada", &mut phone);
    for _ in 1..Passkeys::MAX_PASSKEYS {
        let signed_in = sign_in(&node, &mut phone).unwrap();
        let request = created(&node, &signed_in, &mut SoftAuthenticator::default());
        passkeys.register(&request).unwrap();
    }
    let signed_in = sign_in(&node, &mut phone).unwrap();
    let refused = passkeys.start(&change(&signed_in, PASSWORD));
    assert!(matches!(refused, Err(FactorError::TooManyPasskeys)));
    let listed = passkeys.list(ada.id).unwrap();
    assert_eq!(listed.len(), 20);

    let (name, session) = (DisplayName::parse("Laptop").unwrap(), signed_in.tokens.session.id);
    let rename = |account, passkey: PasskeyId| {
        passkeys.rename((account, session), passkey, &name, &samples::origin())
    };
    rename(ada.id, listed[3].id).unwrap();
    assert_eq!(passkeys.list(ada.id).unwrap()[3].name, "Laptop");
    assert!(matches!(rename(eve.id, listed[3].id), Err(FactorError::NoFactor)));
    assert_eq!(deployment.outcomes("passkey_renamed"), ["success 1"]);
}

#[test]
fn a_registration_starts_for_the_right_credential_of_an_open_counter_only() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let (passkeys, mut phone) = (&node.factors.passkeys, SoftAuthenticator::default());
    let signed_in = node.sign_in.sign_in(&by_name("ada")).unwrap();
    for _ in 0..6 {
        passkeys.start(&change(&signed_in, "a guess")).unwrap_err();
    }
    passkeys.start(&change(&signed_in, PASSWORD)).expect_err("the session waits");
    assert_eq!(deployment.count("passkey_challenges"), 0);
    registered(&node, "ada", &mut phone);
    let outcomes = ["locked 2", "success 1", "wrong_password 5"];
    assert_eq!(deployment.outcomes("factor_enrolment_started"), outcomes);

    // Without a password, an assertion of a foreign key over a challenge that nobody issued is no proof.
    let signed_in = sign_in(&node, &mut phone).unwrap();
    node.factors.password_removals.remove(&change(&signed_in, PASSWORD)).unwrap();
    let mut forger = SoftAuthenticator::default();
    let other = deployment.enrol("eve");
    registered(&node, "eve", &mut forger);
    assert_ne!(other.id, signed_in.tokens.account.id);
    let response = assertion_without_options(&mut forger).response;
    let current = CurrentCredential::Passkey(response);
    let request = ReauthenticationRequest { current, ..change(&signed_in, "unused") };
    assert!(matches!(passkeys.start(&request), Err(FactorError::Reauthentication(_))));
    passkeys.start(&signing(&node, &signed_in, &mut phone)).unwrap();
}
