//! The page on which a person asks for another email address.

use portcullis_testkit::{PASSWORD, TestDatabase, TestServer};

use crate::form::{location, signed_in, submit, value};

#[test]
fn a_new_address_is_the_one_of_the_account_after_its_link_was_followed() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = signed_in(&server, "ada");
    server.database().mails();
    let wrong = [("email", "ada@example.net"), ("current_password", "x")];
    let refused = submit(&mut browser, "/console/email", &wrong);
    assert_eq!(refused.status, 403, "{}", refused.text);
    assert_eq!(value(&refused, "email"), "ada@example.net", "what was typed stays");
    let right = [("email", "ada@example.net"), ("current_password", PASSWORD)];
    assert_eq!(location(&submit(&mut browser, "/console/email", &right)), "/console/check-mail");
    assert!(browser.get("/console", &[]).text.contains("ada@example.org"));

    let token = server.database().only_link();
    let done = browser.submit("/console/confirm-email", &[("token", &token)]);
    assert_eq!(done.status, 200, "{}", done.text);
    assert!(done.text.contains("ada@example.net"), "{}", done.text);
    let stored = server.database().store().texts("SELECT email FROM accounts").expect("a row");
    assert_eq!(stored, ["ada@example.net"]);
}

#[test]
fn an_address_that_is_none_is_told_at_its_field() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = signed_in(&server, "ada");
    let fields = [("email", "<b>nobody</b>"), ("current_password", PASSWORD)];
    let refused = submit(&mut browser, "/console/email", &fields);
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert!(refused.text.contains("id=\"email-fault\""), "{}", refused.text);
    assert!(!refused.text.contains("<b>"), "{}", refused.text);
}
