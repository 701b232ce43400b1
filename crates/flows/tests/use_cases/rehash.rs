//! Rehash: a weak hash is replaced at a sign-in with its password.

use std::sync::Arc;

use portcullis_domain::SystemRandom;
use portcullis_flows::sign_in::{SignInError, SignInRequest};
use portcullis_password::{Argon2Params, Hasher, Password, PasswordHash, Scratch};
use portcullis_testkit::samples;

use crate::deployment::{Deployment, by_name, pool, typing};
use crate::intercepted_store::{Before, InterceptedStore};

/// Known answers, with their passwords: bcrypt by libxcrypt, Argon2id by its reference program.
const WEAK: [(&str, &str); 3] = [
    ("legacy user password", "$2b$10$abcdefghijklmnopqrstuuGlZIjBVZ/5XwbrVRe5KCAI.5r11/gRK"),
    ("legacy user password", "$2y$10$abcdefghijklmnopqrstuuGlZIjBVZ/5XwbrVRe5KCAI.5r11/gRK"),
    (
        "password",
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    ),
];

#[test]
fn an_imported_account_signs_in_and_its_hash_becomes_as_strong_as_new_ones() {
    for (password, weak) in WEAK {
        let deployment = Deployment::new();
        let ada = deployment.enrol_with("ada", &hash(weak));
        let node = deployment.node();
        node.sign_in.sign_in(&typing("ada", password)).unwrap();
        let renewed = deployment.hash_of(&ada);
        assert!(renewed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{weak}");
        node.sign_in.sign_in(&typing("ada", password)).unwrap();
        assert_eq!(deployment.hash_of(&ada), renewed, "and then it stays");
        assert_eq!(deployment.outcomes("sign_in"), ["success 2"]);
        assert_eq!(
            deployment.outcomes("password_rehashed"),
            ["success 1"],
            "bcrypt or not: {weak}"
        );
        let details = deployment.details("password_rehashed").remove(0);
        let before = if weak.starts_with("$2") {
            r#"{"algorithm":"bcrypt","cost":10}"#
        } else {
            r#"{"algorithm":"argon2id","memory_kib":256,"iterations":2,"parallelism":1}"#
        };
        assert!(details.starts_with(&format!(r#"{{"before":{before},"after":"#)), "{details}");
    }
}

/// The configured cost was lowered: what is stored already stays as strong as it is.
#[test]
fn a_hash_that_costs_more_than_new_ones_is_kept() {
    let hasher = Hasher::new(Argon2Params::new(20_480, 3, 1).unwrap(), &SystemRandom);
    let password = Password::parse("legacy user password").unwrap();
    let strong = hasher.hash(&password, &SystemRandom, &mut Scratch::default()).unwrap();
    let deployment = Deployment::new();
    let ada = deployment.enrol_with("ada", &strong);
    deployment.node().sign_in.sign_in(&typing("ada", "legacy user password")).unwrap();
    assert_eq!(deployment.hash_of(&ada), strong.as_str());
    assert_eq!(deployment.outcomes("password_rehashed"), [""; 0]);
}

#[test]
fn a_wrong_password_renews_nothing() {
    for (_, weak) in WEAK {
        let deployment = Deployment::new();
        let ada = deployment.enrol_with("ada", &hash(weak));
        assert!(refused(&deployment, &by_name("ada")));
        assert_eq!(deployment.hash_of(&ada), weak);
    }
}

/// The hash would not be renewed for good reason, and the time for it would tell the guess right.
#[test]
fn the_right_password_during_a_wait_renews_nothing_either() {
    let (password, weak) = WEAK[2];
    let deployment = Deployment::new();
    let ada = deployment.enrol_with("ada", &hash(weak));
    (0..5).for_each(|_| assert!(refused(&deployment, &by_name("ada"))));
    assert!(refused(&deployment, &typing("ada", password)));
    assert_eq!(deployment.hash_of(&ada), weak);
}

#[test]
fn a_hash_that_is_strong_enough_is_left_alone() {
    let deployment = Deployment::new();
    let ada = deployment.enrol("ada");
    deployment.node().sign_in.sign_in(&by_name("ada")).unwrap();
    assert_eq!(deployment.hash_of(&ada), samples::password_hash().as_str());
}

#[test]
fn a_password_that_is_changed_while_the_old_one_is_checked_wins() {
    let changed = "UPDATE accounts SET password_hash = 'changed'";
    for (before, succeeds) in [(Before::SessionOpening, false), (Before::Renewing, true)] {
        let (password, weak) = WEAK[2];
        let deployment = Deployment::new();
        let ada = deployment.enrol_with("ada", &hash(weak));
        let store = deployment.database.store().clone();
        let store = InterceptedStore::new(store, before, |store| store.execute(changed).unwrap());
        let node = deployment.node_over(Arc::new(store), pool());
        let outcome = node.sign_in.sign_in(&typing("ada", password));
        assert_eq!(outcome.is_ok(), succeeds, "{before:?}: {outcome:?}");
        assert_eq!(deployment.hash_of(&ada), "changed", "{before:?}");
        let recorded = if succeeds { "success 1" } else { "superseded 1" };
        assert_eq!(deployment.outcomes("sign_in"), [recorded]);
    }
}

#[test]
fn a_hash_that_cannot_be_renewed_keeps_nobody_out() {
    let (password, weak) = WEAK[2];
    let deployment = Deployment::new();
    let ada = deployment.enrol_with("ada", &hash(weak));
    let hide = "ALTER TABLE accounts RENAME TO hidden";
    let store = deployment.database.store().clone();
    let store =
        InterceptedStore::new(store, Before::Renewing, |store| store.execute(hide).unwrap());
    let node = deployment.node_over(Arc::new(store), pool());
    node.sign_in.sign_in(&typing("ada", password)).unwrap();
    deployment.database.store().execute("ALTER TABLE hidden RENAME TO accounts").unwrap();
    assert_eq!(deployment.hash_of(&ada), weak);
}

fn hash(text: &str) -> PasswordHash {
    PasswordHash::parse(text).unwrap()
}

fn refused(deployment: &Deployment, request: &SignInRequest) -> bool {
    matches!(deployment.node().sign_in.sign_in(request), Err(SignInError::Refused))
}
