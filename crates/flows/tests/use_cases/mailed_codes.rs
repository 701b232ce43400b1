//! Codes that a sign-in causes by mail: a thief of the password neither closes the way of the holder nor uses
//! up the holder's codes, and the code of a sign-in that is over is not sent.

use std::net::IpAddr;

use portcullis_audit::Origin;
use portcullis_domain::{ExposeSecret, SecretString};
use portcullis_flows::node::retention::RetentionStore;
use portcullis_flows::sign_in::risk::RiskPolicy;
use portcullis_flows::sign_in::{ChallengeAnswer, ChallengeError, SignInRequest, SignedIn};
use portcullis_testkit::{TestDatabase, at_once, samples};

use crate::deployment::{DAY, Deployment, HOUR, MINUTE, Node, SECOND, by_name, device_cookie};
use crate::factors::{answer, is_wrong};
use crate::password_change::{NEW, change};
use crate::sign_in_risk::{ABROAD, CODE, HOME, assessed, at_home, challenge_from, from, settled};

/// A network of a stranger, and not of ada.
const fn strange(number: u8) -> [u8; 4] {
    [203, 0, number, 7]
}

fn is_over(result: &Result<SignedIn, ChallengeError>) -> bool {
    matches!(result, Err(ChallengeError::Over))
}

/// The number of codes that wait, after their delivery.
fn sent(deployment: &Deployment) -> usize {
    deployment.deliver().iter().filter(|it| it.mail.kind() == CODE).count()
}

/// A deployment that challenges each sign-in but one of a known device on a known network, and the device
/// cookie of ada.
fn strict(database: TestDatabase) -> (Deployment, Node, SecretString) {
    let risk = Some(RiskPolicy { challenge_at: 20, ..RiskPolicy::default() });
    let deployment = Deployment { risk, ..Deployment::on(database) };
    deployment.enrol("ada");
    let node = deployment.node();
    let cookie = at_home(&node);
    deployment.pass(DAY);
    deployment.deliver();
    (deployment, node, cookie)
}

#[test]
fn wrong_codes_end_their_own_challenge_and_close_nothing_for_the_holder() {
    TestDatabase::on_both(|database| {
        let (deployment, node) = settled(database);
        let second_factor = &node.factors.second_factor;
        for _ in 0..4 {
            let of_thief = challenge_from(&node, ABROAD);
            let code = deployment.link(CODE);
            for _ in 0..5 {
                assert!(is_wrong(&second_factor.answer(&answer(&of_thief, "000000"))));
            }
            let right = answer(&of_thief, code.expose_secret());
            assert!(is_over(&second_factor.answer(&right)), "no try is left");
        }
        assert_eq!(deployment.count("sign_in_failures"), 0);
        let of_ada = challenge_from(&node, strange(1));
        let code = deployment.link(CODE);
        second_factor.answer(&answer(&of_ada, code.expose_secret())).unwrap();
        let outcomes = ["success 2", "superseded 4", "wrong_code 20"];
        assert_eq!(deployment.outcomes("sign_in"), outcomes);
    });
}

#[test]
fn of_eight_wrong_codes_at_once_five_are_evaluated() {
    TestDatabase::on_both_crowded(|database| {
        let (deployment, node) = settled(database);
        let issued = challenge_from(&node, ABROAD);
        at_once(8, |_| node.factors.second_factor.answer(&answer(&issued, "000000")).unwrap_err());
        let outcomes = ["success 1", "superseded 3", "wrong_code 5"];
        assert_eq!(deployment.outcomes("sign_in"), outcomes);
    });
}

#[test]
fn answers_from_outside_the_networks_of_the_account_close_nothing_either() {
    TestDatabase::on_both(|database| {
        let (deployment, node) = settled(database);
        let issued = challenge_from(&node, ABROAD);
        let code = deployment.link(CODE);
        let only = "UPDATE accounts SET allowed_networks = '198.51.100.0/24'";
        deployment.database.store().execute(only).unwrap();
        let answer_from = |address: [u8; 4]| {
            let origin = Origin { address: IpAddr::from(address), ..samples::origin() };
            let answer = ChallengeAnswer { origin, ..answer(&issued, code.expose_secret()) };
            node.factors.second_factor.answer(&answer)
        };
        (0..6).for_each(|_| assert!(is_over(&answer_from(strange(1)))));
        assert_eq!(deployment.outcomes("sign_in"), ["outside_networks 6", "success 1"]);
        assert_eq!(deployment.count("sign_in_failures"), 0);
        answer_from(ABROAD).unwrap();
    });
}

#[test]
fn a_network_causes_five_codes_in_an_hour_and_the_answers_stay_the_same() {
    TestDatabase::on_both(|database| {
        let (deployment, node) = settled(database);
        (0..7).for_each(|_| drop(challenge_from(&node, ABROAD)));
        assert_eq!(sent(&deployment), 5);
        assert_eq!(deployment.outcomes("challenge_issued"), ["limited 2", "success 5"]);
        let [a, b, c, _] = ABROAD;
        challenge_from(&node, [a, b, c, 200]);
        assert_eq!(sent(&deployment), 0, "a neighbour is in the same network");
        challenge_from(&node, strange(1));
        assert_eq!(sent(&deployment), 1, "another network has codes of its own");
        deployment.pass(HOUR + SECOND);
        challenge_from(&node, ABROAD);
        assert_eq!(sent(&deployment), 1);
    });
}

