//! A database that is slow, hangs, or stops answering during a commit. An answer of 503 comes within two
//! seconds, and means that the request had no effect, or that its repetition is answered as the first
//! would have been.

use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_testkit::{Answer, Browser, PASSWORD, ServerProcess, TestDatabase, at_once};
use serde_json::json;

use crate::environment::{Proxied, take_turn};

/// The promise is two seconds; the rest is for a machine that runs other tests too.
const TIMEOUT: Duration = Duration::from_millis(2_900);

const NEW_PASSWORD: &str = "a-quiet-heron-counts-9-boats";

#[test]
fn a_database_that_hangs_is_answered_503_within_two_seconds_on_every_route() {
    let _turn = take_turn();
    let Proxied { browser, server, proxy, database, .. } = &mut Proxied::start();
    let promote = "UPDATE accounts SET role = 'admin' WHERE username = 'ada'";
    database.store().execute(promote).expect("the database answers");
    let signed_in = browser.sign_in_for_tokens("ada");
    let (refresh, account) =
        (signed_in.field("refresh_token"), signed_in.json()["account"]["id"].clone());
    let (access, account) =
        (signed_in.field("access_token"), account.as_str().expect("an id").to_owned());
    let user = format!("/api/admin/users/{account}");
    let check = json!({ "resource": "schedule", "action": "read" }).to_string();
    let batch = json!({ "items": [{ "resource": "schedule", "action": "read" }] }).to_string();
    let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD }).to_string();
    let sign_in = json!({ "username": "ada", "password": PASSWORD });
    let stranger = json!({
        "username": "grace", "email": "grace@example.org", "password": PASSWORD,
    });
    let role = json!({ "role": "msa" }).to_string();
    let routes = [
        ("POST", "/api/auth/refresh", json!({ "refresh_token": refresh }).to_string()),
        ("POST", "/api/auth/logout", String::new()),
        ("POST", "/api/auth/logout/all", String::new()),
        ("GET", "/api/auth/me", String::new()),
        ("GET", "/api/auth/sessions", String::new()),
        ("POST", "/api/auth/password/change", change),
        ("DELETE", "/api/auth/sessions", String::new()),
        ("POST", "/api/authz/check", check),
        ("POST", "/api/authz/check/batch", batch),
        ("GET", user.as_str(), String::new()),
        ("PATCH", user.as_str(), role),
        ("GET", "/api/admin/audit", String::new()),
        ("GET", "/api/admin/matrix/versions", String::new()),
        ("POST", "/api/admin/matrix/activate", json!({ "version": 1 }).to_string()),
        ("POST", "/api/admin/matrix/rollback", json!({}).to_string()),
        ("POST", "/api/auth/register", stranger.to_string()),
        ("POST", "/api/auth/login/json", sign_in.to_string()),
        ("GET", "/health/ready", String::new()),
    ];

    proxy.silence();

    let origin = server.origin();
    // Once while the recorder does not know yet, and once when it does.
    for round in 0..2 {
        let late: Vec<String> = at_once(routes.len(), |number| {
            let (method, path, body) = &routes[number];
            let is_public =
                ["refresh", "ready", "register", "json"].iter().any(|end| path.ends_with(end));
            let asked = if is_public { &[][..] } else { &[access.as_str()][..] };
            let (answer, waited) = timed(origin, method, path, asked, body);
            // A check may be answered before it is recorded, as long as the window lasts.
            let is_right =
                answer.status == 503 || (answer.status == 200 && path.contains("/check"));
            let right = is_right && waited < TIMEOUT;
            (!right).then(|| format!("{method} {path}: {} after {waited:?}", answer.status))
        })
        .into_iter()
        .flatten()
        .collect();
        assert_eq!(late, Vec::<String>::new(), "round {round}");
    }

    proxy.mend();
    until_ready(server);
    assert_eq!(browser.refresh(&refresh).status, 200, "nothing was used up");
    assert_eq!(browser.sign_in("ada").status, 200, "the password is the same");
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[test]
fn what_a_slow_database_was_too_late_for_has_not_happened() {
    let _turn = take_turn();
    let Proxied { browser, server, proxy, database, .. } = &mut Proxied::start();
    let signed_in = browser.sign_in_for_tokens("ada");
    let (refresh, access) = (signed_in.field("refresh_token"), signed_in.field("access_token"));
    let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD }).to_string();

    // Each message alone is in time, but all of them together are not.
    for latency in [1_250, 350] {
        proxy.delay(Duration::from_millis(latency));
        let body = json!({ "refresh_token": refresh }).to_string();
        let (answer, waited) = timed(server.origin(), "POST", "/api/auth/refresh", &[], &body);
        assert_eq!(answer.status, 503, "{}", answer.text);
        assert!(waited < TIMEOUT, "{waited:?}");
        let (answer, _) =
            timed(server.origin(), "POST", "/api/auth/password/change", &[&access], &change);
        assert_eq!(answer.status, 503, "{}", answer.text);
        proxy.delay(Duration::ZERO);
        // Open statements have ended once these connections are free again.
        until_ready(server);
        assert_settles(database);
    }
    // Connections with a late answer are not reused.
    proxy.mend();
    until_ready(server);

    let store = database.store();
    let count =
        |from: &str| store.number(&format!("SELECT count(*) FROM {from}")).expect("it answers");
    assert_eq!(count("refresh_tokens"), 1, "nothing was rotated");
    assert_eq!(count("security_events WHERE kind = 'password_change'"), 0);
    assert_eq!(browser.refresh(&refresh).status, 200, "and so the token is good");
    let signed_in = browser.sign_in("ada");
    assert_eq!(signed_in.status, 200, "the password is the old one: {}", signed_in.text);
    assert_eq!(count("security_events WHERE kind = 'refresh_token_reuse'"), 0);
}

