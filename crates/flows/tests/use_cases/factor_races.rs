//! Races for second factors, on both databases: each code opens one session, and no more wrong codes
//! are evaluated than the lockout allows.

use portcullis_domain::{ExposeSecret, SecretString};
use portcullis_flows::sign_in::IssuedChallenge;
use portcullis_flows::sign_in::totp::ConfirmationRequest;
use portcullis_testkit::{PASSWORD, TestDatabase, at_once};

use crate::deployment::{Deployment, SECOND, by_name};
use crate::factors::{answer, app_of, change, enrolled};

#[test]
fn one_of_fifty_simultaneous_uses_of_a_code_on_two_nodes_opens_a_session() {
    TestDatabase::on_both_crowded(|database| {
        let mut deployment = Deployment::on(database);
        deployment.lockout.free_failures = 1_000;
        deployment.sessions.most_sessions = 1_000;
        deployment.enrol("ada");
        let nodes = [deployment.node(), deployment.node()];
        let (app, _) = enrolled(&deployment, &nodes[0], "ada");
        let challenges: Vec<IssuedChallenge> =
            (0..50).map(|_| nodes[0].sign_in.challenge(&by_name("ada")).unwrap()).collect();
        let code = app.code(deployment.now());
        let opened = at_once(50, |number| {
            let node = &nodes[number % 2];
            node.factors.second_factor.answer(&answer(&challenges[number], &code)).is_ok()
        });
        assert_eq!(opened.iter().filter(|opened| **opened).count(), 1);
        assert_eq!(deployment.count("sessions WHERE ended_at IS NULL"), 2, "with that of before");
    });
}

#[test]
fn one_of_fifty_simultaneous_answers_to_a_challenge_opens_a_session() {
    TestDatabase::on_both_crowded(|database| {
        let mut deployment = Deployment::on(database);
        deployment.lockout.free_failures = 1_000;
        deployment.enrol("ada");
        let nodes = [deployment.node(), deployment.node()];
        let (app, _) = enrolled(&deployment, &nodes[0], "ada");
        let challenge = nodes[0].sign_in.challenge(&by_name("ada")).unwrap();
        let code = app.code(deployment.now());
        let opened = at_once(50, |number| {
            nodes[number % 2].factors.second_factor.answer(&answer(&challenge, &code)).is_ok()
        });
        assert_eq!(opened.iter().filter(|opened| **opened).count(), 1);
    });
}

#[test]
fn each_backup_code_opens_one_session_though_all_are_used_five_times_at_once() {
    TestDatabase::on_both_crowded(|database| {
        let mut deployment = Deployment::on(database);
        deployment.lockout.free_failures = 1_000;
        deployment.sessions.most_sessions = 1_000;
        deployment.enrol("ada");
        let node = deployment.node();
        let (app, _) = enrolled(&deployment, &node, "ada");
        let challenge = node.sign_in.challenge(&by_name("ada")).unwrap();
        let code = app.code(deployment.now());
        let signed_in = node.factors.second_factor.answer(&answer(&challenge, &code)).unwrap();
        let codes = node.factors.backup_codes.generate(&change(&signed_in, PASSWORD)).unwrap();
        let challenges: Vec<IssuedChallenge> =
            (0..50).map(|_| node.sign_in.challenge(&by_name("ada")).unwrap()).collect();
        let opened = at_once(50, |number| {
            let code = codes[number % 10].to_groups();
            let answer = answer(&challenges[number], code.expose_secret());
            node.factors.second_factor.answer(&answer).is_ok()
        });
        assert_eq!(opened.iter().filter(|opened| **opened).count(), 10);
        assert_eq!(deployment.count("backup_codes WHERE used = 1023"), 1, "all ten");
    });
}

#[test]
fn no_more_of_two_hundred_simultaneous_codes_are_evaluated_than_the_limit() {
    TestDatabase::on_both_crowded(|database| {
        let deployment = Deployment::on(database);
        deployment.enrol("ada");
        let node = deployment.node();
        let (app, _) = enrolled(&deployment, &node, "ada");
        let challenges: Vec<IssuedChallenge> =
            (0..40).map(|_| node.sign_in.challenge(&by_name("ada")).unwrap()).collect();
        let right = app.code(deployment.now());
        let opened = at_once(200, |number| {
            let guess = format!("{number:06}");
            let guess = if guess == right { "999999".to_owned() } else { guess };
            node.factors.second_factor.answer(&answer(&challenges[number % 40], &guess)).is_ok()
        });
        assert!(!opened.contains(&true));
        assert_eq!(
            deployment.outcomes("sign_in").iter().find(|it| it.starts_with("wrong_code")).unwrap(),
            "wrong_code 5",
            "the others were not evaluated",
        );
        deployment.pass(59 * SECOND);
        let challenge = node.sign_in.challenge(&by_name("ada")).unwrap();
        let code = app.code(deployment.now());
        assert!(
            node.factors.second_factor.answer(&answer(&challenge, &code)).is_err(),
            "still a wait"
        );
    });
}

#[test]
fn one_of_fifty_simultaneous_confirmations_adds_the_factor() {
    TestDatabase::on_both_crowded(|database| {
        let deployment = Deployment::on(database);
        deployment.enrol("ada");
        let node = deployment.node();
        let signed_in = node.sign_in.sign_in(&by_name("ada")).unwrap();
        let started = node.factors.totp.start(&change(&signed_in, PASSWORD)).unwrap();
        let app = app_of(&started.secret);
        let code = app.code(deployment.now());
        let confirmed = at_once(50, |_| {
            let request = ConfirmationRequest {
                account: signed_in.tokens.account.id,
                session: signed_in.tokens.session.id,
                code: SecretString::from(code.as_str()),
                origin: portcullis_testkit::samples::origin(),
            };
            node.factors.totp.confirm(&request).is_ok()
        });
        assert_eq!(confirmed.iter().filter(|confirmed| **confirmed).count(), 1);
        assert_eq!(deployment.count("sessions WHERE ended_at IS NULL"), 1);
    });
}
