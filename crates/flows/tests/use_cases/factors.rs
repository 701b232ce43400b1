//! Second factors: enrolment, the second step of a sign-in, backup codes, step-up, removal and reset.

use portcullis_domain::{AssuranceLevel, AuthenticationMethod, ExposeSecret, SecretString};
use portcullis_flows::sign_in::factor::FactorAnswer;
use portcullis_flows::sign_in::reauthentication::{
    CurrentCredential, ReauthenticationError, ReauthenticationRequest,
};
use portcullis_flows::sign_in::step_up::{StepUp, StepUpRequest};
use portcullis_flows::sign_in::totp::{ConfirmationRequest, ConfirmedTotp, FactorError};
use portcullis_flows::sign_in::{
    BrowserCookies, ChallengeAnswer, ChallengeError, IssuedChallenge, SignedIn,
};
use portcullis_testkit::{AuthenticatorApp, PASSWORD, samples};

use crate::deployment::{
    Deployment, MINUTE, Node, SECOND, by_name, guess, refreshing_next, secret_key, typing,
};

pub(crate) fn app_of(secret: &SecretString) -> AuthenticatorApp {
    AuthenticatorApp::of(secret.expose_secret())
}

pub(crate) fn change(signed_in: &SignedIn, password: &str) -> ReauthenticationRequest {
    ReauthenticationRequest {
        account: signed_in.tokens.account.id,
        session: signed_in.tokens.session.id,
        current: CurrentCredential::Password(SecretString::from(password)),
        origin: samples::origin(),
    }
}

fn confirmation(signed_in: &SignedIn, code: &str) -> ConfirmationRequest {
    ConfirmationRequest {
        account: signed_in.tokens.account.id,
        session: signed_in.tokens.session.id,
        code: SecretString::from(code),
        origin: samples::origin(),
    }
}

/// Enrols and confirms an app, and lets its code expire.
pub(crate) fn enrolled(
    deployment: &Deployment,
    node: &Node,
    name: &str,
) -> (AuthenticatorApp, ConfirmedTotp) {
    let signed_in = node.sign_in.sign_in(&by_name(name)).unwrap();
    let app = app_of(&node.factors.totp.start(&change(&signed_in, PASSWORD)).unwrap().secret);
    let code = app.code(deployment.now());
    let confirmed = node.factors.totp.confirm(&confirmation(&signed_in, &code)).unwrap();
    deployment.pass(60 * SECOND);
    (app, confirmed)
}

pub(crate) fn answer(challenge: &IssuedChallenge, code: &str) -> ChallengeAnswer {
    let binding = challenge.binding.as_ref().map(|cookie| SecretString::from(cookie.expose()));
    ChallengeAnswer {
        token: SecretString::from(challenge.token.expose()),
        binding,
        factor: FactorAnswer::Code(SecretString::from(code)),
        browser: BrowserCookies::default(),
        origin: samples::origin(),
    }
}

/// Signs in with both factors.
pub(crate) fn signed_in_twice(
    deployment: &Deployment,
    node: &Node,
    app: &AuthenticatorApp,
) -> SignedIn {
    let challenge = node.sign_in.challenge(&by_name("ada")).unwrap();
    node.factors.second_factor.answer(&answer(&challenge, &app.code(deployment.now()))).unwrap()
}

pub(crate) fn is_wrong(result: &Result<SignedIn, ChallengeError>) -> bool {
    matches!(result, Err(ChallengeError::WrongCode))
}

