//! Reuse of a refresh token: every session of the account ends, and stays ended.

use portcullis_flows::sign_in::session_tokens::{OnReuse, SessionPolicy};
use portcullis_testkit::{Answer, Browser, TestDatabase, TestServer, TestSettings};
use serde_json::json;

#[test]
fn reuse_ends_every_session_of_the_account_for_good() {
    TestDatabase::on_both(|database| {
        let mut server = TestServer::start(database);
        let mut browser = Browser::of(&server);
        browser.register("ada");
        let old = browser.sign_in("ada").field("refresh_token");
        let elsewhere = Browser::of(&server).sign_in_for_tokens("ada");
        let next = browser.refresh(&old).field("refresh_token");
        let fresh = browser.refresh(&next).field("refresh_token");

        let reused = browser.refresh(&old);
        assert_eq!((reused.status, reused.code().as_str()), (401, "refresh_token_reused"));
        for _ in ["at once", "after a restart"] {
            let mut again = Browser::of(&server);
            again.cookies().clone_from(browser.cookies());
            assert_eq!(again.get("/api/auth/me", &[]).code(), "invalid_token");
            assert_eq!(again.refresh(&fresh).code(), "invalid_refresh_token");
            assert_eq!(again.refresh(&old).code(), "invalid_refresh_token");
            assert_ended(&server, &elsewhere);
            server.restart();
        }
        assert_eq!(alarms(&server), 1, "one alarm for one theft");
    });
}

#[test]
fn reuse_of_a_grandparent_is_reuse_even_at_once() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut browser = Browser::of(&server);
        browser.register("ada");
        let first = browser.sign_in("ada").field("refresh_token");
        let second = browser.refresh(&first).field("refresh_token");
        assert_eq!(browser.refresh(&second).status, 200);
        assert_eq!(browser.refresh(&first).code(), "refresh_token_reused");
        assert_eq!(browser.get("/api/auth/me", &[]).code(), "invalid_token");
        assert_eq!(alarms(&server), 1);
    });
}

#[test]
fn a_second_sign_in_of_a_browser_ends_its_first_session_so_that_its_tokens_are_no_reuse() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut browser = Browser::of(&server);
        browser.register("ada");
        let old = browser.sign_in("ada").field("refresh_token");
        assert_eq!(browser.refresh(&old).status, 200);
        let first = browser.cookies().clone();
        let new = browser.sign_in("ada").field("refresh_token");

        let mut other_tab = Browser::of(&server);
        other_tab.cookies().clone_from(&first);
        assert_eq!(other_tab.get("/api/auth/me", &[]).code(), "invalid_token");
        assert_eq!(browser.refresh(&old).code(), "invalid_refresh_token");
        assert_eq!(browser.refresh(&new).status, 200);
        assert_eq!(alarms(&server), 0);
    });
}

#[test]
fn a_rotated_token_with_the_binding_of_another_browser_is_reuse() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let (mut browser, mut thief) = (Browser::of(&server), Browser::of(&server));
        browser.register("ada");
        browser.register("mallory");
        thief.sign_in("mallory");
        let old = browser.sign_in("ada").field("refresh_token");
        assert_eq!(browser.refresh(&old).status, 200);
        assert_eq!(thief.refresh(&old).code(), "refresh_token_reused");
        assert_eq!(browser.get("/api/auth/me", &[]).code(), "invalid_token");
        assert_eq!(
            thief.get("/api/auth/me", &[]).status,
            200,
            "the thief's own account is another"
        );
    });
}

#[test]
fn reuse_by_a_client_without_cookies_ends_everything_too() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut client = Browser::of(&server);
        client.register("ada");
        let old = client.sign_in_for_tokens("ada").field("refresh_token");
        let elsewhere = client.sign_in_for_tokens("ada");
        let next = client.refresh(&old).field("refresh_token");
        let fresh = client.refresh(&next);
        assert_eq!(client.refresh(&old).code(), "refresh_token_reused");
        assert_ended(&server, &fresh);
        assert_ended(&server, &elsewhere);
    });
}

#[test]
fn where_it_is_so_configured_reuse_ends_this_session_only() {
    let sessions = SessionPolicy { on_reuse: OnReuse::EndThisSession, ..SessionPolicy::default() };
    let settings = TestSettings { sessions, ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let mut client = Browser::of(&server);
    client.register("ada");
    let old = client.sign_in_for_tokens("ada").field("refresh_token");
    let elsewhere = client.sign_in_for_tokens("ada").field("access_token");
    let next = client.refresh(&old).field("refresh_token");
    let fresh = client.refresh(&next);
    assert_eq!(client.refresh(&old).code(), "refresh_token_reused");
    assert_ended(&server, &fresh);
    assert_eq!(client.get_as("/api/auth/me", &elsewhere).status, 200);
}

#[test]
fn after_an_alarm_the_owner_signs_in_again_with_the_code_of_a_mail() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut client = Browser::of(&server);
    client.register("ada");
    let old = client.sign_in_for_tokens("ada").field("refresh_token");
    let next = client.refresh(&old).field("refresh_token");
    assert_eq!(client.refresh(&next).status, 200);
    assert_eq!(client.refresh(&old).code(), "refresh_token_reused");
    server.database().mails();
    let mut step = client.sign_in_for_tokens("ada").json();
    assert_eq!((&step["mfa_required"], &step["code_mailed"]), (&json!(true), &json!(true)));
    let mails = server.database().mails();
    let code = mails.into_iter().find(|mail| mail.mail.kind() == "sign_in_code");
    step = json!({ "mfa_token": step["mfa_token"], "code": code.expect("a code").token });
    let token = client.post("/api/auth/login/mfa", &step).field("access_token");
    assert_eq!(client.get_as("/api/auth/me", &token).status, 200);
}

fn assert_ended(server: &TestServer, tokens: &Answer) {
    let mut client = Browser::of(server);
    let me = client.get_as("/api/auth/me", &tokens.field("access_token"));
    assert_eq!(me.code(), "invalid_token");
    let refresh = client.refresh(&tokens.field("refresh_token"));
    assert_eq!(refresh.code(), "invalid_refresh_token");
}

fn alarms(server: &TestServer) -> i64 {
    let store = server.database().store();
    store
        .number("SELECT count(*) FROM security_events WHERE kind = 'refresh_token_reuse'")
        .expect("the database answers")
}
