//! HS256 after a change to key pairs: the shared secret ends with the last earlier token.

use std::time::Duration;

use portcullis_flows::node::signing_key::{RetirementError, SharedKeyState};
use portcullis_testkit::{TestDatabase, at_once, samples};
use portcullis_token::{KeyPairAlgorithm, LEEWAY, TokenError};

use crate::deployment::{Deployment, SECOND};
use crate::signing_key::{self, FORMER, LIFETIME, SECRET, header, started};

/// An hour, by which clocks jump.
const JUMP: Duration = Duration::from_secs(60 * 60);

/// Runs the same test over both databases.
fn on_both(test: impl Fn(Deployment)) {
    TestDatabase::on_both(|database| test(Deployment::on(database)));
}

#[test]
fn once_key_pairs_sign_a_forged_token_is_accepted_only_while_one_from_before_can_live() {
    on_both(|deployment| {
        let forger = signing_key::node(&deployment, None, &[SECRET]);
        let node = started(&deployment, KeyPairAlgorithm::EdDsa);
        assert_eq!(deployment.outcomes("shared_secret_replaced"), ["success 1"]);
        deployment.pass(LIFETIME + LEEWAY);
        node.follow();
        let token = forger.issue();
        assert_eq!(node.verdict(&token), Ok(()), "the last moment");
        deployment.pass(SECOND);
        node.follow();
        assert_eq!(node.verdict(&token), Err(TokenError::UnknownKey));
        assert_eq!(node.verdict(&forger.issue()), Err(TokenError::UnknownKey));
        assert_eq!(deployment.outcomes("shared_secret_ended"), ["success 1"]);

        // Neither a restart nor a clock brings it back.
        let restarted = started(&deployment, KeyPairAlgorithm::EdDsa);
        assert_eq!(restarted.verdict(&forger.issue()), Err(TokenError::UnknownKey));
        deployment.back(JUMP);
        let restarted = started(&deployment, KeyPairAlgorithm::Es256);
        for node in [&node, &restarted] {
            node.follow();
            assert_eq!(node.verdict(&forger.issue()), Err(TokenError::UnknownKey));
        }
        assert_eq!(node.shared_state(), Some(SharedKeyState::Ended));
    });
}

#[test]
fn the_moment_of_the_switch_is_that_of_the_first_node_and_no_restart_moves_it() {
    on_both(|deployment| {
        let forger = signing_key::node(&deployment, None, &[SECRET]);
        let nodes = at_once(4, |_| started(&deployment, KeyPairAlgorithm::EdDsa));
        assert_eq!(
            deployment.outcomes("shared_secret_replaced"),
            ["success 1"],
            "of nodes at once"
        );
        let until = nodes[0].shared_state();
        deployment.pass(LIFETIME / 2);
        let late = started(&deployment, KeyPairAlgorithm::EdDsa);
        assert_eq!(late.shared_state(), until);
        deployment.pass(LIFETIME / 2 + LEEWAY + SECOND);
        for node in nodes.iter().chain([&late]) {
            node.follow();
            assert_eq!(node.verdict(&forger.issue()), Err(TokenError::UnknownKey));
        }
    });
}

#[test]
fn an_installation_that_never_signed_with_hs256_never_accepts_it() {
    let (deployment, elsewhere) = (Deployment::new(), Deployment::new());
    let node = started(&deployment, KeyPairAlgorithm::EdDsa);
    let forger = signing_key::node(&elsewhere, None, &[SECRET]);
    assert_eq!(node.verdict(&forger.issue()), Err(TokenError::UnknownKey));
    assert_eq!(deployment.count("shared_keys"), 0);
}

#[test]
fn a_switch_under_a_clock_that_was_ahead_ends_with_the_right_time() {
    on_both(|deployment| {
        let forger = signing_key::node(&deployment, None, &[SECRET]);
        deployment.pass(JUMP);
        drop(started(&deployment, KeyPairAlgorithm::EdDsa));
        deployment.back(JUMP);
        let node = started(&deployment, KeyPairAlgorithm::EdDsa);
        deployment.pass(LIFETIME + LEEWAY + SECOND);
        node.follow();
        assert_eq!(node.verdict(&forger.issue()), Err(TokenError::UnknownKey));
    });
}