#[test]
fn a_refresh_with_a_commit_under_way_is_repeated_and_is_no_reuse() {
    let _turn = take_turn();
    for delivery in ["cookie", "body"] {
        let Proxied { browser, server, proxy, database, .. } = &mut Proxied::start();
        let elsewhere = browser.sign_in_for_tokens("ada");
        let signed_in = if delivery == "cookie" {
            browser.sign_in("ada")
        } else {
            browser.sign_in_for_tokens("ada")
        };
        let refresh = signed_in.field("refresh_token");

        // The statements of a rotation are prepared by now, and say no words of their own.
        proxy.lose_answers_from_commit_of(b"COMMIT\0");
        let lost = browser.refresh(&refresh);
        assert_eq!(lost.status, 503, "{}", lost.text);
        assert!(proxy.has_lost_answers());
        let store = database.store();
        let count =
            |from: &str| store.number(&format!("SELECT count(*) FROM {from}")).expect("it answers");
        let successors = "refresh_tokens WHERE parent_id IS NOT NULL";
        assert_eq!(count(successors), 1, "it was committed");

        proxy.mend();
        until_ready(server);
        // The client obeys `Retry-After`.
        let repeated = browser.refresh(&refresh);
        assert_eq!(repeated.status, 200, "{delivery}: {}", repeated.text);
        assert_eq!(count(successors), 1, "the very same successor");
        assert_eq!(browser.refresh(&repeated.field("refresh_token")).status, 200);
        assert_eq!(count("sessions WHERE ended_at IS NOT NULL"), 0);
        assert_eq!(browser.get_as("/api/auth/me", &elsewhere.field("access_token")).status, 200);
    }
}

#[test]
fn a_change_whose_commit_was_on_its_way_is_said_to_be_of_unknown_outcome() {
    let _turn = take_turn();
    let Proxied { browser, server, proxy, .. } = &mut Proxied::start();
    let access = browser.sign_in_for_tokens("ada").field("access_token");

    proxy.lose_answers_from_commit_of(b"password_changed");
    let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD }).to_string();
    let (lost, waited) =
        timed(server.origin(), "POST", "/api/auth/password/change", &[&access], &change);
    assert!(proxy.has_lost_answers());
    assert_eq!((lost.status, lost.code().as_str()), (503, "outcome_unknown"), "{}", lost.text);
    assert!(waited < TIMEOUT, "{waited:?}");

    proxy.mend();
    until_ready(server);
    assert_eq!(browser.sign_in_with("ada", NEW_PASSWORD).status, 200, "it was committed");

    proxy.lose_answers_from_commit_of(b"grace");
    let lost = browser.register("grace");
    assert_eq!((lost.status, lost.code().as_str()), (503, "outcome_unknown"), "{}", lost.text);
    proxy.mend();
    until_ready(server);
    assert_eq!(browser.register("grace").status, 409, "it was committed");
}

/// Sends a request, with an access token if there is one. Returns the latency too.
fn timed(
    origin: &str,
    method: &str,
    path: &str,
    access: &[&str],
    body: &str,
) -> (Answer, Duration) {
    let clock = SystemClock::new();
    let authorization: Vec<String> = access.iter().map(|token| format!("Bearer {token}")).collect();
    let mut headers: Vec<(&str, &str)> =
        authorization.iter().map(|value| ("authorization", value.as_str())).collect();
    if !body.is_empty() {
        headers.push(("content-type", "application/json"));
    }
    let answer = Browser::at(origin).send(method, path, &headers, body);
    (answer, clock.monotonic())
}

/// Each attempt takes as long as the database does.
fn until_ready(server: &ServerProcess) {
    let is_ready = |_: &u32| Browser::at(server.origin()).get("/health/ready", &[]).status == 200;
    assert!((0..60).any(|round| is_ready(&round)), "{}", server.log());
}

/// Waits, in the database, until no transaction of the server is open.
fn assert_settles(database: &TestDatabase) {
    let open = "SELECT count(*) FROM pg_stat_activity, pg_sleep(0.2)
                WHERE state LIKE 'idle in transaction%' AND datname = current_database()";
    let store = database.store();
    let is_settled = |_: &u32| store.number(open).expect("the database answers") == 0;
    assert!((0..100).any(|round| is_settled(&round)), "a transaction stays open");
}
