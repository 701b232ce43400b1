//! Passkeys: registration, sign-in without a name, second factor, step-up, names and removal.

use std::sync::Arc;

use portcullis_domain::{AssuranceLevel, Delivery, DisplayName, SecretString};
use portcullis_flows::sign_in::factor::FactorAnswer;
use portcullis_flows::sign_in::passkey::{PasskeyRegistrationRequest, RegisteredPasskey};
use portcullis_flows::sign_in::step_up::StepUpRequest;
use portcullis_flows::sign_in::totp::FactorError;
use portcullis_flows::sign_in::{
    BrowserCookies, ChallengeAnswer, ChallengeError, PasskeySignInError, PasskeySignInOptions,
    PasskeySignInRequest, SignedIn,
};
use portcullis_mfa::passkey::{AssertionResponse, RegistrationResponse};
use portcullis_testkit::{PASSWORD, SoftAlgorithm, SoftAuthenticator, TestDatabase, samples};
use serde::Serialize;
use serde_json::Value;

use crate::deployment::{Deployment, MINUTE, Node, SECOND, by_name, secret_key};
use crate::factor_use_cases::ORIGIN;
use crate::factors::{answer, change, enrolled};

pub(crate) fn json(options: &impl Serialize) -> Value {
    serde_json::to_value(options).unwrap()
}

/// Creates a credential for the account of the session, without registering it.
pub(crate) fn created(
    node: &Node,
    signed_in: &SignedIn,
    authenticator: &mut SoftAuthenticator,
) -> PasskeyRegistrationRequest {
    let options = node.factors.passkeys.start(&change(signed_in, PASSWORD)).unwrap();
    registration(signed_in, &authenticator.create(&json(&options), ORIGIN))
}

pub(crate) fn registration(signed_in: &SignedIn, credential: &Value) -> PasskeyRegistrationRequest {
    PasskeyRegistrationRequest {
        account: signed_in.tokens.account.id,
        session: signed_in.tokens.session.id,
        response: RegistrationResponse::parse(credential).unwrap(),
        name: DisplayName::parse("Phone").unwrap(),
        origin: samples::origin(),
    }
}

/// Registers a passkey for an account without a factor.
pub(crate) fn registered(
    node: &Node,
    name: &str,
    authenticator: &mut SoftAuthenticator,
) -> RegisteredPasskey {
    let signed_in = node.sign_in.sign_in(&by_name(name)).unwrap();
    node.factors.passkeys.register(&created(node, &signed_in, authenticator)).unwrap()
}

pub(crate) fn started(node: &Node) -> PasskeySignInOptions {
    node.factors.passkey_sign_in.start(Delivery::Cookie, None).unwrap()
}

pub(crate) fn assertion(
    started: &PasskeySignInOptions,
    authenticator: &mut SoftAuthenticator,
) -> PasskeySignInRequest {
    let credential = authenticator.get(&json(&started.options), ORIGIN);
    PasskeySignInRequest {
        response: Arc::new(AssertionResponse::parse(&credential).unwrap()),
        binding: started.binding.as_ref().map(|cookie| SecretString::from(cookie.expose())),
        device_name: None,
        browser: BrowserCookies::default(),
        origin: samples::origin(),
    }
}

pub(crate) fn sign_in(
    node: &Node,
    authenticator: &mut SoftAuthenticator,
) -> Result<SignedIn, PasskeySignInError> {
    node.factors.passkey_sign_in.sign_in(&assertion(&started(node), authenticator))
}

pub(crate) fn is_refused(result: &Result<SignedIn, PasskeySignInError>) -> bool {
    matches!(result, Err(PasskeySignInError::Refused))
}

/// Answers the second step of a sign-in of ada with a passkey.
pub(crate) fn second_step(
    node: &Node,
    authenticator: &mut SoftAuthenticator,
) -> Result<SignedIn, ChallengeError> {
    let challenge = node.sign_in.challenge(&by_name("ada")).unwrap();
    let credential = authenticator.get(&json(&challenge.passkey), ORIGIN);
    let response = AssertionResponse::parse(&credential).unwrap();
    let factor = FactorAnswer::Passkey(Arc::new(response));
    node.factors.second_factor.answer(&ChallengeAnswer { factor, ..answer(&challenge, "unused") })
}

fn words(signed_in: &SignedIn) -> Vec<&'static str> {
    let methods = &signed_in.tokens.session.authentication.methods;
    methods.iter().map(|method| method.as_str()).collect()
}