#[test]
fn an_app_is_a_factor_once_confirmed_and_every_sign_in_then_has_two_steps() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let other = node.sign_in.sign_in(&by_name("ada")).unwrap();
    let first = node.sign_in.sign_in(&by_name("ada")).unwrap();
    let started = node.factors.totp.start(&change(&first, PASSWORD)).unwrap();
    let app = app_of(&started.secret);
    assert!(started.uri.expose().contains(started.secret.expose_secret()));
    assert!(started.qr_code.contains("<svg"));
    node.sign_in.sign_in(&by_name("ada")).expect("nothing changes before the confirmation");
    let wrong = node.factors.totp.confirm(&confirmation(&first, "000000"));
    assert!(matches!(wrong, Err(FactorError::WrongCode)));
    let elsewhere = node.factors.totp.confirm(&confirmation(&other, &app.code(deployment.now())));
    assert!(matches!(elsewhere, Err(FactorError::NoEnrolment)), "only the session that began");

    let code = app.code(deployment.now());
    let confirmed = node.factors.totp.confirm(&confirmation(&first, &code)).unwrap().tokens;
    assert!(confirmed.account.mfa_enabled);
    assert_eq!(confirmed.session.authentication.assurance, AssuranceLevel::Aal2);
    for former in [&other, &first] {
        assert!(node.refuses(former.tokens.session.id), "every session with one factor has ended");
    }
    assert!(!node.refuses(confirmed.session.id));
    assert_eq!(deployment.count("sessions WHERE ended_at IS NULL"), 1);

    let challenge = node.sign_in.challenge(&by_name("ada")).unwrap();
    assert!(is_wrong(&node.factors.second_factor.answer(&answer(&challenge, &code))), "used up");
    deployment.pass(30 * SECOND);
    let code = app.code(deployment.now());
    let signed_in = node.factors.second_factor.answer(&answer(&challenge, &code)).unwrap();
    let principal = deployment.principal(&node, &signed_in.tokens);
    assert_eq!(principal.assurance(), Some(AssuranceLevel::Aal2));
    let methods = &signed_in.tokens.session.authentication.methods;
    let words: Vec<&str> = methods.iter().map(|method| method.as_str()).collect();
    assert_eq!(words, ["pwd", "otp", "mfa"]);
    assert_eq!(deployment.outcomes("factor_added"), ["invalid 1", "success 1", "wrong_code 1"]);
    assert_eq!(deployment.outcomes("challenge_issued"), ["success 1"]);
    let with_factor = r#"security_events WHERE kind = 'sign_in' AND details = '{"factor":"totp"}'"#;
    assert_eq!(deployment.count(with_factor), 2, "the wrong code and the right one");
}

#[test]
fn wrong_codes_are_counted_for_the_account_over_challenges_restarts_and_step_ups() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let (app, confirmed) = enrolled(&deployment, &node, "ada");
    for attempt in 0..5 {
        let node = deployment.node();
        if attempt % 2 == 0 {
            let challenge = node.sign_in.challenge(&by_name("ada")).unwrap();
            assert!(is_wrong(&node.factors.second_factor.answer(&answer(&challenge, "000000"))));
        } else {
            let request = stepping_up(&confirmed, "0123-4567-89AB-CDEF");
            assert!(matches!(
                node.factors.step_up.step_up(&request),
                Err(ChallengeError::WrongCode)
            ));
        }
    }
    let challenge = node.sign_in.challenge(&by_name("ada")).unwrap();
    let code = app.code(deployment.now());
    assert!(
        is_wrong(&node.factors.second_factor.answer(&answer(&challenge, &code))),
        "a wait has begun"
    );
    let request = stepping_up(&confirmed, &code);
    assert!(matches!(node.factors.step_up.step_up(&request), Err(ChallengeError::WrongCode)));
    assert_eq!(deployment.outcomes("step_up"), ["locked 1", "wrong_code 2"]);
    deployment.pass(MINUTE);
    let code = app.code(deployment.now());
    node.factors.second_factor.answer(&answer(&challenge, &code)).expect("the wait is over");
    assert!(node.unlock.unlock("ada", &samples::origin()).unwrap());
}

#[test]
fn passwords_and_codes_have_counters_of_their_own() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let (app, _) = enrolled(&deployment, &node, "ada");
    (0..5).for_each(|_| drop(node.sign_in.challenge(&guess("ada")).unwrap_err()));
    assert!(node.sign_in.challenge(&by_name("ada")).is_err(), "the password waits");
    deployment.pass(MINUTE);
    signed_in_twice(&deployment, &node, &app);
}

fn stepping_up(confirmed: &ConfirmedTotp, code: &str) -> StepUpRequest {
    StepUpRequest {
        account: confirmed.tokens.account.id,
        session: confirmed.tokens.session.id,
        methods: vec![AuthenticationMethod::Password],
        answer: FactorAnswer::Code(SecretString::from(code)),
        origin: samples::origin(),
    }
}

