//! Sign-out by a page.

use std::time::Duration;

use portcullis_testkit::{TestDatabase, TestServer};

use crate::form::{location, signed_in, value};

#[test]
fn a_sign_out_ends_the_session_and_deletes_its_cookies() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = signed_in(&server, "ada");
    let mut thief = browser.clone();
    let csrf = value(&browser.get("/console", &[]), "csrf_token");
    let answer = browser.submit("/console/sign-out", &[("csrf_token", &csrf)]);
    assert_eq!(location(&answer), "/console/sign-out");
    assert_eq!(browser.cookies().keys().collect::<Vec<_>>(), ["device"]);
    assert!(browser.get("/console/sign-out", &[]).text.contains("You are signed out"));
    assert_eq!(thief.get("/api/auth/me", &[]).status, 401);
    assert_eq!(location(&thief.get("/console/renew", &[])), "/console/sign-in?notice=ended");
}

#[test]
fn a_sign_out_without_its_token_is_refused() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = signed_in(&server, "ada");
    for fields in [[("csrf_token", "wrong")].as_slice(), &[]] {
        let answer = browser.submit("/console/sign-out", fields);
        assert_eq!(answer.status, 403, "{}", answer.text);
    }
    assert_eq!(browser.get("/console", &[]).status, 200);
}

#[test]
fn a_sign_out_that_may_come_from_anywhere_is_refused_and_not_told_as_done() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = signed_in(&server, "ada");
    server.clock().advance(Duration::from_secs(1_801));
    browser.cookies().remove("access_token");
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let answer = browser.send("POST", "/console/sign-out", &headers, "");
    assert_eq!(answer.status, 403, "{}", answer.text);
    assert_eq!(location(&browser.get("/console/renew", &[])), "/console");
}

#[test]
fn a_page_that_was_left_open_still_signs_out() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = signed_in(&server, "ada");
    let csrf = value(&browser.get("/console", &[]), "csrf_token");
    server.clock().advance(Duration::from_secs(1_801));
    browser.cookies().remove("access_token");
    let mut thief = browser.clone();
    let answer = browser.submit("/console/sign-out", &[("csrf_token", &csrf)]);
    assert_eq!(location(&answer), "/console/sign-out");
    assert_eq!(location(&thief.get("/console/renew", &[])), "/console/sign-in?notice=ended");
}