#[test]
fn a_passkey_signs_in_alone_with_two_factors_whatever_its_algorithm() {
    for algorithm in [SoftAlgorithm::Es256, SoftAlgorithm::EdDsa, SoftAlgorithm::Rs256] {
        let deployment = Deployment::new();
        deployment.enrol("ada");
        let node = deployment.node();
        let other = node.sign_in.sign_in(&by_name("ada")).unwrap();
        let mut phone = SoftAuthenticator::new(algorithm);
        let registered = registered(&node, "ada", &mut phone);
        assert!(registered.tokens.account.mfa_enabled);
        assert_eq!(registered.tokens.session.authentication.assurance, AssuranceLevel::Aal2);
        assert!(node.refuses(other.tokens.session.id), "every session with one factor has ended");
        assert!(!node.refuses(registered.tokens.session.id));

        let signed_in = sign_in(&node, &mut phone).unwrap();
        assert_eq!(words(&signed_in), ["swk", "user", "mfa"], "a synchronised passkey");
        assert_eq!(signed_in.tokens.session.authentication.assurance, AssuranceLevel::Aal2);
        assert!(signed_in.binding.is_some() && signed_in.device_token.is_some());
        assert_eq!(deployment.outcomes("factor_added"), ["success 1"]);
        let of_passkeys =
            r#"security_events WHERE kind = 'sign_in' AND details = '{"factor":"passkey"}'"#;
        assert_eq!(deployment.count(of_passkeys), 1);
        let notices = deployment.count("outbox WHERE kind IN ('factor_added', 'factor_used')");
        assert_eq!(notices, 2, "of the registration and of the first use");
        sign_in(&node, &mut phone).unwrap();
        assert_eq!(deployment.count("outbox WHERE kind = 'factor_used'"), 1, "of the first only");
    }
}

#[test]
fn a_key_that_only_asks_for_a_touch_is_a_second_factor_and_signs_nobody_in_alone() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let mut key = SoftAuthenticator::security_key(SoftAlgorithm::Es256);
    registered(&node, "ada", &mut key);
    assert!(is_refused(&sign_in(&node, &mut key)));
    let signed_in = second_step(&node, &mut key).unwrap();
    assert_eq!(words(&signed_in), ["pwd", "hwk", "user", "mfa"]);
    key.user_verified = true;
    assert!(is_refused(&sign_in(&node, &mut key)), "a finder could have set the PIN");
    second_step(&node, &mut key).unwrap();
    assert_eq!(words(&sign_in(&node, &mut key).unwrap()), ["hwk", "user", "mfa"], "with a PIN");
}

#[test]
fn a_challenge_works_once_in_its_browser_and_for_five_minutes() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        deployment.enrol("ada");
        let node = deployment.node();
        let mut phone = SoftAuthenticator::default();
        registered(&node, "ada", &mut phone);
        let use_case = &node.factors.passkey_sign_in;
        for binding in [None, Some(SecretString::from("the cookie of another browser"))] {
            let request = assertion(&started(&node), &mut phone);
            let request = PasskeySignInRequest { binding, ..request };
            assert!(is_refused(&use_case.sign_in(&request)));
        }
        let request = assertion(&started(&node), &mut phone);
        use_case.sign_in(&request).unwrap();
        assert!(is_refused(&use_case.sign_in(&request)), "used");
        let late = assertion(&started(&node), &mut phone);
        deployment.pass(5 * MINUTE);
        assert!(is_refused(&use_case.sign_in(&late)));
        assert!(is_refused(
            &node.factors.passkey_sign_in.sign_in(&assertion_without_options(&mut phone))
        ));
        assert_eq!(deployment.outcomes("sign_in")[1..], ["superseded 3", "wrong_code 2"]);
    });
}

/// Signs a challenge that the server never issued.
pub(crate) fn assertion_without_options(
    authenticator: &mut SoftAuthenticator,
) -> PasskeySignInRequest {
    let challenge = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE";
    let options = serde_json::json!({
        "challenge": challenge, "rpId": "auth.example.org", "allowCredentials": []
    });
    PasskeySignInRequest {
        response: Arc::new(AssertionResponse::parse(&authenticator.get(&options, ORIGIN)).unwrap()),
        binding: None,
        device_name: None,
        browser: BrowserCookies::default(),
        origin: samples::origin(),
    }
}

