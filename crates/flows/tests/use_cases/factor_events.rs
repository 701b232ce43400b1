//! Security events of second factors, on both databases: each names its factor.

use std::sync::Arc;

use portcullis_domain::{AuthenticationMethod, SecretString};
use portcullis_flows::sign_in::SignedIn;
use portcullis_flows::sign_in::factor::FactorAnswer;
use portcullis_flows::sign_in::passkey::RegisteredPasskey;
use portcullis_flows::sign_in::step_up::StepUpRequest;
use portcullis_mfa::BackupCode;
use portcullis_mfa::passkey::AssertionResponse;
use portcullis_testkit::{AuthenticatorApp, PASSWORD, SoftAuthenticator, TestDatabase, samples};

use crate::deployment::{Deployment, MINUTE, Node, by_name};
use crate::factor_use_cases::ORIGIN;
use crate::factors::{answer, change, enrolled, is_wrong, signed_in_twice};
use crate::passkey::{created, json, second_step, sign_in};

/// What ada has: an app, backup codes and a passkey, and the session that added the passkey.
struct Equipped {
    app: AuthenticatorApp,
    codes: Vec<BackupCode>,
    phone: SoftAuthenticator,
    passkey: RegisteredPasskey,
}

fn equipped(deployment: &Deployment, node: &Node) -> Equipped {
    deployment.enrol("ada");
    let (app, _) = enrolled(deployment, node, "ada");
    let signed_in = signed_in_twice(deployment, node, &app);
    let codes = node.factors.backup_codes.generate(&change(&signed_in, PASSWORD)).unwrap();
    let mut phone = SoftAuthenticator::default();
    let request = created(node, &signed_in, &mut phone);
    let passkey = node.factors.passkeys.register(&request).unwrap();
    deployment.pass(MINUTE);
    Equipped { app, codes, phone, passkey }
}

/// The outcomes and details of the recorded events of a kind, in the order of the texts.
fn told(deployment: &Deployment, kind: &str) -> Vec<String> {
    let query = format!(
        "SELECT outcome || ' ' || coalesce(details, '-') FROM security_events WHERE kind = '{kind}'"
    );
    let mut told = deployment.database.store().texts(&query).unwrap();
    told.sort();
    told
}

#[test]
fn a_sign_in_tells_its_second_factor() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let node = deployment.node();
        let Equipped { app, codes, mut phone, .. } = equipped(&deployment, &node);
        let enter = |code: &str| {
            let challenge = node.sign_in.challenge(&by_name("ada")).unwrap();
            node.factors.second_factor.answer(&answer(&challenge, code))
        };
        enter(codes[0].expose()).unwrap();
        assert!(is_wrong(&enter(codes[0].expose())));
        enter(&app.code(deployment.now())).unwrap();
        assert!(is_wrong(&enter("000000")));
        second_step(&node, &mut phone).unwrap();
        sign_in(&node, &mut phone).unwrap();
        let expected = [
            "success -",
            r#"success {"factor":"backup_codes"}"#,
            r#"success {"factor":"passkey"}"#,
            r#"success {"factor":"passkey"}"#,
            r#"success {"factor":"totp"}"#,
            r#"success {"factor":"totp"}"#,
            r#"wrong_code {"factor":"backup_codes"}"#,
            r#"wrong_code {"factor":"totp"}"#,
        ];
        assert_eq!(told(&deployment, "sign_in"), expected, "the first before there was a factor");
    });
}

#[test]
fn a_step_up_tells_its_factor() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let node = deployment.node();
        let Equipped { app, codes, mut phone, passkey } = equipped(&deployment, &node);
        let (account, session) = (passkey.tokens.account.id, passkey.tokens.session.id);
        let methods = vec![AuthenticationMethod::Password];
        let options = node.factors.passkeys.step_up(account, session, &methods).unwrap();
        let credential = phone.get(&json(&options), ORIGIN);
        let assertion = AssertionResponse::parse(&credential).unwrap();
        let typed = |code: &str| FactorAnswer::Code(SecretString::from(code));
        let answers = [
            typed(&app.code(deployment.now())),
            typed(codes[0].expose()),
            FactorAnswer::Passkey(Arc::new(assertion)),
        ];
        let has_stepped_up = |answer: &FactorAnswer| {
            let (methods, answer, origin) = (methods.clone(), answer.clone(), samples::origin());
            let request = StepUpRequest { account, session, methods, answer, origin };
            node.factors.step_up.step_up(&request).is_ok_and(|token| token.is_some())
        };
        for expected in [true, false] {
            for answer in &answers {
                assert_eq!(has_stepped_up(answer), expected, "each answer is right once");
            }
        }
        let expected = [
            r#"success {"factor":"backup_codes"}"#,
            r#"success {"factor":"passkey"}"#,
            r#"success {"factor":"totp"}"#,
            r#"wrong_code {"factor":"backup_codes"}"#,
            r#"wrong_code {"factor":"passkey"}"#,
            r#"wrong_code {"factor":"totp"}"#,
        ];
        assert_eq!(told(&deployment, "step_up"), expected);
    });
}

#[test]
fn an_added_and_a_removed_factor_are_told_to_the_log_and_to_the_owner() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let node = deployment.node();
        let Equipped { passkey, .. } = equipped(&deployment, &node);
        let id = passkey.id;
        let signed_in = SignedIn { tokens: passkey.tokens, binding: None, device_token: None };
        let wrong = change(&signed_in, "not the password");
        assert!(node.factors.backup_codes.generate(&wrong).is_err());
        let added = [
            r#"success {"factor":"backup_codes"}"#,
            r#"success {"factor":"passkey","sessions_ended":1}"#,
            r#"success {"factor":"totp","sessions_ended":0}"#,
            r#"wrong_password {"factor":"backup_codes"}"#,
        ];
        assert_eq!(told(&deployment, "factor_added"), added);
        assert_eq!(deployment.count("outbox WHERE kind = 'factor_added'"), 3);

        let mails = || deployment.count("outbox WHERE kind = 'factor_removed'");
        assert!(node.factors.passkeys.remove(id, &wrong).is_err());
        assert_eq!(mails(), 0, "nothing was removed");
        node.factors.passkeys.remove(id, &change(&signed_in, PASSWORD)).unwrap();
        assert_eq!(mails(), 1, "of the passkey");
        let named = r#"outbox WHERE kind = 'factor_removed' AND payload LIKE '%"passkey"%'"#;
        assert_eq!(deployment.count(named), 1, "the mail names it");
        node.factors.totp.remove(&change(&signed_in, PASSWORD)).unwrap();
        assert_eq!(mails(), 2, "of the app");
        let removed = [
            r#"success {"factor":"passkey"}"#,
            r#"success {"factor":"totp"}"#,
            r#"wrong_password {"factor":"passkey"}"#,
        ];
        assert_eq!(told(&deployment, "factor_removed"), removed);
    });
}
