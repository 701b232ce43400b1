//! The sessions of an account: maximum number, lifetimes, list and end.

use std::time::Duration;

use portcullis_testkit::{Answer, Browser, PASSWORD, TestDatabase, TestServer};
use portcullis_token::LEEWAY;
use serde_json::json;

use crate::member::Member;

#[test]
fn the_eleventh_session_ends_the_oldest() {
    TestDatabase::on_both(|database| {
        let mut server = TestServer::start(database);
        let mut client = Browser::of(&server);
        client.register("ada");
        let sessions: Vec<_> = (0..11)
            .map(|_| {
                // Sessions of the same moment have no oldest one.
                server.clock().advance(Duration::from_millis(10));
                client.sign_in_for_tokens("ada")
            })
            .collect();

        for _ in ["at once", "after a restart"] {
            let client = Browser::of(&server);
            let me = |session: usize| {
                client.get_as("/api/auth/me", &sessions[session].field("access_token")).status
            };
            let statuses: Vec<u16> = (0..11).map(me).collect();
            assert_eq!(statuses[0], 401);
            assert!(statuses[1..].iter().all(|status| *status == 200), "{statuses:?}");
            server.restart();
        }
        let displaced = Browser::of(&server).refresh(&sessions[0].field("refresh_token"));
        assert_eq!(displaced.code(), "invalid_refresh_token");
    });
}

#[test]
fn no_refresh_prolongs_a_session_beyond_its_thirty_days() {
    const DAY: u64 = 24 * 60 * 60;
    let server = TestServer::start(TestDatabase::sqlite());
    let mut client = Browser::of(&server);
    client.register("ada");
    let mut tokens = client.sign_in_for_tokens("ada");
    for _ in 0..4 {
        server.clock().advance(Duration::from_secs(7 * DAY - 1));
        tokens = client.refresh(&tokens.field("refresh_token"));
        assert_eq!(tokens.status, 200);
    }
    server.clock().advance(Duration::from_secs(2 * DAY - 600));
    tokens = client.refresh(&tokens.field("refresh_token"));
    assert_eq!(tokens.json()["expires_in"], 604, "the access token ends with the session");
    server.clock().advance(Duration::from_secs(604));
    assert_eq!(client.refresh(&tokens.field("refresh_token")).code(), "invalid_refresh_token");
}

#[test]
fn a_refresh_token_dies_after_seven_days_unused_and_ends_nothing_else() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut client = Browser::of(&server);
    client.register("ada");
    let idle = client.sign_in_for_tokens("ada");
    server.clock().advance(Duration::from_secs(7 * 24 * 60 * 60 + 61));
    let fresh = client.sign_in_for_tokens("ada");
    assert_eq!(client.refresh(&idle.field("refresh_token")).code(), "invalid_refresh_token");
    assert_eq!(client.get_as("/api/auth/me", &fresh.field("access_token")).status, 200);
}

#[test]
fn a_session_list_tells_devices_apart_and_names_the_one_that_asks() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        Browser::of(&server).register("ada");
        Browser::of(&server).register("grace");
        sign_in_from(&server, "grace", "curl/8.5.0", None);
        let phone = sign_in_from(&server, "ada", PHONE, None);
        server.clock().advance(Duration::from_secs(60));
        let laptop = sign_in_from(&server, "ada", LAPTOP, Some("Ada's laptop"));
        server.clock().advance(Duration::from_secs(60));
        let refreshed = Browser::of(&server).send(
            "POST",
            "/api/auth/refresh",
            &[("content-type", "application/json"), ("user-agent", PHONE)],
            &json!({ "refresh_token": phone.field("refresh_token") }).to_string(),
        );

        let token = refreshed.field("access_token");
        let client = Browser::of(&server);
        assert_eq!(client.get_as("/api/auth/sessions?limit=1", &token).code(), "invalid_request");
        let list = client.get_as("/api/auth/sessions", &token).json();
        assert_eq!(
            list,
            json!({ "next_cursor": null, "items": [
                {
                    "id": laptop.field("session_id"),
                    "device": { "name": "Ada's laptop", "browser": "Firefox",
                        "operating_system": "Linux", "kind": "computer" },
                    "address": "127.0.0.1",
                    "created_at": "2027-01-15T08:01:00Z",
                    "last_used_at": "2027-01-15T08:01:00Z",
                    "expires_at": "2027-01-22T08:01:00Z",
                    "current": false,
                },
                {
                    "id": phone.field("session_id"),
                    "device": { "name": "Chrome on Android", "browser": "Chrome",
                        "operating_system": "Android", "kind": "mobile" },
                    "address": "127.0.0.1",
                    "created_at": "2027-01-15T08:00:00Z",
                    "last_used_at": "2027-01-15T08:02:00Z",
                    "expires_at": "2027-01-22T08:02:00Z",
                    "current": true,
                },
            ] })
        );
    });
}

