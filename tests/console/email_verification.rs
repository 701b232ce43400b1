//! Verification of an address by the page of a mailed link.

use portcullis_flows::identity::registration::RegistrationAnswer;
use portcullis_testkit::{Browser, PASSWORD, TestDatabase, TestServer, TestSettings};

use crate::form::{location, sign_in, value};

fn server() -> TestServer {
    let settings = TestSettings {
        registration_answer: RegistrationAnswer::Verified,
        ..TestSettings::default()
    };
    TestServer::with(TestDatabase::sqlite(), settings)
}

#[test]
fn a_mailed_link_shows_a_page_that_spends_nothing_and_its_button_creates_the_account() {
    let server = server();
    let mut browser = Browser::of(&server);
    browser.register("ada");
    let token = server.database().only_link();
    for _ in 0..2 {
        let page = browser.get(&format!("/console/verify-email?token={token}&utm_source=x"), &[]);
        assert_eq!(page.status, 200);
        assert_eq!(value(&page, "token"), token);
    }
    let answer = browser.submit("/console/verify-email", &[("token", &token)]);
    assert_eq!(answer.status, 200);
    assert!(answer.text.contains("with the user name ada."), "{}", answer.text);
    assert_eq!(location(&sign_in(&mut browser, "ada")), "/console");
    let again = browser.submit("/console/verify-email", &[("token", &token)]);
    assert_eq!(again.status, 410);
    assert!(again.text.contains("Please ask for another one."), "{}", again.text);
}

#[test]
fn a_name_that_is_taken_by_now_can_be_replaced() {
    let server = server();
    let mut browser = Browser::of(&server);
    let mut links = Vec::new();
    for email in ["one@example.org", "two@example.org"] {
        let fields = [("username", "ada"), ("email", email), ("password", PASSWORD)];
        browser.submit("/console/register", &fields);
        links.push(server.database().only_link());
    }
    assert_eq!(browser.submit("/console/verify-email", &[("token", &links[0])]).status, 200);
    let asked = browser.submit("/console/verify-email", &[("token", &links[1])]);
    assert_eq!(asked.status, 409);
    let mut fields = vec![("token", &*links[1]), ("username", "a b"), ("password", PASSWORD)];
    let faulty = browser.submit("/console/verify-email", &fields);
    assert_eq!((faulty.status, value(&faulty, "username")), (422, "a b".to_owned()));
    fields[1].1 = "bob";
    let answer = browser.submit("/console/verify-email", &fields);
    assert!(answer.text.contains("with the user name bob."), "{}", answer.text);
}

#[test]
fn another_link_is_asked_for_with_the_same_answer_for_every_address() {
    let server = server();
    let mut browser = Browser::of(&server);
    browser.register("ada");
    server.database().only_link();
    for email in ["ada@example.org", "nobody@example.org", "nowhere"] {
        let answer = browser.submit("/console/verify-email/resend", &[("email", email)]);
        assert_eq!(location(&answer), "/console/check-mail");
    }
    server.database().only_link();
}

#[test]
fn a_link_without_its_secret_is_no_link() {
    let server = server();
    let long = "a".repeat(300);
    for query in ["", "?token=", &format!("?token={long}")] {
        for page in ["/console/verify-email", "/console/reset-password"] {
            assert_eq!(Browser::of(&server).get(&format!("{page}{query}"), &[]).status, 410);
        }
    }
}