#[test]
fn the_end_of_the_shared_secret_comes_although_the_database_is_away() {
    let (database, switch) = TestDatabase::postgres_with_switch();
    let deployment = Deployment::on(database);
    let forger = signing_key::node(&deployment, None, &[SECRET]);
    let node = started(&deployment, KeyPairAlgorithm::EdDsa);
    switch.off();
    deployment.pass(LIFETIME + LEEWAY);
    assert!(node.ring.follow(&samples::operator()).is_err());
    assert_eq!(node.verdict(&forger.issue()), Ok(()));
    deployment.pass(SECOND);
    assert!(node.ring.follow(&samples::operator()).is_err());
    assert_eq!(node.verdict(&forger.issue()), Err(TokenError::UnknownKey));
    assert_eq!(node.verdict(&node.issue()), Ok(()));
    switch.on();
}

#[test]
fn a_record_of_the_switch_that_is_removed_or_put_back_opens_nothing() {
    let deployment = Deployment::new();
    let forger = signing_key::node(&deployment, None, &[SECRET]);
    let store = deployment.database.store();
    store.execute("CREATE TABLE kept AS SELECT * FROM shared_keys").unwrap();
    let node = started(&deployment, KeyPairAlgorithm::EdDsa);
    let put_back = "DELETE FROM shared_keys; INSERT INTO shared_keys SELECT * FROM kept";
    for tampering in [put_back, "DELETE FROM shared_keys", "UPDATE shared_keys SET sealed = x'00'"]
    {
        store.execute(tampering).unwrap();
        deployment.pass(SECOND);
        node.follow();
        let restarted = started(&deployment, KeyPairAlgorithm::EdDsa);
        for node in [&node, &restarted] {
            assert_eq!(node.verdict(&forger.issue()), Err(TokenError::UnknownKey), "{tampering}");
        }
    }
    // Without the events of the audit log only a node that runs can tell; the audit log then shows the cut.
    store.execute("DELETE FROM security_events WHERE kind LIKE 'shared_secret%'").unwrap();
    store.execute(put_back).unwrap();
    node.follow();
    assert_eq!(node.verdict(&forger.issue()), Err(TokenError::UnknownKey));
}

#[test]
fn who_goes_back_to_hs256_says_so_and_the_next_switch_counts_anew() {
    on_both(|deployment| {
        let start_hs256 = || signing_key::node(&deployment, None, &[SECRET]);
        drop(start_hs256());
        drop(started(&deployment, KeyPairAlgorithm::EdDsa));
        deployment.pass(JUMP);
        let pairs = started(&deployment, KeyPairAlgorithm::EdDsa);
        let back = start_hs256();
        assert_eq!(back.verdict(&back.issue()), Ok(()));
        assert_eq!(deployment.outcomes("shared_secret_restored"), ["success 1"]);
        pairs.follow();
        assert_eq!(pairs.verdict(&back.issue()), Ok(()), "until this node is started anew");
        deployment.pass(LIFETIME + LEEWAY + SECOND);
        back.follow();
        pairs.follow();
        assert_eq!(back.verdict(&back.issue()), Ok(()), "what it signs it accepts");
        assert_eq!(pairs.verdict(&back.issue()), Err(TokenError::UnknownKey));
    });
}

#[test]
fn access_tokens_under_a_previous_secret_end_with_the_last_one_from_before() {
    on_both(|deployment| {
        let before = signing_key::node(&deployment, None, &[FORMER]);
        for algorithm in [None, Some(KeyPairAlgorithm::EdDsa)] {
            let change = signing_key::node(&deployment, algorithm, &[SECRET, FORMER]);
            assert_eq!(change.verdict(&before.issue()), Ok(()));
        }
        let change = signing_key::node(&deployment, None, &[SECRET, FORMER]);
        deployment.pass(LIFETIME + LEEWAY + SECOND);
        change.follow();
        assert_eq!(change.verdict(&before.issue()), Err(TokenError::UnknownKey));
        assert_eq!(change.verdict(&change.issue()), Ok(()));
    });
}

#[test]
fn a_shared_secret_that_leaked_is_ended_at_once_when_nothing_signs_with_it() {
    let deployment = Deployment::new();
    let forger = signing_key::node(&deployment, None, &[SECRET]);
    let kid = header(&forger.issue())["kid"].as_str().unwrap().to_owned();
    let retire = || forger.keys.retire(&kid, &samples::operator());
    assert!(matches!(retire(), Err(RetirementError::Signing)));
    let node = started(&deployment, KeyPairAlgorithm::EdDsa);
    assert_eq!(node.verdict(&forger.issue()), Ok(()));
    retire().unwrap();
    node.follow();
    assert_eq!(node.verdict(&forger.issue()), Err(TokenError::UnknownKey));
    assert!(matches!(retire(), Err(RetirementError::Retired)));
    assert_eq!(deployment.outcomes("shared_secret_ended"), ["success 1"]);
}
