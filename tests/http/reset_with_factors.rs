//! A reset of the password of an account with second factors: they stay, and every sign-in needs one.

use portcullis_domain::Clock;
use portcullis_testkit::{
    Answer, Browser, PASSWORD, SoftAuthenticator, TestDatabase, TestServer, TestSettings,
};
use serde_json::{Value, json};

use crate::mailbox::Mailbox;
use crate::member::Member;
use crate::password_reset::{SUBJECT, forget, reset};

const NEW: &str = "amber-walrus-paints-9-fences";

fn start(database: TestDatabase) -> TestServer {
    TestServer::with(database, TestSettings { named: true, ..TestSettings::default() })
}

/// Resets the password by the mailed link.
fn reset_by_mail(server: &TestServer, mailbox: &Mailbox) {
    assert_eq!(forget(server, "ada@example.org").status, 202);
    let token = mailbox.token(server.database(), SUBJECT);
    assert_eq!(reset(server, &token, NEW).status, 204);
}

/// The first step of a sign-in with the new password, which opens nothing alone.
fn first_step(browser: &mut Browser) -> Answer {
    let first = browser.sign_in_with("ada", NEW);
    assert_eq!((first.status, first.json()["mfa_required"] == true), (200, true), "{}", first.text);
    assert!(!first.text.contains("access_token") && !first.text.contains("refresh_token"));
    first
}

fn second_step(browser: &mut Browser, code: &Value) -> Answer {
    let token = first_step(browser).field("mfa_token");
    browser.post("/api/auth/login/mfa", &json!({ "mfa_token": token, "code": code }))
}

#[test]
fn after_a_reset_the_app_and_the_backup_codes_are_still_required_and_work() {
    TestDatabase::on_both(|database| {
        let server = start(database);
        let mailbox = Mailbox::new();
        let mut ada = Member::new(&server, "ada", "msa");
        let app = ada.enrol_app(&server);
        let password = json!({ "current_password": PASSWORD });
        let codes = ada.post("/api/auth/mfa/backup-codes", &password).json()["codes"].clone();
        mailbox.collect(server.database());
        reset_by_mail(&server, &mailbox);

        let mut browser = Browser::of(&server);
        let signed_in = second_step(&mut browser, &codes[0]);
        assert_eq!(signed_in.status, 200, "{}", signed_in.text);
        assert_eq!(signed_in.json()["account"]["mfa_enabled"], true);
        assert_eq!(second_step(&mut browser, &codes[0]).code(), "invalid_code", "used");
        let code = app.code(server.clock().now()).into();
        assert_eq!(second_step(&mut browser, &code).status, 200);
    });
}

#[test]
fn after_a_reset_the_passkey_is_still_required_and_works() {
    TestDatabase::on_both(|database| {
        let server = start(database);
        let mailbox = Mailbox::new();
        let mut ada = Member::new(&server, "ada", "msa");
        let mut phone = SoftAuthenticator::default();
        ada.add_passkey(&server, &mut phone);
        mailbox.collect(server.database());
        reset_by_mail(&server, &mailbox);

        let mut browser = Browser::of(&server);
        let first = first_step(&mut browser).json();
        let credential = phone.get(&first["public_key"], server.origin());
        let answer = json!({ "mfa_token": first["mfa_token"], "credential": credential });
        let signed_in = browser.post("/api/auth/login/mfa", &answer);
        assert_eq!(signed_in.status, 200, "{}", signed_in.text);
        assert_eq!(signed_in.json()["account"]["mfa_enabled"], true);
    });
}
