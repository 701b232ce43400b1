//! The first administrator by a page.

use portcullis_flows::identity::bootstrap::BootstrapState;
use portcullis_testkit::{Answer, Browser, PASSWORD, TestDatabase, TestServer, at_once};

use crate::form::{input, location, value};

const PATH: &str = "/console/setup";

/// The setup token of another start.
pub(crate) fn token(server: &TestServer) -> String {
    let BootstrapState::Awaiting(token) = server.bootstrap(None) else { panic!("setup is open") };
    token.expose().to_owned()
}

fn set_up(browser: &mut Browser, token: &str, username: &str, password: &str) -> Answer {
    let email = format!("{username}@example.org");
    let fields =
        [("setup_token", token), ("username", username), ("email", &email), ("password", password)];
    browser.submit(PATH, &fields)
}

fn assert_closed(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert!(answer.text.contains("This server is set up"), "{}", answer.text);
    assert!(answer.text.contains("href=\"/console/sign-in\""), "{}", answer.text);
    assert!(!answer.text.contains("<form"), "{}", answer.text);
}

#[test]
fn the_token_makes_an_administrator_who_signs_in_to_the_first_steps() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut browser = Browser::of(&server);
        let sign_in = browser.get("/console/sign-in", &[]);
        assert!(sign_in.text.contains("href=\"/console/setup\""), "{}", sign_in.text);
        let page = browser.get(PATH, &[]);
        for (field, kind, autocomplete) in
            [("setup_token", "password", "off"), ("password", "password", "new-password")]
        {
            let input = input(&page, field);
            assert!(input.contains(&format!("type=\"{kind}\"")), "{input}");
            assert!(input.contains(&format!("autocomplete=\"{autocomplete}\"")), "{input}");
        }
        let token = token(&server);
        let done = set_up(&mut browser, &token, "grace", PASSWORD);
        let next = "/console/sign-in?next=%2Fconsole%2Fadmin%2Ffirst-steps&notice=set-up";
        assert_eq!(location(&done), next);
        let sign_in = browser.get(next, &[]);
        assert!(sign_in.text.contains("The administrator is ready"), "{}", sign_in.text);
        assert!(!sign_in.text.contains("href=\"/console/setup\""), "{}", sign_in.text);
        let next = value(&sign_in, "next");
        let fields = [("username", "grace"), ("password", PASSWORD), ("next", &next)];
        let signed_in = browser.submit("/console/sign-in", &fields);
        assert_eq!(location(&signed_in), "/console/admin/first-steps");
        assert_eq!(browser.get("/console/admin/first-steps", &[]).status, 200);

        assert_closed(&browser.get(PATH, &[]), 200);
        assert_closed(&set_up(&mut Browser::of(&server), &token, "mallory", PASSWORD), 401);
    });
}

#[test]
fn a_refused_form_keeps_what_was_typed_but_no_secret_and_does_not_use_the_token_up() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    let token = token(&server);
    let forged = token.to_lowercase();
    let wrong = set_up(&mut browser, &forged, "grace", PASSWORD);
    assert_eq!(wrong.status, 401, "{}", wrong.text);
    assert!(input(&wrong, "setup_token").contains("aria-invalid=\"true\""), "{}", wrong.text);
    let short = set_up(&mut browser, &token, "g", "short");
    assert_eq!(short.status, 422, "{}", short.text);
    for name in ["username", "password"] {
        assert!(input(&short, name).contains("aria-invalid=\"true\""), "{name}");
    }
    for (answer, username) in [(&wrong, "grace"), (&short, "g")] {
        assert_eq!(value(answer, "username"), username);
        assert_eq!(value(answer, "email"), format!("{username}@example.org"));
        for secret in ["setup_token", "password"] {
            assert_eq!(value(answer, secret), "", "{secret}");
        }
        for secret in [&*token, &*forged, PASSWORD] {
            assert!(!answer.text.contains(secret), "{}", answer.text);
        }
    }
    assert_eq!(set_up(&mut browser, &token, "grace", PASSWORD).status, 303);
}

#[test]
fn of_several_with_the_token_one_becomes_administrator_and_the_others_are_told() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let token = token(&server);
        let answers = at_once(4, |number| {
            set_up(&mut Browser::of(&server), &token, &format!("grace-{number}"), PASSWORD)
        });
        let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|it| it.status == 303);
        assert_eq!((made.len(), refused.len()), (1, 3));
        for answer in refused {
            assert_closed(answer, 401);
        }
        let admins = "SELECT count(*) FROM accounts WHERE role = 'admin'";
        assert_eq!(server.database().store().number(admins).expect("a number"), 1);
    });
}

#[test]
fn the_page_is_closed_when_an_administrator_comes_to_be_another_way() {
    let server = TestServer::start(TestDatabase::sqlite());
    Browser::of(&server).register("grace");
    let promote = "UPDATE accounts SET role = 'admin' WHERE username = 'grace'";
    server.database().store().execute(promote).expect("the account is there");
    let mut browser = Browser::of(&server);
    assert_closed(&browser.get(PATH, &[]), 200);
    let sign_in = browser.get("/console/sign-in", &[]);
    assert!(!sign_in.text.contains("href=\"/console/setup\""), "{}", sign_in.text);
}

#[test]
fn a_form_of_another_site_is_refused() {
    let server = TestServer::start(TestDatabase::sqlite());
    let token = token(&server);
    let body = format!("setup_token={token}&username=grace&email=g%40example.org&password=x");
    let form = ("content-type", "application/x-www-form-urlencoded");
    let headers = [form, ("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
    let answer = Browser::of(&server).send("POST", PATH, &headers, &body);
    assert_eq!(answer.status, 403, "{}", answer.text);
}
