//! Challenges of sign-ins, on both databases: their browser, their lifetime, their tries and their end.

use portcullis_domain::{Delivery, SecretString};
use portcullis_flows::identity::account_change::AccountPatch;
use portcullis_flows::sign_in::{ChallengeAnswer, ChallengeError, SignInRequest, SignedIn};
use portcullis_testkit::{TestDatabase, samples};

use crate::account_change::admin;
use crate::deployment::{Deployment, MINUTE, SECOND, by_name};
use crate::factors::{answer, enrolled, is_wrong};

fn is_over(result: &Result<SignedIn, ChallengeError>) -> bool {
    matches!(result, Err(ChallengeError::Over))
}

#[test]
fn a_challenge_belongs_to_its_browser_and_is_answered_once() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        deployment.enrol("ada");
        let node = deployment.node();
        let (app, _) = enrolled(&deployment, &node, "ada");
        let use_case = &node.factors.second_factor;
        let challenge = node.sign_in.challenge(&by_name("ada")).unwrap();
        let code = app.code(deployment.now());
        for binding in [None, Some(SecretString::from("the cookie of another browser"))] {
            let answer = ChallengeAnswer { binding, ..answer(&challenge, &code) };
            assert!(is_over(&use_case.answer(&answer)));
        }
        use_case.answer(&answer(&challenge, &code)).expect("the code was not used up");
        deployment.pass(60 * SECOND);
        let code = app.code(deployment.now());
        assert!(is_over(&use_case.answer(&answer(&challenge, &code))), "answered once");

        let body = SignInRequest { delivery: Delivery::Body, ..by_name("ada") };
        let challenge = node.sign_in.challenge(&body).unwrap();
        assert!(challenge.binding.is_none(), "a client without cookies has the token alone");
        let signed_in = use_case.answer(&answer(&challenge, &code)).unwrap();
        assert_eq!(signed_in.tokens.session.delivery, Delivery::Body);
        for token in ["", "x", samples::token().to_string().as_str()] {
            let token = SecretString::from(token);
            let unknown = ChallengeAnswer { token, ..answer(&challenge, &code) };
            assert!(is_over(&use_case.answer(&unknown)));
        }
    });
}

#[test]
fn a_challenge_is_dead_after_five_minutes_and_not_before() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        deployment.enrol("ada");
        let node = deployment.node();
        let (app, _) = enrolled(&deployment, &node, "ada");
        let use_case = &node.factors.second_factor;
        let [late, in_time] = [(); 2].map(|()| node.sign_in.challenge(&by_name("ada")).unwrap());
        deployment.pass(4 * MINUTE + 59 * SECOND);
        let code = app.code(deployment.now());
        use_case.answer(&answer(&in_time, &code)).expect("a second is left");
        deployment.pass(SECOND);
        let code = app.code(deployment.now());
        assert!(is_over(&use_case.answer(&answer(&late, &code))), "expired");
        let challenge = node.sign_in.challenge(&by_name("ada")).unwrap();
        use_case.answer(&answer(&challenge, &code)).expect("the code was not used up");
    });
}

#[test]
fn a_challenge_allows_five_tries_and_a_new_one_allows_others() {
    TestDatabase::on_both(|database| {
        let mut deployment = Deployment::on(database);
        deployment.lockout.free_failures = 50;
        deployment.enrol("ada");
        let node = deployment.node();
        let (app, _) = enrolled(&deployment, &node, "ada");
        let use_case = &node.factors.second_factor;
        let code = app.code(deployment.now());
        let challenge = node.sign_in.challenge(&by_name("ada")).unwrap();
        for _ in 0..5 {
            assert!(is_wrong(&use_case.answer(&answer(&challenge, "000000"))));
        }
        assert!(is_over(&use_case.answer(&answer(&challenge, &code))), "no try is left");
        assert!(is_over(&use_case.answer(&answer(&challenge, "000000"))), "nor for a wrong code");
        assert_eq!(
            deployment.outcomes("sign_in"),
            ["success 1", "superseded 2", "wrong_code 5"],
            "the others were not evaluated"
        );

        let challenge = node.sign_in.challenge(&by_name("ada")).unwrap();
        for _ in 0..4 {
            assert!(is_wrong(&use_case.answer(&answer(&challenge, "000000"))));
        }
        use_case.answer(&answer(&challenge, &code)).expect("the fifth try is the right code");
    });
}

#[test]
fn a_void_challenge_evaluates_spends_and_counts_no_code() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (admin, ada) = (admin(&deployment), deployment.enrol("ada"));
        let node = deployment.node();
        let (app, _) = enrolled(&deployment, &node, "ada");
        let use_case = &node.factors.second_factor;
        let store = deployment.database.store();
        let set_active = |is_active| {
            let patch = AccountPatch { is_active: Some(is_active), ..AccountPatch::default() };
            node.account_changes.change(&admin, ada.id, &patch).unwrap();
        };
        let other_password = "UPDATE accounts SET password_epoch = password_epoch + 1";
        let ends: [&dyn Fn(); 2] = [&|| store.execute(other_password).unwrap(), &|| {
            set_active(false);
            set_active(true);
        }];
        for end in ends {
            let void = node.sign_in.challenge(&by_name("ada")).unwrap();
            end();
            let code = app.code(deployment.now());
            for code in [code.as_str(), "000000", "000000", "000000", "000000", "000000"] {
                assert!(is_over(&use_case.answer(&answer(&void, code))), "{code}");
            }
            let challenge = node.sign_in.challenge(&by_name("ada")).unwrap();
            use_case.answer(&answer(&challenge, &code)).expect("not spent, and no wait");
            deployment.pass(30 * SECOND);
        }
        let challenge = node.sign_in.challenge(&by_name("ada")).unwrap();
        set_active(false);
        let code = app.code(deployment.now());
        assert!(is_over(&use_case.answer(&answer(&challenge, &code))), "deactivated");
    });
}
