//! Two nodes on one PostgreSQL: an access token that one of them revokes is refused there by the next
//! request, and on the other within a second; with Redis, without, and with one that is killed in
//! between; and for ever, whichever node is started again.

use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_testkit::{Answer, Browser, PASSWORD, RedisServer, ServerProcess, TestDatabase};

use crate::environment::{folder, start, take_turn};
use crate::proxy::Proxy;
use crate::two_nodes::percentiles;

/// Revocations of each test.
const REVOCATIONS: usize = 200;

/// The timeout of a revocation. The promise is a second, which is not asserted on a machine that runs other
/// tests too: the distribution is printed.
const TIMEOUT: Duration = Duration::from_secs(20);

#[test]
fn without_redis_a_revoked_token_is_refused_on_the_other_node_within_a_second() {
    let _turn = take_turn();
    revoke("without Redis", None, |_| {});
}

#[test]
fn with_redis_a_revoked_token_is_refused_on_the_other_node_within_a_second() {
    let _turn = take_turn();
    let redis = RedisServer::start();
    revoke("with Redis", Some(&redis.url()), |_| {});
}

#[test]
fn a_lost_redis_does_not_delay_revocation_beyond_its_limit() {
    let _turn = take_turn();
    let mut redis = RedisServer::start();
    let url = redis.url();
    revoke("with a Redis that is killed halfway", Some(&url), |number| {
        if number == REVOCATIONS / 2 {
            redis.kill();
        }
    });
}

/// Ends sessions on one node and waits for the other. `before` gets the number of each session.
fn revoke(what: &str, redis: Option<&str>, mut before: impl FnMut(usize)) {
    let database = TestDatabase::postgres();
    let more: Vec<_> = redis.map(|url| ("REDIS_URL", url)).into_iter().collect();
    let data = [folder(), folder()];
    let [mut here, mut there] =
        [&data[0], &data[1]].map(|data| start(data.path(), database.url(), &more));
    let clock = SystemClock::new();
    let mut browser = Browser::at(here.origin());
    assert_eq!(browser.register("ada").status, 201);
    let (mut waits, mut tokens) = (Vec::new(), Vec::new());
    for number in 0..REVOCATIONS {
        before(number);
        let token = browser.sign_in_for_tokens("ada").field("access_token");
        assert_eq!([status(&here, &token), status(&there, &token)], [200, 200]);
        let ended = send_as(&here, "POST", "/api/auth/logout", &token, "");
        let begun = clock.monotonic();
        assert_eq!(ended, 204);
        assert_eq!(status(&here, &token), 401, "by the very next request");
        while status(&there, &token) != 401 {
            let waited = clock.monotonic().saturating_sub(begun);
            assert!(waited < TIMEOUT, "{what}: {number} is still accepted after {waited:?}");
        }
        waits.push(clock.monotonic().saturating_sub(begun));
        tokens.push(token);
    }
    percentiles(&format!("{what}: revocations reached the other node"), waits);

    for server in [&mut here, &mut there] {
        server.kill();
        server.restart();
        for token in &tokens {
            assert_eq!(status(server, token), 401, "{what}: revoked is revoked");
        }
        assert!(!server.log().contains("panicked"), "{}", server.log());
    }
}

/// The wait consists of the latency of a wire and the pause between two questions, and hardly of
/// work, so that a busy machine does not decide. A node that puts more than two questions after
/// another, each with a check of its connection, does not keep the promise.
#[test]
fn with_200_ms_to_the_database_and_back_the_promise_of_a_second_holds_too() {
    const SESSIONS: usize = 8;
    let _turn = take_turn();
    let database = TestDatabase::postgres();
    let data = [folder(), folder()];
    let (state, far_url) = Proxy::to_database(database.url());
    // A sign-out takes several round trips, which are not measured.
    let here = start(data[0].path(), database.url(), &[]);
    let there = start(data[1].path(), &far_url, &[]);
    let clock = SystemClock::new();
    let mut browser = Browser::at(here.origin());
    assert_eq!(browser.register("ada").status, 201);
    let tokens: Vec<String> =
        (0..SESSIONS).map(|_| browser.sign_in_for_tokens("ada").field("access_token")).collect();
    state.delay(Duration::from_millis(100));
    let mut waits = Vec::new();
    for token in &tokens {
        // A connection that is new to a statement needs more round trips than there is time for.
        let mut ended = (0..10).map(|_| send_as(&here, "POST", "/api/auth/logout", token, ""));
        assert_eq!(ended.find(|status| *status != 503), Some(204));
        let begun = clock.monotonic();
        while status(&there, token) != 401 {
            let waited = clock.monotonic().saturating_sub(begun);
            assert!(waited < TIMEOUT, "still accepted after {waited:?}");
        }
        waits.push(clock.monotonic().saturating_sub(begun));
    }
    waits.sort();
    let median = waits[SESSIONS / 2];
    percentiles("with 200 ms to the database: revocations reached the other node", waits);
    assert!(median < Duration::from_secs(1), "{median:?}");
}

