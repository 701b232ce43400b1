//! Backup codes: each works once, and a set belongs to its account and to the secret key.

use portcullis_domain::ExposeSecret;
use portcullis_flows::sign_in::SignedIn;
use portcullis_flows::sign_in::totp::{ConfirmedTotp, FactorError};
use portcullis_mfa::BackupCode;
use portcullis_testkit::{PASSWORD, TestDatabase};

use crate::deployment::{Deployment, Node, by_name, secret_key};
use crate::factors::{answer, change, enrolled, is_wrong, signed_in_twice};

fn backup_codes_of(node: &Node, confirmed: ConfirmedTotp) -> Vec<BackupCode> {
    let signed_in = SignedIn { tokens: confirmed.tokens, binding: None, device_token: None };
    node.factors.backup_codes.generate(&change(&signed_in, PASSWORD)).unwrap()
}

#[test]
fn backup_codes_work_once_each_until_new_ones_replace_them() {
    TestDatabase::on_both(|database| {
        let mut deployment = Deployment::on(database);
        deployment.lockout.free_failures = 50;
        deployment.enrol("ada");
        let node = deployment.node();
        let first = node.sign_in.sign_in(&by_name("ada")).unwrap();
        let early = node.factors.backup_codes.generate(&change(&first, PASSWORD));
        assert!(matches!(early, Err(FactorError::NoFactor)), "they stand in for a factor");
        let (app, _) = enrolled(&deployment, &node, "ada");
        let signed_in = signed_in_twice(&deployment, &node, &app);
        let codes = node.factors.backup_codes.generate(&change(&signed_in, PASSWORD)).unwrap();
        let account = signed_in.tokens.account.id;
        assert_eq!(codes.len(), 10);
        assert_eq!(node.factors.backup_codes.factors(account).unwrap().backup_codes_left, 10);
        let enter = |code: &str| {
            let challenge = node.sign_in.challenge(&by_name("ada")).unwrap();
            node.factors.second_factor.answer(&answer(&challenge, code))
        };
        for (number, code) in codes.iter().enumerate().take(3) {
            enter(&code.to_groups().expose_secret().to_lowercase()).unwrap();
            assert!(is_wrong(&enter(code.expose())), "code {number} a second time");
        }
        assert_eq!(node.factors.backup_codes.factors(account).unwrap().backup_codes_left, 7);
        let renewed = node.factors.backup_codes.generate(&change(&signed_in, PASSWORD)).unwrap();
        assert!(is_wrong(&enter(codes[5].expose())), "a former code");
        enter(renewed[5].expose()).unwrap();
        let mails = deployment.count("outbox WHERE kind = 'factor_used'");
        assert_eq!(mails, 5, "the first use of the app, and each of a backup code");
    });
}

#[test]
fn no_row_that_somebody_else_wrote_is_a_set_of_backup_codes() {
    let of_eve = "SELECT sealed FROM backup_codes WHERE account_id = (SELECT id FROM accounts WHERE username = 'eve')";
    for forged in [of_eve, "SELECT zeroblob(1200)"] {
        let mut deployment = Deployment::new();
        deployment.lockout.free_failures = 50;
        let node = deployment.node();
        let [_, codes] = ["ada", "eve"].map(|name| {
            deployment.enrol(name);
            backup_codes_of(&node, enrolled(&deployment, &node, name).1)
        });
        let write = format!("UPDATE backup_codes SET sealed = ({forged})");
        deployment.database.store().execute(&write).unwrap();
        let challenge = node.sign_in.challenge(&by_name("ada")).unwrap();
        let entered = node.factors.second_factor.answer(&answer(&challenge, codes[0].expose()));
        assert!(is_wrong(&entered), "{forged}");
        node.factors.backup_codes.reseal().expect("a damaged set stops nothing");
    }
}

#[test]
fn a_set_of_backup_codes_survives_the_replacement_of_the_secret_key_once_it_is_sealed_again() {
    let mut deployment = Deployment::new();
    deployment.lockout.free_failures = 50;
    deployment.enrol("ada");
    let node = deployment.node();
    let codes = backup_codes_of(&node, enrolled(&deployment, &node, "ada").1);
    let enter = |deployment: &Deployment, place: usize| {
        let node = deployment.node();
        let challenge = node.sign_in.challenge(&by_name("ada")).unwrap();
        node.factors.second_factor.answer(&answer(&challenge, codes[place].expose()))
    };
    enter(&deployment, 0).unwrap();
    let former = deployment.secret.clone();
    deployment.secret = secret_key("zQ8vT3nK6bY1wM9rJ4xL7cP2sD5hG0fU");
    assert!(is_wrong(&enter(&deployment, 1)), "an unknown secret");
    deployment.previous_secret = Some(former);
    enter(&deployment, 2).unwrap();
    deployment.node().factors.backup_codes.reseal().unwrap();
    deployment.previous_secret = None;
    enter(&deployment, 3).unwrap();
    for used in [0, 2, 3] {
        assert!(is_wrong(&enter(&deployment, used)), "code {used} a second time");
    }
}
