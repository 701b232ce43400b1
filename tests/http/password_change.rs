//! Change of password: it requires the current one, and limits guesses.

use std::time::Duration;

use portcullis_testkit::{Answer, Browser, PASSWORD, TestDatabase, TestServer};
use serde_json::json;

use crate::registration::faults;

const NEW: &str = "amber-walrus-paints-9-fences";

#[test]
fn a_change_ends_every_other_session_and_the_old_password() {
    TestDatabase::on_both(|database| {
        let mut server = TestServer::start(database);
        let mut client = Browser::of(&server);
        client.register("ada");
        let elsewhere = client.sign_in_for_tokens("ada");
        let here = client.sign_in_for_tokens("ada").field("access_token");
        let answer = change(&server, &here, PASSWORD, NEW);
        assert_eq!(answer.status, 200);
        let fresh = answer.field("access_token");

        for _ in ["at once", "after a restart"] {
            let mut client = Browser::of(&server);
            assert_eq!(client.get_as("/api/auth/me", &fresh).status, 200);
            assert_eq!(client.get_as("/api/auth/me", &here).code(), "invalid_token");
            let other = client.get_as("/api/auth/me", &elsewhere.field("access_token"));
            assert_eq!(other.code(), "invalid_token");
            let other = client.refresh(&elsewhere.field("refresh_token"));
            assert_eq!(other.code(), "invalid_refresh_token");
            server.restart();
        }
        assert_eq!(Browser::of(&server).sign_in("ada").code(), "invalid_credentials");
        assert_eq!(Browser::of(&server).sign_in_with("ada", NEW).status, 200);
    });
}

#[test]
fn nothing_that_the_browser_had_before_goes_on_to_work_and_what_it_gets_does() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut browser = Browser::of(&server);
        browser.register("ada");
        let before = browser.sign_in("ada");
        let must_change = "UPDATE accounts SET password_must_change = true";
        server.database().store().execute(must_change).expect("the account is there");
        let mut thief = browser.clone();
        let answer = change_in(&mut browser, PASSWORD, NEW);
        assert_eq!(answer.status, 200);
        assert!(answer.json().get("access_token").is_none(), "that is in the cookie");
        assert_ne!(answer.field("session_id"), before.field("session_id"));
        assert_eq!(answer.json()["account"]["password_must_change"], false);

        assert_eq!(thief.get("/api/auth/me", &[]).code(), "invalid_token");
        let stolen = thief.refresh(&before.field("refresh_token"));
        assert_eq!(stolen.code(), "invalid_refresh_token");
        thief.cookies().clone_from(browser.cookies());
        assert_eq!(thief.refresh(&before.field("refresh_token")).code(), "invalid_refresh_token");

        let sessions = browser.get("/api/auth/sessions", &[]).json();
        assert_eq!(sessions["items"].as_array().map(Vec::len), Some(1), "{sessions}");
        assert_eq!(sessions["items"][0]["current"], true);
        assert_eq!(browser.refresh(&answer.field("refresh_token")).status, 200);
        assert_eq!(browser.sign_out("/api/auth/logout").status, 204);
    });
}

#[test]
fn a_browser_needs_its_csrf_token_for_it() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    browser.register("ada");
    browser.sign_in("ada");
    let body = json!({ "current_password": PASSWORD, "new_password": NEW });
    assert_eq!(browser.post("/api/auth/password/change", &body).code(), "csrf_failed");
    assert_eq!(change_in(&mut browser, PASSWORD, NEW).status, 200);
}

#[test]
fn what_is_wrong_with_the_new_password_is_said_of_its_field() {
    let server = TestServer::start(TestDatabase::sqlite());
    let token = access_token(&server);
    for (new, code) in [("short-7", "too_short"), (PASSWORD, "unchanged")] {
        let answer = change(&server, &token, PASSWORD, new);
        assert_eq!((answer.status, answer.code().as_str()), (422, "unacceptable_password"));
        let fault = ("new_password".to_owned(), code.to_owned());
        assert!(faults(&answer).contains(&fault), "{}", answer.text);
    }
    let answer = change(&server, &token, PASSWORD, &"a".repeat(1_025));
    assert_eq!((answer.status, answer.code().as_str()), (400, "password_too_long"));
    assert_eq!(Browser::of(&server).sign_in("ada").status, 200, "nothing has changed");
}