#[test]
fn a_wrong_assertion_uses_its_challenge_up_and_counts_against_nobody() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let (mut phone, mut forger) = (SoftAuthenticator::default(), SoftAuthenticator::default());
    registered(&node, "ada", &mut phone);
    deployment.enrol("eve");
    registered(&node, "eve", &mut forger);
    let begun = started(&node);
    let mut credential = forger.get(&json(&begun.options), ORIGIN);
    let own = phone.get(&json(&begun.options), ORIGIN);
    for field in ["id", "rawId"] {
        credential[field] = own[field].clone();
    }
    credential["response"]["userHandle"] = own["response"]["userHandle"].clone();
    let request = assertion(&begun, &mut phone);
    for _ in 0..8 {
        let response = Arc::new(AssertionResponse::parse(&credential).unwrap());
        let binding = request.binding.clone();
        let request = PasskeySignInRequest { response, binding, ..assertion(&begun, &mut phone) };
        assert!(is_refused(&node.factors.passkey_sign_in.sign_in(&request)));
    }
    assert!(is_refused(&node.factors.passkey_sign_in.sign_in(&request)), "it was used up");
    assert_eq!(deployment.count("sign_in_failures"), 0);
    sign_in(&node, &mut phone).unwrap();
}

#[test]
fn guessed_codes_close_neither_the_passkey_nor_does_a_passkey_open_the_counter() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let mut phone = SoftAuthenticator::default();
    registered(&node, "ada", &mut phone);
    for _ in 0..6 {
        let challenge = node.sign_in.challenge(&by_name("ada")).unwrap();
        node.factors.second_factor.answer(&answer(&challenge, "000000")).unwrap_err();
    }
    let refused = second_step(&node, &mut phone);
    assert!(matches!(refused, Err(ChallengeError::WrongCode)), "the counter of codes is closed");
    sign_in(&node, &mut phone).unwrap();
    assert!(second_step(&node, &mut phone).is_err());
}

#[test]
fn a_counter_that_goes_back_is_recorded_and_its_owner_told_each_time() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let mut key = SoftAuthenticator::security_key(SoftAlgorithm::EdDsa);
    key.user_verified = true;
    registered(&node, "ada", &mut key);
    sign_in(&node, &mut key).unwrap();
    sign_in(&node, &mut key).unwrap();
    assert!(deployment.outcomes("passkey_counter_went_back").is_empty());
    key.counter = 1;
    sign_in(&node, &mut key).unwrap();
    sign_in(&node, &mut key).unwrap();
    assert_eq!(deployment.outcomes("passkey_counter_went_back"), ["success 2"]);
    assert_eq!(deployment.count("outbox WHERE kind = 'passkey_counter_went_back'"), 2);
    key.counter = 9;
    sign_in(&node, &mut key).unwrap();
    assert_eq!(deployment.outcomes("passkey_counter_went_back"), ["success 2"]);
}

#[test]
fn no_row_that_somebody_else_wrote_is_a_passkey() {
    let tampering = [
        "UPDATE passkeys SET account_id = (SELECT id FROM accounts WHERE username = 'ada')",
        "UPDATE passkeys SET sealed_key = (SELECT sealed_key FROM passkeys WHERE name = 'Phone')",
    ];
    for tampering in tampering {
        let deployment = Deployment::new();
        deployment.enrol("ada");
        deployment.enrol("eve");
        let node = deployment.node();
        let mut phone = SoftAuthenticator::default();
        registered(&node, "ada", &mut phone);
        let mut forger = SoftAuthenticator::default();
        registered(&node, "eve", &mut forger);
        let store = deployment.database.store();
        store.execute("UPDATE passkeys SET name = 'Eve' WHERE account_id = (SELECT id FROM accounts WHERE username = 'eve')").unwrap();
        store.execute(&format!("{tampering} WHERE name = 'Eve'")).unwrap();
        assert!(is_refused(&sign_in(&node, &mut forger)), "{tampering}");
        sign_in(&node, &mut phone).unwrap();
    }
}

