//! Resets of the password of accounts with second factors: the factors stay, and the new password alone opens
//! no session.

use portcullis_domain::Clock;
use portcullis_testkit::{
    Answer, Browser, PASSWORD, SoftAuthenticator, TestDatabase, TestServer, TestSettings,
};
use serde_json::{Value, json};

use crate::member::Member;
use crate::password_reset::{forget, reset};

const NEW: &str = "amber-walrus-paints-9-fences";

#[test]
fn an_app_and_backup_codes_outlive_a_reset_and_are_still_required() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut ada = Member::new(&server, "ada", "msa");
        let app = ada.enrol_app(&server);
        let password = json!({ "current_password": PASSWORD });
        let generated = ada.post("/api/auth/mfa/backup-codes", &password).json();
        reset_by_mail(&server);
        assert_eq!(ada.get("/api/auth/me").code(), "invalid_token", "the sessions have ended");

        let mut browser = Browser::of(&server);
        let wrong = json!({ "mfa_token": first_step(&mut browser)["mfa_token"], "code": "000000" });
        let refused = browser.post("/api/auth/login/mfa", &wrong);
        assert_eq!((refused.status, refused.code().as_str()), (401, "invalid_code"));
        for code in [generated["codes"][0].clone(), json!(app.code(server.clock().now()))] {
            let token = first_step(&mut browser)["mfa_token"].clone();
            let answer = json!({ "mfa_token": token, "code": code });
            ada.token = opened(&browser.post("/api/auth/login/mfa", &answer));
            let factors = ada.get("/api/auth/mfa").json();
            assert_eq!(factors["backup_codes_left"], 9, "of the codes from before");
            assert!(factors["totp"].is_object(), "{factors}");
        }
    });
}

#[test]
fn a_passkey_outlives_a_reset_and_is_still_required() {
    TestDatabase::on_both(|database| {
        let server = named(database);
        let mut phone = SoftAuthenticator::default();
        Member::new(&server, "ada", "msa").add_passkey(&server, &mut phone);
        reset_by_mail(&server);
        assert_passkey_signs_in(&server, &mut phone);
    });
}

#[test]
fn a_reset_gives_an_account_a_password_again_that_is_no_more_than_a_first_factor() {
    TestDatabase::on_both(|database| {
        let server = named(database);
        let with_password = || {
            let count = "SELECT count(*) FROM accounts WHERE password_hash IS NOT NULL";
            server.database().store().number(count).expect("the database answers")
        };
        let mut ada = Member::new(&server, "ada", "msa");
        let mut phone = SoftAuthenticator::default();
        ada.add_passkey(&server, &mut phone);
        let password = json!({ "current_password": PASSWORD });
        assert_eq!(ada.post("/api/auth/password/remove", &password).status, 204);
        assert_eq!(with_password(), 0);
        reset_by_mail(&server);
        assert_eq!(with_password(), 1);
        assert_passkey_signs_in(&server, &mut phone);
    });
}

fn named(database: TestDatabase) -> TestServer {
    TestServer::with(database, TestSettings { named: true, ..TestSettings::default() })
}

/// Resets the password of `ada` by the mailed link.
fn reset_by_mail(server: &TestServer) {
    server.database().mails();
    assert_eq!(forget(server, "ada@example.org").status, 202);
    let link = server.database().only_link();
    let answer = reset(server, &link, NEW);
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    let enabled = "SELECT count(*) FROM accounts WHERE mfa_enabled";
    assert_eq!(server.database().store().number(enabled).expect("the database answers"), 1);
    let former = Browser::of(server).sign_in("ada");
    assert_eq!((former.status, former.code().as_str()), (401, "invalid_credentials"));
}

/// The answer to the new password alone, which opens no session.
fn first_step(browser: &mut Browser) -> Value {
    let body = json!({ "username": "ada", "password": NEW, "delivery": "body" });
    let answer = browser.post("/api/auth/login/json", &body);
    let challenge = answer.json();
    assert_eq!((answer.status, &challenge["mfa_required"]), (200, &json!(true)));
    assert!(challenge["mfa_token"].is_string(), "{challenge}");
    for member in ["access_token", "refresh_token", "session_id", "account"] {
        assert_eq!(challenge[member], Value::Null, "{member}");
    }
    assert!(browser.cookies().is_empty(), "a client without cookies");
    challenge
}

/// The access token of a sign-in with two factors.
fn opened(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["account"]["mfa_enabled"], true);
    answer.field("access_token")
}

/// Signs in with the passkey: beside the new password, and alone.
fn assert_passkey_signs_in(server: &TestServer, phone: &mut SoftAuthenticator) {
    let mut browser = Browser::of(server);
    let challenge = first_step(&mut browser);
    let credential = phone.get(&challenge["public_key"], server.origin());
    let answer = json!({ "mfa_token": challenge["mfa_token"], "credential": credential });
    let token = opened(&browser.post("/api/auth/login/mfa", &answer));
    let factors = browser.get_as("/api/auth/mfa", &token).json();
    assert_eq!(factors["passkeys"], 1, "{factors}");

    let delivery = json!({ "delivery": "body" });
    let started = browser.post("/api/auth/login/passkey/options", &delivery).json();
    let credential = phone.get(&started["public_key"], server.origin());
    let body = json!({ "credential": credential });
    opened(&browser.post("/api/auth/login/passkey/verify", &body));
}
