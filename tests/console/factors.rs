//! Second factors: an authenticator app, backup codes, and passkeys.

use std::time::Duration;

use portcullis_domain::Clock;
use portcullis_flows::sign_in::factor::FactorPolicy;
use portcullis_flows::sign_in::session_tokens::SessionPolicy;
use portcullis_testkit::{
    Answer, AuthenticatorApp, Browser, PASSWORD, TestDatabase, TestServer, TestSettings,
};

use crate::form::{location, sign_in, signed_in, submit, value};
use crate::second_step::answer;

const CURRENT: [(&str, &str); 1] = [("current_password", PASSWORD)];

/// The key of the app on the page that shows it, without its groups.
fn seed(shown: &Answer) -> String {
    let groups = shown.text.split_once("<p class=\"seed\">").expect("a key").1;
    let groups = groups.split_once("</p>").expect("an end").0;
    groups.split("<code>").skip(1).filter_map(|part| part.split("</code>").next()).collect()
}

/// Sets up an app by the pages.
fn set_up(server: &TestServer, browser: &mut Browser) -> AuthenticatorApp {
    let shown = submit(browser, "/console/factors/app", &CURRENT);
    assert_eq!(shown.status, 200, "{}", shown.text);
    let app = AuthenticatorApp::of(&seed(&shown));
    let code = app.code(server.clock().now());
    let done = submit(browser, "/console/factors/app/confirm", &[("code", &code)]);
    assert_eq!(location(&done), "/console/factors?notice=app");
    server.clock().advance(Duration::from_secs(60));
    app
}

fn live_sessions(server: &TestServer) -> i64 {
    let live = "SELECT count(*) FROM sessions WHERE ended_at IS NULL";
    server.database().store().number(live).expect("the database answers")
}

#[test]
fn an_app_is_confirmed_by_a_code_and_ends_every_other_session() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut browser = signed_in(&server, "ada");
        sign_in(&mut Browser::of(&server), "ada");
        let wrong = submit(&mut browser, "/console/factors/app", &[("current_password", "x")]);
        assert_eq!(wrong.status, 403, "{}", wrong.text);
        assert!(wrong.text.contains("id=\"current_password-fault\""), "{}", wrong.text);

        let shown = submit(&mut browser, "/console/factors/app", &CURRENT);
        assert!(shown.text.contains("<svg "), "{}", shown.text);
        assert!(!shown.text.contains("<?xml"), "{}", shown.text);
        let wrong = submit(&mut browser, "/console/factors/app/confirm", &[("code", "000000")]);
        assert_eq!(wrong.status, 403, "{}", wrong.text);
        assert!(!wrong.text.contains(&seed(&shown)), "the key is shown once");
        let code = AuthenticatorApp::of(&seed(&shown)).code(server.clock().now());
        let done = submit(&mut browser, "/console/factors/app/confirm", &[("code", &code)]);
        let page = browser.get(location(&done), &[]);
        assert!(page.text.contains("Your authenticator app is set up"), "{}", page.text);
        assert!(page.text.contains("not used yet"), "{}", page.text);
        assert_eq!(live_sessions(&server), 1);
        assert!(browser.cookies().contains_key("refresh_token"), "a session of pages");
    });
}

#[test]
fn a_removed_app_is_not_asked_for_any_more() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = signed_in(&server, "ada");
    set_up(&server, &mut browser);
    assert!(browser.get("/console/factors/app/remove", &[]).text.contains("class=\"danger\""));
    let wrong = submit(&mut browser, "/console/factors/app/remove", &[]);
    assert_eq!(wrong.status, 400, "{}", wrong.text);
    let removed = submit(&mut browser, "/console/factors/app/remove", &CURRENT);
    assert_eq!(location(&removed), "/console/factors?notice=removed");
    assert_eq!(location(&sign_in(&mut Browser::of(&server), "ada")), "/console");
    let again = submit(&mut browser, "/console/factors/app/remove", &CURRENT);
    assert_eq!(again.status, 409, "{}", again.text);
}

#[test]
fn backup_codes_are_shown_once_and_each_signs_in() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = signed_in(&server, "ada");
    let none = submit(&mut browser, "/console/factors/backup-codes", &CURRENT);
    assert_eq!(none.status, 409, "without a factor they are for nothing");
    set_up(&server, &mut browser);
    assert!(browser.get("/console/factors", &[]).text.contains("You have no backup codes"));
    let shown = submit(&mut browser, "/console/factors/backup-codes", &CURRENT);
    let codes: Vec<_> = shown.text.split("<code data-line>").skip(1).collect();
    assert_eq!(codes.len(), 10, "{}", shown.text);
    let code = codes[0].split('<').next().expect("a code");
    assert!(!browser.get("/console/factors", &[]).text.contains(code));

    let mut other = Browser::of(&server);
    let asked = sign_in(&mut other, "ada");
    assert_eq!(location(&answer(&mut other, &asked, code)), "/console");
    assert!(other.get("/console/factors", &[]).text.contains("9 unused codes are left"));
}

#[test]
fn an_account_that_must_have_a_factor_is_led_to_its_set_up_and_on() {
    let factors = FactorPolicy { everybody: true, ..FactorPolicy::default() };
    let sessions = SessionPolicy { factors, ..SessionPolicy::default() };
    let settings = TestSettings { sessions, ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let mut browser = Browser::of(&server);
    browser.register("ada");
    sign_in(&mut browser, "ada");
    let led = browser.get("/console/profile", &[]);
    assert_eq!(location(&led), "/console/factors?notice=required");
    let page = browser.get(location(&led), &[]);
    assert!(page.text.contains("must have a second factor"), "{}", page.text);
    set_up(&server, &mut browser);
    assert_eq!(browser.get("/console/profile", &[]).status, 200);
}

#[test]
fn a_passkey_page_needs_the_password_first_and_names_none_of_another_person() {
    let settings = TestSettings { named: true, ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let mut browser = signed_in(&server, "ada");
    let wrong = submit(&mut browser, "/console/factors/passkeys/add", &[("current_password", "x")]);
    assert_eq!(wrong.status, 403, "{}", wrong.text);
    assert!(!wrong.text.contains("data-passkey=\"create\""), "{}", wrong.text);
    let page = submit(&mut browser, "/console/factors/passkeys/add", &CURRENT);
    assert!(page.text.contains("data-passkey=\"create\""), "{}", page.text);
    assert!(page.text.contains("&#34;challenge&#34;"), "{}", page.text);
    assert!(page.text.contains("<noscript>"), "{}", page.text);
    let fields = [("name", "Phone"), ("credential", "{}")];
    let refused = submit(&mut browser, "/console/factors/passkeys/create", &fields);
    assert_eq!(refused.status, 422, "{}", refused.text);
    for path in ["019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e12", "x"] {
        let path = format!("/console/factors/passkeys/{path}");
        assert_eq!(browser.get(&path, &[]).status, 404);
        assert_eq!(submit(&mut browser, &path, &[("name", "Mine")]).status, 404);
        assert_eq!(submit(&mut browser, &format!("{path}/remove"), &CURRENT).status, 404);
    }
}

#[test]
fn a_sign_in_with_a_passkey_needs_the_cookie_of_its_challenge() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    let fields = [("credential", "{}"), ("next", "/console/profile")];
    let refused = browser.submit("/console/sign-in/passkey", &fields);
    assert_eq!(refused.status, 401, "{}", refused.text);
    assert_eq!(value(&refused, "next"), "/console/profile");
}
