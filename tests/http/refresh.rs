//! Refresh: a token has one successor, for any number of concurrent requests.

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis_testkit::{Answer, Browser, TestDatabase, TestServer, at_once};

const CROWD: usize = 50;

#[test]
fn fifty_tabs_of_one_browser_get_the_very_same_successor() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut browser = Browser::of(&server);
        browser.register("ada");
        let refresh_token = browser.sign_in("ada").field("refresh_token");
        let answers = at_once(CROWD, |_| browser.clone().refresh(&refresh_token));

        assert!(answers.iter().all(|answer| answer.status == 200), "{:?}", statuses(&answers));
        let successors: BTreeSet<String> =
            answers.iter().map(|answer| answer.field("refresh_token")).collect();
        assert_eq!(successors.len(), 1);
        assert_one_family_line(&server, 2);
        let successor = successors.first().unwrap();
        assert_eq!(browser.refresh(successor).status, 200, "the one successor works");
        assert_one_family_line(&server, 3);
    });
}

#[test]
fn fifty_requests_of_a_client_without_cookies_get_the_very_same_successor() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut client = Browser::of(&server);
        client.register("ada");
        let refresh_token = client.sign_in_for_tokens("ada").field("refresh_token");
        let answers = at_once(CROWD, |_| client.clone().refresh(&refresh_token));

        assert!(answers.iter().all(|answer| answer.status == 200), "{:?}", statuses(&answers));
        let successors: BTreeSet<String> =
            answers.iter().map(|answer| answer.field("refresh_token")).collect();
        assert_eq!(successors.len(), 1);
        assert_one_family_line(&server, 2);
        let alive = client.get_as("/api/auth/me", &answers[0].field("access_token"));
        assert_eq!(alive.status, 200, "losing a race ends nothing");
        assert_eq!(client.refresh(&answers[0].field("refresh_token")).status, 200);
    });
}

#[test]
fn a_lost_answer_can_be_asked_for_again_while_its_successor_is_unused() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut browser = Browser::of(&server);
        browser.register("ada");
        let refresh_token = browser.sign_in("ada").field("refresh_token");
        let first = browser.refresh(&refresh_token);
        server.clock().advance(Duration::from_secs(24 * 60 * 60));
        let again = browser.refresh(&refresh_token);
        assert_eq!((first.status, again.status), (200, 200));
        assert_eq!(first.field("refresh_token"), again.field("refresh_token"));
        assert_eq!(browser.get("/api/auth/me", &[]).status, 200);
    });
}

#[test]
fn without_its_binding_cookie_a_browsers_refresh_token_is_nothing_and_ends_nothing() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut browser = Browser::of(&server);
        browser.register("ada");
        let refresh_token = browser.sign_in("ada").field("refresh_token");
        let mut thief = Browser::of(&server);
        assert_eq!(thief.refresh(&refresh_token).code(), "invalid_refresh_token");
        thief.cookies().insert("refresh_binding".to_owned(), "A".repeat(43));
        assert_eq!(thief.refresh(&refresh_token).code(), "invalid_refresh_token");

        assert_eq!(browser.get("/api/auth/me", &[]).status, 200);
        assert_eq!(browser.refresh(&refresh_token).status, 200);
    });
}

#[test]
fn unknown_and_damaged_refresh_tokens_are_refused_and_end_nothing() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut client = Browser::of(&server);
    client.register("ada");
    let tokens = client.sign_in_for_tokens("ada");
    let genuine = tokens.field("refresh_token");
    let (payload, signature) = genuine.rsplit_once('.').unwrap();
    let unsigned = format!("{payload}.");
    let swapped = format!("{payload}.{}", signature.chars().rev().collect::<String>());
    let long = "a".repeat(9_000);
    for damaged in ["", "a.b.c", &genuine[..genuine.len() - 1], &unsigned, &swapped, &long] {
        let answer = client.refresh(damaged);
        assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_refresh_token"));
    }
    assert_eq!(client.get_as("/api/auth/me", &tokens.field("access_token")).status, 200);
    assert_eq!(client.refresh(&genuine).status, 200);
}

#[test]
fn a_refresh_of_one_session_leaves_the_others_of_the_account_alone() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut client = Browser::of(&server);
    client.register("ada");
    let (one, other) = (client.sign_in_for_tokens("ada"), client.sign_in_for_tokens("ada"));
    assert_eq!(client.refresh(&one.field("refresh_token")).status, 200);
    assert_eq!(client.refresh(&other.field("refresh_token")).status, 200);
}

/// Checks that the family is a line of the given number of tokens: no token has two successors.
fn assert_one_family_line(server: &TestServer, tokens: i64) {
    let store = server.database().store();
    let count = |sql: &str| store.number(sql).expect("the database answers");
    assert_eq!(count("SELECT count(*) FROM sessions"), 1);
    assert_eq!(count("SELECT count(*) FROM refresh_tokens"), tokens);
    assert_eq!(count("SELECT count(*) FROM refresh_tokens WHERE parent_id IS NULL"), 1);
    assert_eq!(count("SELECT count(DISTINCT parent_id) FROM refresh_tokens"), tokens - 1);
    let leaf = "SELECT count(*) FROM sessions JOIN refresh_tokens ON current_token = refresh_tokens.id \
                WHERE current_token NOT IN \
                (SELECT parent_id FROM refresh_tokens WHERE parent_id IS NOT NULL)";
    assert_eq!(count(leaf), 1, "the live token is the last of the line");
}

fn statuses(answers: &[Answer]) -> Vec<u16> {
    answers.iter().map(|answer| answer.status).collect()
}