#[test]
fn a_step_up_makes_the_session_recent_and_no_refresh_does() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let (app, _) = enrolled(&deployment, &node, "ada");
    let signed_in = signed_in_twice(&deployment, &node, &app);
    let guard =
        StepUp::new(std::sync::Arc::new(deployment.database.store().clone()), deployment.ambient());
    let recent = |tokens: &_| guard.is_recent(&deployment.principal(&node, tokens));
    deployment.pass(15 * MINUTE);
    let refreshed = node.refresh.refresh(&crate::deployment::refreshing(&signed_in)).unwrap();
    assert!(!recent(&refreshed));
    let code = app.code(deployment.now());
    let request = StepUpRequest {
        account: signed_in.tokens.account.id,
        session: signed_in.tokens.session.id,
        methods: vec![AuthenticationMethod::Password],
        answer: FactorAnswer::Code(SecretString::from(code.as_str())),
        origin: samples::origin(),
    };
    let issued = node.factors.step_up.step_up(&request).unwrap().unwrap();
    let claims = node.authority.verify_access(issued.token.expose_secret(), deployment.now());
    let claims = claims.unwrap();
    assert_eq!(claims.authenticated_at.as_seconds(), deployment.now().as_seconds());
    assert_eq!(claims.session, signed_in.tokens.session.id);
    let again = node.factors.step_up.step_up(&request);
    assert!(matches!(again, Err(ChallengeError::WrongCode)), "the code is used up");

    deployment.pass(14 * MINUTE);
    let next = node.refresh.refresh(&refreshing_next(&signed_in, &refreshed)).unwrap();
    assert!(recent(&next), "the step-up stays with the session");
    assert_eq!(
        next.session.authenticated_at, signed_in.tokens.session.authenticated_at,
        "a step-up moves no absolute end"
    );
    deployment.pass(MINUTE);
    let next = node.refresh.refresh(&refreshing_next(&signed_in, &next)).unwrap();
    assert!(!recent(&next));
}

#[test]
fn a_change_of_factors_takes_the_password_and_counts_wrong_ones_by_session() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let signed_in = node.sign_in.sign_in(&by_name("ada")).unwrap();
    let other = node.sign_in.sign_in(&by_name("ada")).unwrap();
    let is_refused = |request: &ReauthenticationRequest| {
        let refused = |error: &FactorError| {
            matches!(error, FactorError::Reauthentication(ReauthenticationError::WrongPassword))
        };
        node.factors.totp.start(request).is_err_and(|error| refused(&error))
            && node.factors.totp.remove(request).is_err_and(|error| refused(&error))
            && node.factors.backup_codes.generate(request).is_err_and(|error| refused(&error))
    };
    assert!(is_refused(&change(&signed_in, "not the password")));
    assert!(is_refused(&change(&signed_in, "")));
    assert!(is_refused(&change(&signed_in, PASSWORD)), "the session waits");
    node.factors.totp.start(&change(&other, PASSWORD)).expect("another session does not");
    assert_eq!(deployment.count("totp_factors"), 0);
}

#[test]
fn a_removed_app_leaves_nothing_behind_and_the_owner_is_told() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let (app, _) = enrolled(&deployment, &node, "ada");
    let signed_in = signed_in_twice(&deployment, &node, &app);
    node.factors.backup_codes.generate(&change(&signed_in, PASSWORD)).unwrap();
    node.factors.totp.remove(&change(&signed_in, PASSWORD)).unwrap();
    for table in ["totp_factors", "totp_enrolments", "backup_codes"] {
        assert_eq!(deployment.count(table), 0, "{table}");
    }
    let again = node.factors.totp.remove(&change(&signed_in, PASSWORD));
    assert!(matches!(again, Err(FactorError::NoFactor)));
    assert!(!node.sign_in.sign_in(&by_name("ada")).unwrap().tokens.account.mfa_enabled);
    assert_eq!(deployment.count("outbox WHERE kind = 'factor_added'"), 2);
    assert_eq!(deployment.count("outbox WHERE kind = 'factor_removed'"), 1);
}

