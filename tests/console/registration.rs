//! Registration by a page.

use portcullis_flows::identity::account_request::RegistrationMode;
use portcullis_flows::identity::registration::RegistrationAnswer;
use portcullis_testkit::{Answer, Browser, PASSWORD, TestDatabase, TestServer, TestSettings};

use crate::form::{input, location, sign_in, value};

fn register(browser: &mut Browser, username: &str, email: &str, password: &str) -> Answer {
    let fields = [
        ("username", username),
        ("email", email),
        ("display_name", "Ada L."),
        ("password", password),
    ];
    browser.submit("/console/register", &fields)
}

#[test]
fn an_account_is_created_and_can_sign_in() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    assert!(browser.get("/console/sign-in", &[]).text.contains("href=\"/console/register\""));
    let page = browser.get("/console/register", &[]);
    assert!(input(&page, "password").contains("autocomplete=\"new-password\""));
    let answer = register(&mut browser, "ada", "ada@example.org", PASSWORD);
    assert_eq!(location(&answer), "/console/sign-in?notice=registered");
    let page = browser.get("/console/sign-in?notice=registered", &[]);
    assert!(page.text.contains("Your account is ready"), "{}", page.text);
    assert_eq!(location(&sign_in(&mut browser, "ada")), "/console");
    assert!(browser.get("/console", &[]).text.contains("Ada L."));
}

#[test]
fn each_fault_is_beside_its_field_and_what_was_typed_stays() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    let answer = register(&mut browser, "a b", "nowhere", "short");
    assert_eq!(answer.status, 422, "{}", answer.text);
    for name in ["username", "email", "password"] {
        assert!(answer.text.contains(&format!("href=\"#{name}\"")), "{name}");
        assert!(input(&answer, name).contains("aria-invalid=\"true\""), "{name}");
        let described = format!("{name}-fault\"");
        assert!(input(&answer, name).contains(&described), "{}", input(&answer, name));
    }
    assert_eq!(value(&answer, "username"), "a b");
    assert_eq!(value(&answer, "email"), "nowhere");
    assert_eq!(value(&answer, "display_name"), "Ada L.");
    assert_eq!(value(&answer, "password"), "");
}

#[test]
fn a_taken_name_is_said_where_the_operator_allows_that() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    register(&mut browser, "ada", "ada@example.org", PASSWORD);
    let answer = register(&mut browser, "ada", "bob@example.org", PASSWORD);
    assert_eq!(answer.status, 409);
    assert!(input(&answer, "username").contains("aria-invalid"), "{}", answer.text);
}

#[test]
fn a_taken_address_gets_the_same_answer_where_links_create_accounts() {
    let settings = TestSettings {
        registration_answer: RegistrationAnswer::Verified,
        ..TestSettings::default()
    };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let mut browser = Browser::of(&server);
    for username in ["ada", "bob"] {
        let answer = register(&mut browser, username, "ada@example.org", PASSWORD);
        assert_eq!(location(&answer), "/console/check-mail");
    }
    assert!(browser.get("/console/check-mail", &[]).text.contains("Check your mail"));
}

#[test]
fn where_registration_is_closed_there_is_no_form_without_an_invitation() {
    let settings =
        TestSettings { registration: RegistrationMode::Invite, ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let mut browser = Browser::of(&server);
    assert!(!browser.get("/console/sign-in", &[]).text.contains("/console/register"));
    let refused = browser.get("/console/register", &[]);
    assert_eq!(refused.status, 403);
    assert!(refused.text.contains("Ask an administrator for an invitation."), "{}", refused.text);
    let invited = browser.get("/console/register?token=abc", &[]);
    assert_eq!(value(&invited, "invitation"), "abc");
    assert!(!invited.text.contains("name=\"email\""), "the invitation names the address");
    let fields = [("username", "ada"), ("password", PASSWORD), ("invitation", "abc")];
    let answer = browser.submit("/console/register", &fields);
    assert_eq!(answer.status, 410);
    assert!(answer.text.contains("Ask for another invitation."), "{}", answer.text);
}
