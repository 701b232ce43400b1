//! The confirmation before an action that requires a recent second factor.

use std::time::Duration;

use portcullis_domain::Clock;
use portcullis_testkit::{Browser, PASSWORD, TestDatabase, TestServer};

use crate::form::{location, sign_in, signed_in, submit, value};
use crate::second_step::{answer, enrol_app};

#[test]
fn a_second_factor_that_is_too_old_is_asked_for_and_leads_back() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = signed_in(&server, "ada");
    let app = enrol_app(&server, &mut browser);
    assert_eq!(browser.get("/console/password", &[]).status, 200);
    server.clock().advance(Duration::from_secs(1_000));
    let confirm = location(&browser.get("/console/password", &[])).to_owned();
    assert_eq!(confirm, "/console/confirm?next=%2Fconsole%2Fpassword");
    let page = browser.get(&confirm, &[]);
    let next = value(&page, "next");
    assert_eq!(next, "/console/password");
    let wrong = [("code", "000000"), ("next", &*next)];
    assert_eq!(submit(&mut browser, "/console/confirm", &wrong).status, 403);
    let code = app.code(server.clock().now());
    let right = [("code", &*code), ("next", &*next)];
    let answer = submit(&mut browser, "/console/confirm", &right);
    assert_eq!(location(&answer), "/console/password");
    assert_eq!(browser.get("/console/password", &[]).status, 200);
    let answer = submit(&mut browser, "/console/confirm", &[("code", "1"), ("next", "//evil")]);
    assert_eq!(value(&answer, "next"), "/console");
}

#[test]
fn an_account_without_a_second_factor_signs_in_again() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = signed_in(&server, "ada");
    let to = location(&browser.get("/console/confirm?next=%2Fconsole%2Fprofile", &[])).to_owned();
    assert_eq!(to, "/console/sign-in?next=%2Fconsole%2Fprofile&notice=confirm");
    let page = browser.get(&to, &[]);
    assert!(page.text.contains("Please sign in again"), "{}", page.text);
    let fields = [("username", "ada"), ("password", PASSWORD), ("next", "/console/profile")];
    let answer = Browser::of(&server).submit("/console/sign-in", &fields);
    assert_eq!(location(&answer), "/console/profile");
}

#[test]
fn a_password_that_must_be_changed_after_a_while_leads_to_the_sign_in_and_not_in_circles() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = signed_in(&server, "ada");
    let app = enrol_app(&server, &mut browser);
    let change = "UPDATE accounts SET password_must_change = true";
    server.database().store().execute(change).expect("the account is there");
    let mut browser = Browser::of(&server);
    let asked = sign_in(&mut browser, "ada");
    assert_eq!(
        location(&answer(&mut browser, &asked, &app.code(server.clock().now()))),
        "/console"
    );
    server.clock().advance(Duration::from_secs(1_000));
    let confirm = location(&browser.get("/console/password", &[])).to_owned();
    let to = location(&browser.get(&confirm, &[])).to_owned();
    assert_eq!(to, "/console/sign-in?next=%2Fconsole%2Fpassword&notice=confirm");
}
