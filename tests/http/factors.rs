//! Second factors over HTTP: enrolment, the second step of a sign-in, step-up, backup codes, reset.

use std::time::Duration;

use portcullis_domain::Clock;
use portcullis_testkit::{AuthenticatorApp, Browser, PASSWORD, TestDatabase, TestServer};
use serde_json::json;

use crate::member::Member;

const MINUTE: Duration = Duration::from_secs(60);

fn code(server: &TestServer, app: &AuthenticatorApp) -> String {
    app.code(server.clock().now())
}

#[test]
fn a_browser_enrols_an_app_and_signs_in_with_two_factors() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut browser = Browser::of(&server);
        browser.register("ada");
        browser.sign_in("ada");
        let csrf = browser.csrf_token();
        let origin = server.origin().to_owned();
        let headers = [
            ("content-type", "application/json"),
            ("x-csrf-token", csrf.as_str()),
            ("origin", origin.as_str()),
        ];
        let body = json!({ "current_password": PASSWORD }).to_string();
        let started = browser.send("POST", "/api/auth/mfa/totp/enrol", &headers, &body);
        assert_eq!(started.status, 200, "{}", started.text);
        assert!(started.field("qr_code").contains("<svg"));
        assert!(started.field("uri").starts_with("otpauth://totp/"));
        let app = AuthenticatorApp::of(&started.field("secret"));
        let body = json!({ "code": code(&server, &app) }).to_string();
        let confirmed = browser.send("POST", "/api/auth/mfa/totp/confirm", &headers, &body);
        assert_eq!(confirmed.json()["account"]["mfa_enabled"], true);
        assert_eq!(browser.get("/api/auth/me", &[]).json()["mfa_enabled"], true);

        let mut browser = Browser::of(&server);
        let challenge = browser.sign_in("ada");
        assert_eq!(challenge.json()["mfa_required"], true);
        assert_eq!(challenge.json()["expires_in"], 300);
        assert!(!challenge.text.contains("access_token"));
        assert_eq!(browser.cookies().keys().collect::<Vec<_>>(), ["mfa_binding"]);
        server.clock().advance(MINUTE);
        let token = challenge.field("mfa_token");
        let answer = json!({ "mfa_token": token, "code": code(&server, &app) });
        let foreign = Browser::of(&server).post("/api/auth/login/mfa", &answer);
        assert_eq!((foreign.status, foreign.code().as_str()), (401, "invalid_mfa_token"));
        let wrong = json!({ "mfa_token": token, "code": "000000" });
        assert_eq!(browser.post("/api/auth/login/mfa", &wrong).code(), "invalid_code");
        let signed_in = browser.post("/api/auth/login/mfa", &answer);
        assert_eq!(signed_in.status, 200, "{}", signed_in.text);
        assert!(!browser.cookies().contains_key("mfa_binding"), "it has served");
        assert_eq!(browser.get("/api/auth/me", &[]).status, 200);
        assert_eq!(browser.post("/api/auth/login/mfa", &answer).code(), "invalid_mfa_token");
    });
}

#[test]
fn a_form_gets_a_challenge_too() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut ada = Member::new(&server, "ada", "msa");
    let app = ada.enrol_app(&server);
    let mut browser = Browser::of(&server);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let body = format!("username=ada&password={PASSWORD}&delivery=body");
    let challenge = browser.send("POST", "/api/auth/login", &form, &body);
    assert!(browser.cookies().is_empty(), "a client without cookies");
    let answer = json!({
        "mfa_token": challenge.field("mfa_token"), "code": code(&server, &app)
    });
    let signed_in = browser.post("/api/auth/login/mfa", &answer);
    assert!(!signed_in.field("access_token").is_empty());
}

#[test]
fn backup_codes_are_shown_once_and_stand_in_for_the_app() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut ada = Member::new(&server, "ada", "msa");
    let password = json!({ "current_password": PASSWORD });
    assert_eq!(ada.post("/api/auth/mfa/backup-codes", &password).code(), "no_factor");
    ada.enrol_app(&server);
    let codes = ada.post("/api/auth/mfa/backup-codes", &password);
    let codes = codes.json()["codes"].clone();
    assert_eq!(codes.as_array().expect("a list").len(), 10);
    let factors = ada.get("/api/auth/mfa");
    assert_eq!(factors.json()["backup_codes_left"], 10);
    assert!(factors.json()["totp"]["last_used_at"].is_null());
    let mut browser = Browser::of(&server);
    for status in [200, 401] {
        let token = browser.sign_in_for_tokens("ada").field("mfa_token");
        let answer = json!({ "mfa_token": token, "code": codes[3] });
        assert_eq!(browser.post("/api/auth/login/mfa", &answer).status, status);
    }
    assert_eq!(ada.get("/api/auth/mfa").json()["backup_codes_left"], 9);
}

#[test]
fn a_step_up_answers_the_challenge_of_rfc_9470() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut admin = Member::new(&server, "grace", "admin");
        let app = admin.enrol_app(&server);
        server.clock().advance(15 * MINUTE);
        let activate =
            |admin: &Member| admin.post("/api/admin/matrix/activate", &json!({ "version": 1 }));
        let refused = activate(&admin);
        let challenge = refused.header("www-authenticate").expect("a challenge");
        assert!(challenge.ends_with(r#"acr_values="aal2", max_age=900"#), "{challenge}");
        let wrong = admin.post("/api/auth/mfa/step-up", &json!({ "code": "000000" }));
        assert_eq!((wrong.status, wrong.code().as_str()), (403, "wrong_code"));
        let stepped = json!({ "code": code(&server, &app) });
        let token = admin.post("/api/auth/mfa/step-up", &stepped).field("access_token");
        assert_eq!(activate(&admin).status, 401, "the former token stays as it is");
        admin.token = token;
        assert_eq!(activate(&admin).status, 200);
        assert_eq!(admin.post("/api/auth/mfa/step-up", &stepped).status, 403, "used up");
    });
}

#[test]
fn an_administrator_resets_lost_factors_but_never_their_own() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut admin = Member::new(&server, "grace", "admin");
        let mut ada = Member::new(&server, "ada", "msa");
        ada.enrol_app(&server);
        let reset = |by: &Member, of: &Member| {
            by.send("DELETE", &format!("/api/admin/users/{}/mfa", of.account), &[], "")
        };
        assert_eq!(reset(&ada, &admin).status, 403);
        assert_eq!(reset(&admin, &ada).status, 204);
        assert_eq!(ada.get("/api/auth/me").code(), "invalid_token");
        let mails = "SELECT recipient FROM outbox WHERE kind = 'factors_reset'";
        let told = server.database().store().texts(mails).expect("the database answers");
        assert_eq!(told, ["ada@example.org"]);
        let signed_in = Browser::of(&server).sign_in_for_tokens("ada");
        assert_eq!(signed_in.json()["account"]["mfa_enabled"], false);
        assert_eq!(reset(&admin, &admin).code(), "own_account", "without a factor too");
        admin.enrol_app(&server);
        assert_eq!(reset(&admin, &admin).code(), "own_account");
        let events = "SELECT outcome FROM security_events WHERE kind = 'factors_reset' ORDER BY at";
        let outcomes = server.database().store().texts(events).expect("the database answers");
        assert_eq!(outcomes, ["success", "against_rules", "against_rules"]);
    });
}