#[test]
fn a_change_of_password_role_or_state_ends_what_it_must_on_both_nodes() {
    let database = TestDatabase::postgres();
    let data = [folder(), folder()];
    let [here, there] = [&data[0], &data[1]].map(|data| start(data.path(), database.url(), &[]));
    let mut browser = Browser::at(here.origin());
    let mut account = String::new();
    for name in ["grace", "ada", "ben"] {
        let registered = browser.register(name);
        assert_eq!(registered.status, 201);
        if name == "ada" {
            account = registered.field("id");
        }
    }
    let promote = "UPDATE accounts SET role = 'admin' WHERE username = 'grace'";
    database.store().execute(promote).expect("the database answers");
    let mut sign_in = |name: &str| browser.sign_in_for_tokens(name);
    let chief = sign_in("grace").field("access_token");
    let bystander = sign_in("ben").field("access_token");
    let [one, other] = [sign_in("ada"), sign_in("ada")];
    let access = |answer: &Answer| answer.field("access_token");
    let refresh = |server: &ServerProcess, answer: &Answer| {
        Browser::at(server.origin()).refresh(&answer.field("refresh_token"))
    };

    let body = format!(r#"{{"current_password":"{PASSWORD}","new_password":"{OTHER_PASSWORD}"}}"#);
    let bearer = format!("Bearer {}", access(&one));
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let before = one;
    let one = Browser::at(here.origin()).send("POST", "/api/auth/password/change", &headers, &body);
    assert_eq!(one.status, 200);
    for void in [&before, &other] {
        is_refused_soon(&there, &access(void));
    }
    assert_eq!(refresh(&there, &before).status, 401, "what it had before is void");
    assert_eq!(refresh(&there, &other).status, 401, "its session is gone with it");
    assert_eq!([status(&here, &access(&one)), status(&there, &access(&one))], [200, 200]);

    let path = format!("/api/admin/users/{account}");
    assert_eq!(send_as(&here, "PATCH", &path, &chief, r#"{"role":"rn"}"#), 200);
    assert_eq!(status(&here, &access(&one)), 401);
    is_refused_soon(&there, &access(&one));
    let anew = refresh(&there, &one);
    assert_eq!(anew.status, 200, "the session goes on, with the new role");
    assert_eq!([status(&here, &access(&anew)), status(&there, &access(&anew))], [200, 200]);

    assert_eq!(send_as(&here, "PATCH", &path, &chief, r#"{"is_active":false}"#), 200);
    assert_eq!(status(&here, &access(&anew)), 401);
    is_refused_soon(&there, &access(&anew));
    assert_eq!(refresh(&there, &anew).status, 401);
    for server in [&here, &there] {
        assert_eq!([status(server, &chief), status(server, &bystander)], [200, 200]);
    }
}

/// The new password, which meets the policy.
const OTHER_PASSWORD: &str = "amber-heron-counts-9-lanterns";

fn is_refused_soon(server: &ServerProcess, token: &str) {
    let clock = SystemClock::new();
    while status(server, token) != 401 {
        assert!(clock.monotonic() < TIMEOUT, "the other node does not follow");
    }
}

fn status(server: &ServerProcess, token: &str) -> u16 {
    Browser::at(server.origin()).get_as("/api/auth/me", token).status
}

/// The status of a request with a bearer token, and with a JSON body unless it is empty.
pub(crate) fn send_as(
    server: &ServerProcess,
    method: &str,
    path: &str,
    token: &str,
    body: &str,
) -> u16 {
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let headers = if body.is_empty() { &headers[..1] } else { &headers[..] };
    Browser::at(server.origin()).send(method, path, headers, body).status
}
