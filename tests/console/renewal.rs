//! The renewal of a session of pages after its access token has expired.

use std::time::Duration;

use portcullis_testkit::{Browser, TestDatabase, TestServer};

use crate::form::{location, sign_in};

fn expired(server: &TestServer) -> Browser {
    let mut browser = Browser::of(server);
    browser.register("ada");
    sign_in(&mut browser, "ada");
    server.clock().advance(Duration::from_secs(1_801));
    // As a browser does by Max-Age.
    browser.cookies().remove("access_token");
    browser
}

#[test]
fn an_expired_access_token_is_renewed_on_the_way_to_the_page() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = expired(&server);
    let to = location(&browser.get("/console", &[])).to_owned();
    assert_eq!(to, "/console/renew");
    let before = browser.cookies()["refresh_token"].clone();
    assert_eq!(location(&browser.get(&to, &[])), "/console");
    assert_ne!(browser.cookies()["refresh_token"], before);
    assert_eq!(browser.get("/console", &[]).status, 200);
}

#[test]
fn two_tabs_that_renew_at_once_stay_signed_in() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = expired(&server);
    let mut tab = browser.clone();
    assert_eq!(location(&browser.get("/console/renew", &[])), "/console");
    assert_eq!(location(&tab.get("/console/renew", &[])), "/console");
    assert_eq!(browser.cookies()["refresh_token"], tab.cookies()["refresh_token"]);
    assert_eq!(tab.get("/console", &[]).status, 200);
    assert_eq!(browser.get("/console", &[]).status, 200);
}

#[test]
fn a_used_refresh_token_ends_the_sessions_and_says_so() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = expired(&server);
    let mut thief = browser.clone();
    for _ in 0..2 {
        browser.get("/console/renew", &[]);
    }
    let answer = thief.get("/console/renew", &[]);
    assert_eq!(answer.status, 401);
    assert!(answer.text.contains("Your sessions were ended for safety"), "{}", answer.text);
    assert_eq!(browser.get("/api/auth/me", &[]).status, 401);
}

#[test]
fn a_session_that_has_ended_leads_to_the_sign_in_and_says_why() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = expired(&server);
    server.clock().advance(Duration::from_secs(40 * 86_400));
    let to = location(&browser.get("/console/renew", &[])).to_owned();
    assert_eq!(to, "/console/sign-in?notice=ended");
    assert_eq!(browser.cookies().keys().collect::<Vec<_>>(), ["device"]);
    assert!(browser.get(&to, &[]).text.contains("Your session has ended"));
}

#[test]
fn a_link_on_another_site_takes_one_more_step_because_it_brings_no_strict_cookies() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    let from_elsewhere = [("sec-fetch-site", "cross-site")];
    let answer = browser.get("/console/renew?next=%2Fconsole%2Fa", &from_elsewhere);
    assert_eq!(answer.status, 200);
    let path = "/console/renew?next=%2Fconsole%2Fa&#38;own=1";
    assert!(answer.text.contains(&format!("content=\"0; url={path}\"")), "{}", answer.text);
    let own = [("sec-fetch-site", "same-origin")];
    let answer = browser.get("/console/renew?next=%2Fconsole%2Fa&own=1", &own);
    assert_eq!(location(&answer), "/console/sign-in?next=%2Fconsole%2Fa");
}

#[test]
fn a_stolen_refresh_token_ends_the_session_and_leaves_no_cookie_of_it() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = expired(&server);
    let mut thief = browser.clone();
    for _ in 0..2 {
        assert_eq!(location(&browser.get("/console/renew", &[])), "/console");
    }
    let told = thief.get("/console/renew", &[]);
    assert_eq!(told.status, 401, "{}", told.text);
    assert!(told.text.contains("Your sessions were ended for safety"), "{}", told.text);
    assert!(told.text.contains("name=\"password\""), "it begins again");
    for name in ["access_token", "refresh_token", "refresh_binding"] {
        assert!(!thief.cookies().contains_key(name), "{name}");
    }
}