#[test]
fn a_new_app_replaces_the_former_one_when_it_is_confirmed() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let (former, _) = enrolled(&deployment, &node, "ada");
    let signed_in = signed_in_twice(&deployment, &node, &former);
    let app = app_of(&node.factors.totp.start(&change(&signed_in, PASSWORD)).unwrap().secret);
    deployment.pass(60 * SECOND);
    signed_in_twice(&deployment, &node, &former);
    let code = app.code(deployment.now());
    node.factors.totp.confirm(&confirmation(&signed_in, &code)).unwrap();
    deployment.pass(60 * SECOND);
    let challenge = node.sign_in.challenge(&by_name("ada")).unwrap();
    let code = former.code(deployment.now());
    assert!(is_wrong(&node.factors.second_factor.answer(&answer(&challenge, &code))));
    signed_in_twice(&deployment, &node, &app);
}

#[test]
fn an_enrolment_ends_after_ten_minutes() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let signed_in = node.sign_in.sign_in(&by_name("ada")).unwrap();
    let app = app_of(&node.factors.totp.start(&change(&signed_in, PASSWORD)).unwrap().secret);
    deployment.pass(10 * MINUTE);
    let code = app.code(deployment.now());
    let late = node.factors.totp.confirm(&confirmation(&signed_in, &code));
    assert!(matches!(late, Err(FactorError::NoEnrolment)));
}

#[test]
fn the_operator_resets_lost_factors_ends_the_sessions_and_tells_the_owner() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let (_, confirmed) = enrolled(&deployment, &node, "ada");
    assert!(node.factors.factor_reset.factors("ada").unwrap().unwrap().totp.is_some());
    assert_eq!(node.factors.factor_reset.reset("ADA", &samples::origin()).unwrap(), Some(1));
    assert_eq!(node.factors.factor_reset.reset("nobody", &samples::origin()).unwrap(), None);
    assert!(node.factors.factor_reset.factors("ada").unwrap().unwrap().totp.is_none());
    assert!(deployment.node().refuses(confirmed.tokens.session.id), "other processes read it");
    node.sign_in.sign_in(&by_name("ada")).unwrap();
    assert_eq!(deployment.outcomes("factors_reset"), ["success 1"]);
    assert_eq!(deployment.count("outbox WHERE kind = 'factors_reset'"), 1);
}

#[test]
fn seeds_are_sealed_and_sealed_again_under_a_new_secret() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let (app, _) = enrolled(&deployment, &node, "ada");
    node.factors.totp.reseal().unwrap();
    signed_in_twice(&deployment, &node, &app);
    deployment.database.store().execute("UPDATE totp_factors SET seed = zeroblob(60)").unwrap();
    deployment.pass(60 * SECOND);
    let challenge = node.sign_in.challenge(&by_name("ada")).unwrap();
    let code = app.code(deployment.now());
    assert!(
        is_wrong(&node.factors.second_factor.answer(&answer(&challenge, &code))),
        "a damaged seed"
    );
    node.factors.totp.reseal().expect("a damaged seed stops nothing");
}

#[test]
fn an_enrolment_of_the_former_secret_is_confirmed_under_the_present_one_and_outlives_the_former() {
    let mut deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let signed_in = node.sign_in.sign_in(&by_name("ada")).unwrap();
    let app = app_of(&node.factors.totp.start(&change(&signed_in, PASSWORD)).unwrap().secret);
    let former = deployment.secret.clone();
    deployment.secret = secret_key("zQ8vT3nK6bY1wM9rJ4xL7cP2sD5hG0fU");
    deployment.previous_secret = Some(former);
    let code = app.code(deployment.now());
    deployment.node().factors.totp.confirm(&confirmation(&signed_in, &code)).unwrap();
    deployment.previous_secret = None;
    deployment.pass(30 * SECOND);
    signed_in_twice(&deployment, &deployment.node(), &app);
}

#[test]
fn an_unknown_account_and_a_wrong_password_get_no_challenge() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    enrolled(&deployment, &node, "ada");
    for request in [guess("ada"), typing("nobody", PASSWORD)] {
        assert!(node.sign_in.challenge(&request).is_err());
    }
    assert_eq!(deployment.count("sign_in_challenges"), 0);
}
