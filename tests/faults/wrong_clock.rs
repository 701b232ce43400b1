//! A database clock that jumps by an hour in either direction and back: no revoked token is accepted again, on
//! a running or on a restarted node, and a node whose clock differs from the database reports it.

use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_testkit::{Browser, ServerProcess};

use crate::environment::{folder, start};
use crate::postgres_clock::PostgresWithClock;

/// Much longer than the two seconds from one comparison of the clocks to the next.
const TIMEOUT: Duration = Duration::from_secs(30);

#[test]
fn an_hour_either_way_and_back_brings_no_revoked_token_back_to_life() {
    for jump in ["1 hour", "-1 hour"] {
        let clockwork = PostgresWithClock::new();
        let data = folder();
        let mut server = start(data.path(), &clockwork.url, &[]);
        let mut browser = Browser::at(server.origin());
        for name in ["ada", "grace"] {
            assert_eq!(browser.register(name).status, 201);
        }
        let signed_out = browser.sign_in_for_tokens("ada").field("access_token");
        sign_out(&server, &signed_out);
        // The operator restarts the server, which purges at once.
        server.restart();
        assert_refused(&server, &signed_out);

        clockwork.set(jump);
        let amid = Browser::at(server.origin()).sign_in_for_tokens("grace").field("access_token");
        sign_out(&server, &amid);
        for _ in 0..2 {
            assert_refused(&server, &signed_out);
            assert_refused(&server, &amid);
            // It listens, and is not ready while the clocks differ.
            server.launch_until_listening();
        }

        clockwork.set("0");
        for _ in 0..2 {
            assert_refused(&server, &signed_out);
            assert_refused(&server, &amid);
            // It listens, and is not ready while the clocks differ.
            server.launch_until_listening();
        }
        let mut browser = Browser::at(server.origin());
        let good = browser.sign_in_for_tokens("ada").field("access_token");
        assert_eq!(browser.get_as("/api/auth/me", &good).status, 200, "after {jump}");
    }
}

#[test]
fn a_demotion_under_a_clock_that_went_back_leaves_no_token_of_the_old_role() {
    let clockwork = PostgresWithClock::new();
    let data = folder();
    let server = start(data.path(), &clockwork.url, &[]);
    let mut browser = Browser::at(server.origin());
    for name in ["ada", "chief"] {
        assert_eq!(browser.register(name).status, 201);
    }
    let promote = "UPDATE accounts SET role = 'admin' WHERE username = 'chief'";
    clockwork.database.store().execute(promote).expect("the database answers");
    let chief = browser.sign_in_for_tokens("chief").field("access_token");
    let signed_in = browser.sign_in_for_tokens("ada");
    let id = signed_in.json()["account"]["id"].as_str().expect("an id").to_owned();
    clockwork.set("-1 hour");
    let authorization = format!("Bearer {chief}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let path = format!("/api/admin/users/{id}");
    let changed = browser.send("PATCH", &path, &headers, r#"{"role":"rn"}"#);
    assert_eq!(changed.status, 200, "{}", changed.text);
    for ahead in ["-1 hour", "0"] {
        clockwork.set(ahead);
        assert_refused(&server, &signed_in.field("access_token"));
    }
}

#[test]
fn a_node_whose_clock_differs_from_that_of_the_database_says_so_once_and_is_not_ready() {
    let clockwork = PostgresWithClock::new();
    let data = folder();
    let server = start(data.path(), &clockwork.url, &[]);
    let ready = || Browser::at(server.origin()).get("/health/ready", &[]);
    let metrics = || Browser::at(&server.operations()).get("/metrics", &[]).text;
    let until = |status: u16| {
        let clock = SystemClock::new();
        while ready().status != status {
            assert!(clock.monotonic() < TIMEOUT, "never {status}: {}", server.log());
        }
    };
    until(200);
    for jump in ["10 seconds", "-10 seconds"] {
        clockwork.set(jump);
        until(503);
        assert_eq!(ready().code(), "clock_off");
        assert!(metrics().contains("portcullis_clock_offset_seconds"), "{}", metrics());
        let doctor = server.run(&["doctor"]);
        let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
        assert!(said.contains("FAILED   clock"), "{said}");
        clockwork.set("0");
        until(200);
    }
    let said = server.log().matches("the clock of this node differs").count();
    assert_eq!(said, 2, "once for each change:\n{}", server.log());
}

fn sign_out(server: &ServerProcess, token: &str) {
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str())];
    let answer = Browser::at(server.origin()).send("POST", "/api/auth/logout", &headers, "");
    assert_eq!(answer.status, 204, "{}", answer.text);
}

fn assert_refused(server: &ServerProcess, token: &str) {
    let answer = Browser::at(server.origin()).get_as("/api/auth/csrf", token);
    assert_eq!(answer.status, 401, "{}", answer.text);
}
