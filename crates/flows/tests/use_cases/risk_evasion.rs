//! What must not lower the risk of a sign-in: time, haste, a retry, and a session that was disavowed.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;

use portcullis_audit::Origin;
use portcullis_domain::{ExposeSecret, NetworkPrefix, SecretString};
use portcullis_flows::effects::Effects;
use portcullis_flows::identity::password_reset::PasswordResetRequest;
use portcullis_flows::sign_in::{
    BrowserCookies, ChallengeAnswer, ChallengeError, IssuedChallenge, PasskeySignInRequest,
    SignInResult, SignInStore, SignedIn,
};
use portcullis_mfa::passkey::AssertionResponse;
use portcullis_password::PoolSettings;
use portcullis_testkit::{SoftAlgorithm, SoftAuthenticator, TestDatabase, samples};
use portcullis_token::{Digest, OpaqueSecret};
use serde_json::Value;

use crate::deployment::{
    DAY, Deployment, MINUTE, Node, SECOND, by_name, guess, pool, refreshing, refreshing_next,
    typing,
};
use crate::factor_use_cases::ORIGIN;
use crate::factors::answer;
use crate::passkey::{is_refused, json, registered, started};
use crate::password_change::NEW;
use crate::sign_in_risk::{
    ABROAD, CODE, HOME, assessed, at_home, challenge_from, from, refusing, settled, settled_in,
};