#[test]
fn failures_inside_a_session_make_it_wait_and_hide_the_right_password() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let token = access_token(&server);
        for _ in 0..5 {
            assert_refused(&change(&server, &token, "not-the-password", NEW));
        }
        assert_refused(&change(&server, &token, PASSWORD, NEW));
        assert_eq!(Browser::of(&server).sign_in("ada").status, 200, "strangers have their own");
        server.clock().advance(Duration::from_secs(60));
        assert_eq!(change(&server, &token, PASSWORD, NEW).status, 200);
    });
}

#[test]
fn strangers_cannot_close_it_to_an_account_that_must_change_its_password() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut browser = Browser::of(&server);
        browser.register("ada");
        let must_change = "UPDATE accounts SET password_must_change = true";
        server.database().store().execute(must_change).expect("the account is there");
        let token = browser.sign_in_for_tokens("ada").field("access_token");
        for _ in 0..10 {
            let guess = Browser::of(&server).sign_in_with("ada", "not-the-password");
            assert_eq!(guess.code(), "invalid_credentials");
        }
        assert_eq!(Browser::of(&server).sign_in("ada").code(), "invalid_credentials");
        assert_eq!(change(&server, &token, PASSWORD, NEW).status, 200);
    });
}

#[test]
fn the_browser_that_asks_stays_known_and_every_other_becomes_a_stranger() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut elsewhere = Browser::of(&server);
        elsewhere.register("ada");
        elsewhere.sign_in("ada");
        let mut browser = Browser::of(&server);
        browser.sign_in("ada");
        assert_eq!(change_in(&mut browser, PASSWORD, NEW).status, 200);
        for _ in 0..5 {
            Browser::of(&server).sign_in_with("ada", "not-the-password");
        }
        assert_eq!(elsewhere.sign_in_with("ada", NEW).code(), "invalid_credentials");
        assert_eq!(browser.sign_in_with("ada", NEW).status, 200);
    });
}

/// Without this limit a stolen session could guess the password without end.
#[test]
fn no_answer_about_the_new_password_tells_whether_the_current_one_is_right() {
    let server = TestServer::start(TestDatabase::sqlite());
    let token = access_token(&server);
    for new in ["short-7", "password1234"] {
        let right = change(&server, &token, PASSWORD, new);
        let wrong = change(&server, &token, "not-the-password", new);
        assert_eq!((right.status, faults(&right)), (wrong.status, faults(&wrong)), "{new}");
    }
    let (right, wrong) = (
        change(&server, &token, PASSWORD, PASSWORD),
        change(&server, &token, "not-the-password", "not-the-password"),
    );
    assert_eq!((right.status, faults(&right)), (wrong.status, faults(&wrong)));
}

fn access_token(server: &TestServer) -> String {
    let mut client = Browser::of(server);
    client.register("ada");
    client.sign_in_for_tokens("ada").field("access_token")
}

fn change(server: &TestServer, token: &str, current: &str, new: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
    let body = json!({ "current_password": current, "new_password": new }).to_string();
    Browser::of(server).send("POST", "/api/auth/password/change", &headers, &body)
}

/// A change in a browser, with its cookies.
fn change_in(browser: &mut Browser, current: &str, new: &str) -> Answer {
    let token = browser.csrf_token();
    let headers = [
        ("content-type", "application/json"),
        ("sec-fetch-site", "same-origin"),
        ("x-csrf-token", token.as_str()),
    ];
    let body = json!({ "current_password": current, "new_password": new }).to_string();
    browser.send("POST", "/api/auth/password/change", &headers, &body)
}

fn assert_refused(answer: &Answer) {
    assert_eq!((answer.status, answer.code().as_str()), (403, "wrong_password"));
}
