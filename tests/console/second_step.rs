//! The second step of a sign-in by pages: a code of the app, and a mailed code.

use std::time::Duration;

use portcullis_domain::Clock;
use portcullis_flows::sign_in::risk::RiskPolicy;
use portcullis_testkit::{
    Answer, AuthenticatorApp, Browser, PASSWORD, TestDatabase, TestServer, TestSettings,
};
use serde_json::json;

use crate::form::{location, sign_in, value};

/// Enrols an app for the account of this browser.
pub(crate) fn enrol_app(server: &TestServer, browser: &mut Browser) -> AuthenticatorApp {
    let csrf = browser.csrf_token();
    let origin = server.origin().to_owned();
    let headers = [
        ("content-type", "application/json"),
        ("x-csrf-token", csrf.as_str()),
        ("origin", origin.as_str()),
    ];
    let body = json!({ "current_password": PASSWORD }).to_string();
    let started = browser.send("POST", "/api/auth/mfa/totp/enrol", &headers, &body);
    let app = AuthenticatorApp::of(&started.field("secret"));
    let body = json!({ "code": app.code(server.clock().now()) }).to_string();
    let confirmed = browser.send("POST", "/api/auth/mfa/totp/confirm", &headers, &body);
    assert_eq!(confirmed.status, 200, "{}", confirmed.text);
    server.clock().advance(Duration::from_secs(60));
    app
}

/// Sends the form of the second step with this code.
pub(crate) fn answer(browser: &mut Browser, asked: &Answer, code: &str) -> Answer {
    let [token, mailed, next] = ["mfa_token", "is_mailed", "next"].map(|name| value(asked, name));
    let fields =
        [("mfa_token", &*token), ("is_mailed", &*mailed), ("next", &*next), ("code", code)];
    browser.submit("/console/sign-in/code", &fields)
}

#[test]
fn an_app_is_asked_for_and_a_wrong_code_asks_again() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut browser = Browser::of(&server);
        browser.register("ada");
        browser.sign_in("ada");
        let app = enrol_app(&server, &mut browser);

        let mut browser = Browser::of(&server);
        let fields = [("username", "ada"), ("password", PASSWORD), ("next", "/console/factors")];
        let asked = browser.submit("/console/sign-in", &fields);
        assert_eq!(asked.status, 200, "{}", asked.text);
        assert_eq!(browser.cookies().keys().collect::<Vec<_>>(), ["mfa_binding"]);
        let wrong = answer(&mut browser, &asked, "000000");
        assert_eq!(wrong.status, 401);
        assert!(wrong.text.contains("id=\"code-fault\""), "{}", wrong.text);
        assert!(!wrong.text.contains("000000"), "a code is not repeated");
        let code = app.code(server.clock().now());
        let elsewhere = answer(&mut Browser::of(&server), &wrong, &code);
        assert_eq!(elsewhere.status, 401, "in another browser the step is over");
        assert!(elsewhere.text.contains("The second step has expired"), "{}", elsewhere.text);
        assert!(elsewhere.text.contains("name=\"password\""), "it begins again");
        let signed_in = answer(&mut browser, &wrong, &code);
        assert_eq!(location(&signed_in), "/console/factors");
        assert!(!browser.cookies().contains_key("mfa_binding"), "it has served");
        assert_eq!(browser.get("/console", &[]).status, 200);
    });
}

#[test]
fn an_unusual_sign_in_asks_for_the_code_of_a_mail() {
    let trusted_proxies = vec!["127.0.0.1/32".to_owned()];
    let risk = Some(RiskPolicy::default());
    let settings = TestSettings { risk, trusted_proxies, ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let mut known = Browser::of(&server);
    known.register("ada");
    sign_in(&mut known, "ada");
    server.clock().advance(Duration::from_secs(86_400));
    let mut new = Browser::of(&server);
    let form = "application/x-www-form-urlencoded";
    let headers = [("content-type", form), ("x-forwarded-for", "198.51.100.7")];
    let body = format!("username=ada&password={PASSWORD}&next=");
    let asked = new.send("POST", "/console/sign-in", &headers, &body);
    assert!(asked.text.contains("Check your mail"), "{}", asked.text);
    let mails = server.database().mails();
    let mail = mails.iter().find(|mail| mail.mail.kind() == "sign_in_code").expect("a mail");
    let wrong = answer(&mut new, &asked, "0000-0000-0000-0000");
    assert!(wrong.text.contains("Check your mail"), "it still is a code of a mail");
    let code = mail.token.as_deref().expect("a code");
    assert_eq!(location(&answer(&mut new, &wrong, code)), "/console");
}

#[test]
fn the_second_step_has_no_page_without_the_first() {
    let server = TestServer::start(TestDatabase::sqlite());
    let answer = Browser::of(&server).get("/console/sign-in/code", &[]);
    assert_eq!(location(&answer), "/console/sign-in");
}

#[test]
fn a_challenge_of_a_program_opens_no_session_by_a_page() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    browser.register("ada");
    browser.sign_in("ada");
    let app = enrol_app(&server, &mut browser);
    let issued = Browser::of(&server).sign_in_for_tokens("ada");
    let code = app.code(server.clock().now());
    let token = issued.field("mfa_token");
    let fields = [("mfa_token", &*token), ("code", &*code)];
    let refused = Browser::of(&server).submit("/console/sign-in/code", &fields);
    assert_eq!(refused.status, 401, "{}", refused.text);
    // The code is not spent.
    let answer = json!({ "mfa_token": token, "code": code });
    assert_eq!(Browser::of(&server).post("/api/auth/login/mfa", &answer).status, 200);
}