#[test]
fn ending_one_session_ends_its_tokens_and_no_others() {
    TestDatabase::on_both(|database| {
        let mut server = TestServer::start(database);
        Browser::of(&server).register("ada");
        let [asking, ended, spared] = [0; 3].map(|_| sign_in_from(&server, "ada", LAPTOP, None));
        let path = format!("/api/auth/sessions/{}", ended.field("session_id"));
        assert_eq!(delete(&server, &asking, &path).status, 204);
        for _ in ["at once", "after a restart"] {
            assert_eq!(alive(&server, &ended), [false, false]);
            server.restart();
        }
        assert_eq!(alive(&server, &asking), [true, true]);
        assert_eq!(alive(&server, &spared), [true, true]);
        assert_eq!(delete(&server, &asking, &path).code(), "not_found", "it is gone");
        assert_eq!(listed(&server, &asking).len(), 2);
        assert_eq!(count(&server, "session_ended"), 1);
    });
}

#[test]
fn ending_the_others_leaves_the_session_that_asks() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        Browser::of(&server).register("ada");
        Browser::of(&server).register("grace");
        let [first, asking, last] = [0; 3].map(|_| sign_in_from(&server, "ada", LAPTOP, None));
        let other = sign_in_from(&server, "grace", LAPTOP, None);
        assert_eq!(delete(&server, &asking, "/api/auth/sessions").status, 204);
        for (tokens, lives) in [(&first, false), (&asking, true), (&last, false), (&other, true)] {
            assert_eq!(alive(&server, tokens), [lives, lives]);
        }
        assert_eq!(listed(&server, &asking), [asking.field("session_id")]);
        assert_eq!(count(&server, "other_sessions_ended"), 1);
    });
}

#[test]
fn the_session_of_another_account_is_not_there() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        Browser::of(&server).register("ada");
        Browser::of(&server).register("mallory");
        let ada = sign_in_from(&server, "ada", LAPTOP, None);
        let mallory = sign_in_from(&server, "mallory", LAPTOP, None);
        let never = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e12".to_owned();
        for id in [ada.field("session_id"), never, "1".to_owned(), "%00".to_owned()] {
            let answer = delete(&server, &mallory, &format!("/api/auth/sessions/{id}"));
            assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"), "{id}");
        }
        assert_eq!(alive(&server, &ada), [true, true]);
        assert_eq!(listed(&server, &mallory), [mallory.field("session_id")]);
        assert_eq!(count(&server, "session_ended"), 0);
    });
}

#[test]
fn a_browser_that_ends_its_own_session_is_signed_out() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    browser.register("ada");
    let session = browser.sign_in("ada").field("session_id");
    let path = format!("/api/auth/sessions/{session}");
    let forged = browser.send("DELETE", &path, &[], "");
    assert_eq!(forged.code(), "csrf_failed");
    let csrf = browser.csrf_token();
    let headers = [("origin", server.origin()), ("x-csrf-token", csrf.as_str())];
    let answer = browser.send("DELETE", &path, &headers, "");
    assert_eq!(answer.status, 204);
    assert!(answer.set_cookie("access_token").is_some_and(|cookie| cookie.contains("Max-Age=0")));
    assert_eq!(browser.get("/api/auth/me", &[]).code(), "not_authenticated");
    assert_eq!(count(&server, "sign_out"), 1, "it is a sign-out like any other");
}