#[test]
fn an_account_whose_sign_ins_are_no_longer_stored_is_not_taken_for_a_new_one() {
    TestDatabase::on_both(|database| {
        let (deployment, node) = settled(database);
        deployment.database.store().execute("DELETE FROM refresh_tokens").unwrap();
        deployment.database.store().execute("DELETE FROM sessions").unwrap();
        challenge_from(&node, HOME);
        let told = deployment.details("sign_in_assessed");
        assert!(told[1].contains(r#""score":45"#), "{told:?}");
    });
}

#[test]
fn failures_during_the_wait_for_a_hashing_thread_count() {
    let deployment = assessed(TestDatabase::sqlite());
    deployment.enrol("ada");
    let store = Arc::new(deployment.database.store().clone());
    let node = deployment.node_over(store.clone(), PoolSettings { threads: 1, ..pool() });
    at_home(&node);
    deployment.pass(DAY);
    let ((is_busy, busy), (release, released)) = (channel(), channel::<()>());
    let result = thread::scope(|scope| {
        let job = move || {
            is_busy.send(()).unwrap();
            released.recv().unwrap();
        };
        let hashing = &node.hashing;
        scope.spawn(move || hashing.run(IpAddr::from(ABROAD), move |_, _| job()));
        busy.recv().unwrap();
        let waiting =
            scope.spawn(|| node.sign_in.sign_in_whatever(&from(HOME, by_name("ada"))).unwrap());
        while node.hashing.waiting() == 0 {
            thread::yield_now();
        }
        let network = Some(NetworkPrefix::of(IpAddr::from(HOME)));
        for name in 0..35_u8 {
            let counter = Digest::of(&format!("person{name}")).into();
            store.refuse(&counter, &deployment.lockout, network, &|_| Effects::default()).unwrap();
        }
        release.send(()).unwrap();
        waiting.join().unwrap()
    });
    assert!(matches!(result, SignInResult::ChallengeIssued(_)), "{result:?}");
}

#[test]
fn the_right_password_again_lowers_no_score() {
    TestDatabase::on_both(|database| {
        let (deployment, node) = settled(database);
        (0..4).for_each(|_| drop(node.sign_in.sign_in(&from(ABROAD, guess("ada"))).unwrap_err()));
        (0..3).for_each(|_| drop(challenge_from(&node, ABROAD)));
        let told = deployment.details("sign_in_assessed");
        let counted = told[1..].iter().filter(|text| text.contains(r#""account_failures":4"#));
        assert_eq!(counted.count(), 3, "{told:?}");
        // The code completes the sign-in in spite of them.
        deployment.deliver();
        let issued = challenge_from(&node, ABROAD);
        let code = deployment.link(CODE);
        node.factors.second_factor.answer(&answer(&issued, code.expose_secret())).unwrap();
        assert_eq!(deployment.count("sign_in_failures"), 0, "a complete sign-in forgets them");
    });
}

#[test]
fn a_network_is_known_after_a_hundred_sign_ins_from_another_one() {
    let (deployment, node) = settled(TestDatabase::sqlite());
    sign_in_abroad(&deployment, &node);
    for _ in 0..100 {
        deployment.pass(SECOND);
        node.sign_in.sign_in(&from(ABROAD, by_name("ada"))).unwrap();
    }
    node.sign_in.sign_in(&from(HOME, by_name("ada"))).unwrap();
}

/// A series of failures, each less than an hour after the one before, must not keep the first one counted.
#[test]
fn a_failure_of_a_network_counts_for_an_hour_whatever_follows_it() {
    TestDatabase::on_both(|database| {
        let (deployment, node) = settled(database);
        let store = deployment.database.store();
        let network = Some(NetworkPrefix::of(IpAddr::from(ABROAD)));
        let counter = Digest::of("somebody").into();
        for _ in 0..40 {
            store.refuse(&counter, &deployment.lockout, network, &|_| Effects::default()).unwrap();
            store.execute("DELETE FROM sign_in_failures").unwrap();
            deployment.pass(25 * MINUTE);
        }
        challenge_from(&node, ABROAD);
        let told = deployment.details("sign_in_assessed").pop().unwrap();
        let facts = &serde_json::from_str::<Value>(&told).unwrap()["facts"];
        assert_eq!((&facts["network_failures"], &facts["network_names"]), (&2.into(), &1.into()));
    });
}

fn answer_from(
    node: &Node,
    address: [u8; 4],
    issued: &IssuedChallenge,
    code: &SecretString,
) -> Result<SignedIn, ChallengeError> {
    let origin = Origin { address: IpAddr::from(address), ..samples::origin() };
    let answer = ChallengeAnswer { origin, ..answer(issued, code.expose_secret()) };
    node.factors.second_factor.answer(&answer)
}

#[test]
fn a_second_step_from_another_network_is_assessed_again() {
    const LISTED: [u8; 4] = ABROAD;
    const TRAIN: [u8; 4] = [203, 0, 113, 9];
    const HOTEL: [u8; 4] = [192, 0, 3, 7];
    TestDatabase::on_both(|database| {
        let (deployment, node) = settled_in(refusing(database));
        let outcomes = || deployment.outcomes("sign_in_assessed");
        let (issued, code) = (challenge_from(&node, TRAIN), deployment.link(CODE));
        assert_eq!(outcomes(), ["challenged 1", "success 1"]);
        let refused = answer_from(&node, LISTED, &issued, &code);
        assert!(matches!(refused, Err(ChallengeError::WrongCode)), "{refused:?}");
        assert_eq!(outcomes(), ["challenged 1", "success 1", "too_risky 1"]);
        let told: Vec<_> = deployment.deliver().iter().map(|it| it.mail.kind()).collect();
        assert_eq!(told, ["sign_in_refused"]);
        let spent = answer_from(&node, TRAIN, &issued, &code);
        assert!(matches!(spent, Err(ChallengeError::WrongCode)), "{spent:?}");

        let (issued, code) = (challenge_from(&node, TRAIN), deployment.link(CODE));
        answer_from(&node, HOTEL, &issued, &code).unwrap();
        assert_eq!(
            outcomes(),
            ["challenged 3", "success 1", "too_risky 1"],
            "two steps, two networks"
        );
        let (issued, code) = (challenge_from(&node, TRAIN), deployment.link(CODE));
        answer_from(&node, [203, 0, 113, 200], &issued, &code).unwrap();
        assert_eq!(outcomes(), ["challenged 4", "success 1", "too_risky 1"], "a neighbour");
    });
}

/// Signs in from a new network with the mailed code.
fn sign_in_abroad(deployment: &Deployment, node: &Node) -> SignedIn {
    let issued = challenge_from(node, ABROAD);
    answer_from(node, ABROAD, &issued, &deployment.link(CODE)).unwrap()
}

#[test]
fn a_network_of_a_disavowed_session_is_unknown_again() {
    TestDatabase::on_both(|database| {
        let (deployment, node) = settled(database);
        sign_in_abroad(&deployment, &node);
        node.disavowals.disavow(&deployment.link("new_device"), &samples::origin()).unwrap();
        let (token, new) = (deployment.link("reset_password"), SecretString::from(NEW));
        node.resets.reset(&PasswordResetRequest { token, new, origin: samples::origin() }).unwrap();
        for network in [ABROAD, HOME] {
            let request = from(network, typing("ada", NEW));
            let result = node.sign_in.sign_in_whatever(&request).unwrap();
            assert!(matches!(result, SignInResult::ChallengeIssued(_)), "{result:?}");
        }
    });
}

#[test]
fn the_networks_of_sessions_that_a_reused_refresh_token_ends_are_unknown_again() {
    TestDatabase::on_both(|database| {
        let (deployment, node) = settled(database);
        let stolen = sign_in_abroad(&deployment, &node);
        let refreshed = node.refresh.refresh(&refreshing(&stolen)).unwrap();
        node.refresh.refresh(&refreshing_next(&stolen, &refreshed)).unwrap();
        node.refresh.refresh(&refreshing(&stolen)).unwrap_err();
        assert!(node.refuses(stolen.tokens.session.id));
        // The reuse ends every session: the server cannot know which one is that of the thief.
        for network in [ABROAD, HOME] {
            challenge_from(&node, network);
        }
    });
}

/// Otherwise everybody who knows the id of a passkey could alarm its holder.
#[test]
fn a_refused_passkey_is_told_once_and_a_forged_one_never() {
    TestDatabase::on_both(|database| {
        let deployment = refusing(database);
        deployment.enrol("ada");
        let node = deployment.node();
        let mut phone = SoftAuthenticator::new(SoftAlgorithm::Es256);
        registered(&node, "ada", &mut phone);
        deployment.pass(DAY);
        deployment.deliver();
        let told = || deployment.deliver().iter().map(|it| it.mail.kind()).collect::<Vec<_>>();
        let is_refused = |credential: &Value, binding: Option<&OpaqueSecret>| {
            is_refused(&node.factors.passkey_sign_in.sign_in(&PasskeySignInRequest {
                response: Arc::new(AssertionResponse::parse(credential).unwrap()),
                binding: binding.map(|cookie| SecretString::from(cookie.expose())),
                device_name: None,
                browser: BrowserCookies::default(),
                origin: Origin { address: IpAddr::from(ABROAD), ..samples::origin() },
            }))
        };

        let [one, two, three] = [0, 1, 2].map(|_| started(&node));
        let [mut forged, stolen, right] =
            [&one, &two, &three].map(|started| phone.get(&json(&started.options), ORIGIN));
        forged["response"]["signature"] = right["response"]["signature"].clone();
        assert!(is_refused(&forged, one.binding.as_ref()));
        assert!(is_refused(&stolen, None), "another browser");
        assert_eq!(told(), [""; 0]);
        assert_eq!(deployment.outcomes("sign_in_assessed"), ["success 1"]);

        assert!(is_refused(&right, three.binding.as_ref()));
        assert_eq!(told(), ["sign_in_refused"]);
        deployment.pass(SECOND);
        assert!(is_refused(&right, three.binding.as_ref()), "the challenge is spent");
        assert_eq!(told(), [""; 0]);
        assert_eq!(deployment.outcomes("sign_in_assessed"), ["success 1", "too_risky 1"]);
    });
}

#[test]
fn a_wait_counts_a_wrong_password_as_little_as_a_right_one() {
    let deployment = assessed(TestDatabase::sqlite());
    deployment.enrol("ada");
    let node = deployment.node();
    (0..5).for_each(|_| drop(node.sign_in.sign_in(&from(HOME, guess("ada"))).unwrap_err()));
    let counted = "network_failures WHERE failures = 5";
    assert_eq!(deployment.count(counted), 1);
    node.sign_in.sign_in(&from(HOME, guess("ada"))).unwrap_err();
    node.sign_in.sign_in(&from(HOME, by_name("ada"))).unwrap_err();
    assert_eq!(deployment.count(counted), 1);
}