#[test]
fn a_deactivated_a_blocked_and_a_removed_passkey_are_refused() {
    let deployment = Deployment::new();
    let ada = deployment.enrol("ada");
    let node = deployment.node();
    let mut phone = SoftAuthenticator::default();
    let registered = registered(&node, "ada", &mut phone);
    let store = deployment.database.store();
    for column in ["is_active", "is_blocked"] {
        store.execute(&format!("UPDATE accounts SET {column} = NOT {column}")).unwrap();
        assert!(is_refused(&sign_in(&node, &mut phone)), "{column}");
        store.execute(&format!("UPDATE accounts SET {column} = NOT {column}")).unwrap();
    }
    let signed_in = sign_in(&node, &mut phone).unwrap();
    let passkeys = &node.factors.passkeys;
    let wrong = passkeys.remove(registered.id, &change(&signed_in, "not the password"));
    assert!(matches!(wrong, Err(FactorError::Reauthentication(_))));
    passkeys.remove(registered.id, &change(&signed_in, PASSWORD)).unwrap();
    assert!(is_refused(&sign_in(&node, &mut phone)));
    assert!(passkeys.list(ada.id).unwrap().is_empty());
    assert_eq!(deployment.outcomes("factor_removed"), ["success 1", "wrong_password 1"]);
    let again = passkeys.remove(registered.id, &change(&signed_in, PASSWORD));
    assert!(matches!(again, Err(FactorError::NoFactor)));
    node.sign_in.sign_in(&by_name("ada")).expect("the password is enough again");
}

#[test]
fn a_passkey_steps_a_session_up_by_a_challenge_of_that_session_only() {
    let deployment = Deployment::new();
    let ada = deployment.enrol("ada");
    let node = deployment.node();
    let mut phone = SoftAuthenticator::default();
    registered(&node, "ada", &mut phone);
    let sessions = [(); 2].map(|()| sign_in(&node, &mut phone).unwrap().tokens.session.id);
    deployment.pass(20 * MINUTE);
    let mut response = |session| {
        let options = node.factors.passkeys.step_up(ada.id, session, &[]).unwrap();
        let credential = phone.get(&json(&options), ORIGIN);
        FactorAnswer::Passkey(Arc::new(AssertionResponse::parse(&credential).unwrap()))
    };
    let step_up = |session, answer: &FactorAnswer| {
        let (answer, origin) = (answer.clone(), samples::origin());
        let (account, methods) = (ada.id, Vec::new());
        let request = StepUpRequest { account, session, methods, answer, origin };
        node.factors.step_up.step_up(&request)
    };
    let foreign = response(sessions[0]);
    assert!(step_up(sessions[1], &foreign).is_err());
    let own = response(sessions[1]);
    let token = step_up(sessions[1], &own).unwrap().expect("the session is live");
    assert_eq!(token.session.proven_at, deployment.now());
    assert!(step_up(sessions[1], &own).is_err(), "used");
    assert_eq!(deployment.outcomes("step_up"), ["success 1", "wrong_code 2"]);
}

#[test]
fn an_app_and_a_passkey_stand_in_for_each_other() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let (app, confirmed) = enrolled(&deployment, &node, "ada");
    let mut phone = SoftAuthenticator::default();
    let signed_in = SignedIn { tokens: confirmed.tokens, binding: None, device_token: None };
    let passkeys = &node.factors.passkeys;
    let registered = passkeys.register(&created(&node, &signed_in, &mut phone)).unwrap();
    let challenge = node.sign_in.challenge(&by_name("ada")).unwrap();
    assert!(challenge.passkey.is_some());
    let code = app.code(deployment.now());
    node.factors.second_factor.answer(&answer(&challenge, &code)).unwrap();
    let signed_in = second_step(&node, &mut phone).unwrap();
    node.factors.totp.remove(&change(&signed_in, PASSWORD)).unwrap();
    let signed_in = second_step(&node, &mut phone).expect("the passkey is still required");
    passkeys.remove(registered.id, &change(&signed_in, PASSWORD)).unwrap();
    deployment.pass(SECOND);
    node.sign_in.sign_in(&by_name("ada")).unwrap();
}

#[test]
fn a_passkey_survives_the_replacement_of_the_secret_key_once_it_is_sealed_again() {
    let mut deployment = Deployment::new();
    deployment.enrol("ada");
    let mut phone = SoftAuthenticator::default();
    registered(&deployment.node(), "ada", &mut phone);
    let former = deployment.secret.clone();
    deployment.secret = secret_key("zQ8vT3nK6bY1wM9rJ4xL7cP2sD5hG0fU");
    assert!(is_refused(&sign_in(&deployment.node(), &mut phone)), "an unknown secret");
    deployment.previous_secret = Some(former);
    let node = deployment.node();
    sign_in(&node, &mut phone).unwrap();
    node.factors.passkeys.reseal().unwrap();
    deployment.previous_secret = None;
    sign_in(&deployment.node(), &mut phone).unwrap();
}