#[test]
fn the_most_senior_role_may_lie_idle_for_an_hour_only() {
    const HOUR: Duration = Duration::from_secs(60 * 60);
    let server = TestServer::start(TestDatabase::sqlite());
    Member::new(&server, "grace", "admin");
    Browser::of(&server).register("ada");
    let [ada, grace] = ["ada", "grace"].map(|name| sign_in_from(&server, name, LAPTOP, None));
    server.clock().advance(HOUR.saturating_sub(Duration::from_secs(1)));
    let mut client = Browser::of(&server);
    let grace = client.refresh(&grace.field("refresh_token"));
    assert_eq!(grace.status, 200);
    assert_eq!(listed(&server, &grace).len(), 2);
    server.clock().advance(Duration::from_secs(1));
    assert_eq!(listed(&server, &grace), [grace.field("session_id")], "the other one was idle");
    server.clock().advance(HOUR + LEEWAY);
    assert_eq!(client.refresh(&grace.field("refresh_token")).code(), "invalid_refresh_token");
    assert_eq!(client.refresh(&ada.field("refresh_token")).status, 200);
}

#[test]
fn a_sign_in_from_a_device_that_the_account_does_not_know_is_noted() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut known = Browser::of(&server);
    known.register("ada");
    known.sign_in("ada");
    assert_eq!(count(&server, "new_device"), 0, "the first sign-in of all is no news");
    known.sign_in("ada");
    assert_eq!(count(&server, "new_device"), 0);
    Browser::of(&server).sign_in_with("ada", "not the password of ada");
    assert_eq!(count(&server, "new_device"), 0, "nobody has signed in");
    Browser::of(&server).sign_in("ada");
    assert_eq!(count(&server, "new_device"), 1);
    let mut neighbour = Browser::of(&server);
    neighbour.register("grace");
    neighbour.sign_in("grace");
    neighbour.sign_in("ada");
    assert_eq!(count(&server, "new_device"), 2, "it is known to another account only");
}

const PHONE: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) \
                     Chrome/142.0.0.0 Mobile Safari/537.36";

const LAPTOP: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

/// Signs in without cookies.
fn sign_in_from(
    server: &TestServer,
    name: &str,
    user_agent: &str,
    device_name: Option<&str>,
) -> Answer {
    let mut body = json!({ "username": name, "password": PASSWORD, "delivery": "body" });
    if let Some(device_name) = device_name {
        body["device_name"] = device_name.into();
    }
    let headers = [("content-type", "application/json"), ("user-agent", user_agent)];
    let answer =
        Browser::of(server).send("POST", "/api/auth/login/json", &headers, &body.to_string());
    assert_eq!(answer.status, 200);
    answer
}

fn delete(server: &TestServer, asking: &Answer, path: &str) -> Answer {
    let bearer = format!("Bearer {}", asking.field("access_token"));
    Browser::of(server).send("DELETE", path, &[("authorization", &bearer)], "")
}

/// The validity of the access token and the refresh token. The refresh token is spent.
fn alive(server: &TestServer, tokens: &Answer) -> [bool; 2] {
    let mut client = Browser::of(server);
    let me = client.get_as("/api/auth/me", &tokens.field("access_token"));
    let refresh = client.refresh(&tokens.field("refresh_token"));
    [me.status == 200, refresh.status == 200]
}

/// The ids of the sessions in the list of a session.
fn listed(server: &TestServer, asking: &Answer) -> Vec<String> {
    let token = asking.field("access_token");
    let list = Browser::of(server).get_as("/api/auth/sessions", &token).json();
    let items = list["items"].as_array().expect("a list has items").iter();
    items.map(|item| item["id"].as_str().expect("an item has an id").to_owned()).collect()
}

/// The number of recorded events of that kind.
fn count(server: &TestServer, kind: &str) -> i64 {
    let query = format!("SELECT count(*) FROM security_events WHERE kind = '{kind}'");
    server.database().store().number(&query).expect("the database answers")
}

#[test]
fn a_short_query_of_many_faults_does_not_get_a_long_answer() {
    let server = TestServer::start(TestDatabase::sqlite());
    let ada = Member::new(&server, "ada", "msa");
    let answer = ada.get(&format!("/api/auth/sessions?{}", "a&".repeat(1_000)));
    assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"));
    assert_eq!(answer.json()["errors"].as_array().map(Vec::len), Some(256));
}