#[test]
fn a_stranger_on_many_networks_leaves_the_codes_of_known_networks_and_devices() {
    TestDatabase::on_both(|database| {
        let (deployment, node, cookie) = strict(database);
        for network in 0..5 {
            (0..5).for_each(|_| drop(challenge_from(&node, strange(network))));
        }
        assert_eq!(sent(&deployment), 20, "the mailbox is not flooded");
        challenge_from(&node, ABROAD);
        assert_eq!(sent(&deployment), 0, "an unknown device on an unknown network is one of many");
        let known = || SignInRequest { browser: device_cookie(cookie.clone()), ..by_name("ada") };
        let challenge = |address, request| {
            assert!(node.sign_in.challenge(&from(address, request)).unwrap().is_mailed);
        };
        (0..4).for_each(|_| challenge(HOME, by_name("ada")));
        challenge(ABROAD, known());
        assert_eq!(sent(&deployment), 5, "an unknown device at home, and a known one anywhere");
        // The codes for what the account knows are limited too: a thief may have the cookie.
        (0..2).for_each(|_| challenge(HOME, by_name("ada")));
        assert_eq!(sent(&deployment), 1, "five of a network");
        (0..5).for_each(|_| challenge(ABROAD, known()));
        (0..5).for_each(|_| challenge(strange(9), known()));
        assert_eq!(sent(&deployment), 4, "ten of all");
    });
}

#[test]
fn the_limits_of_codes_hold_for_sign_ins_at_once() {
    TestDatabase::on_both_crowded(|database| {
        let (deployment, node) = settled(database);
        at_once(8, |_| drop(challenge_from(&node, ABROAD)));
        assert_eq!(sent(&deployment), 5, "of one network");
        at_once(24, |number| {
            let network = u8::try_from(number % 6).unwrap();
            challenge_from(&node, strange(network));
        });
        assert_eq!(sent(&deployment), 15, "twenty of all");
    });
}

#[test]
fn the_counters_of_codes_go_after_their_hour() {
    TestDatabase::on_both(|database| {
        let (deployment, node) = settled(database);
        (0..4).for_each(|network| drop(challenge_from(&node, strange(network))));
        assert_eq!(deployment.count("mail_allowances"), 5, "four networks, and all of them");
        let remove = || deployment.database.store().remove_mail_allowances(HOUR, 1_000).unwrap();
        deployment.pass(2 * HOUR);
        assert_eq!(remove(), 0);
        deployment.pass(SECOND);
        assert_eq!(remove(), 5);
    });
}

#[test]
fn the_code_of_a_sign_in_that_is_over_is_not_sent_after_an_outage() {
    TestDatabase::on_both(|database| {
        let (deployment, node) = settled(database);
        let second_factor = &node.factors.second_factor;
        let late = challenge_from(&node, ABROAD);
        deployment.pass(14 * MINUTE);
        let tried = challenge_from(&node, ABROAD);
        (0..5).for_each(|_| assert!(is_wrong(&second_factor.answer(&answer(&tried, "000000")))));
        let (answered, other) = (challenge_from(&node, ABROAD), challenge_from(&node, ABROAD));
        deployment.pass(MINUTE);

        let delivered = deployment.deliver();
        let kinds: Vec<_> = delivered.iter().map(|it| it.mail.kind()).collect();
        assert_eq!(kinds, [CODE; 2], "those of the two sign-ins that wait");
        assert!(is_over(&second_factor.answer(&answer(&late, "000000"))));
        let waiting = "outbox WHERE kind = 'sign_in_code' AND delivered_at IS NULL";
        assert_eq!(deployment.count(waiting), 0, "they are removed");
        assert_eq!(deployment.count("mail_secrets WHERE purpose = 'sign_in_code'"), 2);
        // The two that were not sent are counted, so the limit holds for the mailbox.
        (0..2).for_each(|_| drop(challenge_from(&node, ABROAD)));
        assert_eq!(sent(&deployment), 1);

        // The reply of the mail server was lost, and the sign-in is complete.
        let open = |code: &SecretString| {
            [&answered, &other].map(|it| second_factor.answer(&answer(it, code.expose_secret())))
        };
        let code = delivered[0].token.clone().unwrap();
        assert_eq!(open(&code).iter().filter(|result| result.is_ok()).count(), 1);
        let again = "UPDATE outbox SET delivered_at = NULL WHERE kind = 'sign_in_code'";
        deployment.database.store().execute(again).unwrap();
        assert_eq!(sent(&deployment), 2, "all but that of the complete sign-in");
    });
}

#[test]
fn a_code_that_cannot_open_a_session_any_more_is_not_sent() {
    TestDatabase::on_both(|database| {
        let deployment = assessed(database);
        let ada = deployment.enrol("ada");
        let node = deployment.node();
        at_home(&node);
        deployment.pass(DAY);
        let store = deployment.database.store();
        let ends = [
            "UPDATE accounts SET is_blocked = true",
            "UPDATE accounts SET is_active = false",
            "UPDATE accounts SET mfa_enabled = true",
        ];
        let undo = "UPDATE accounts SET is_blocked = false, is_active = true, mfa_enabled = false";
        for end in ends {
            challenge_from(&node, ABROAD);
            store.execute(end).unwrap();
            assert_eq!(sent(&deployment), 0, "{end}");
            store.execute(undo).unwrap();
        }
        challenge_from(&node, ABROAD);
        let session = node.sign_in.sign_in(&from(HOME, by_name("ada"))).unwrap().tokens.session.id;
        let request = change(&ada, session, samples::PASSWORD, NEW);
        node.password_change.change(&request).unwrap();
        assert_eq!(sent(&deployment), 0, "it was for the former password");
    });
}
