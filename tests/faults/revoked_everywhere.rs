//! Two nodes on one PostgreSQL: an access token that one of them revokes is refused there by the next
//! request, and on the other within a second; with Redis, without, and with one that is killed in
//! between; and for ever, whichever node is started again.

use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_testkit::{Browser, ServerProcess, TestDatabase};

use crate::redis::Redis;
use crate::surroundings::{folder, start};
use crate::two_nodes::percentiles;

/// Revocations of each test.
const REVOCATIONS: usize = 200;

/// After this long it is not on its way any more. The promise is a second, which a machine that runs
/// other tests beside cannot be held to: the distribution is printed.
const LONGEST: Duration = Duration::from_secs(20);

#[test]
fn without_redis_a_revoked_token_is_refused_on_the_other_node_within_a_second() {
    revoke("without Redis", None, |_| {});
}

#[test]
fn with_redis_a_revoked_token_is_refused_on_the_other_node_within_a_second() {
    let redis = Redis::start();
    revoke("with Redis", Some(&redis.url()), |_| {});
}

#[test]
fn a_redis_that_dies_in_between_makes_no_difference_to_the_promise() {
    let mut redis = Redis::start();
    let url = redis.url();
    revoke("with a Redis that is killed halfway", Some(&url), |number| {
        if number == REVOCATIONS / 2 {
            redis.kill();
        }
    });
}

/// Ends sessions on one node and waits for the other; `before` is told the number of each.
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
        let ended = post_as(&here, "/api/auth/logout", &token);
        let begun = clock.monotonic();
        assert_eq!(ended, 204);
        assert_eq!(status(&here, &token), 401, "by the very next request");
        while status(&there, &token) != 401 {
            let waited = clock.monotonic().saturating_sub(begun);
            assert!(waited < LONGEST, "{what}: {number} is still accepted after {waited:?}");
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

fn status(server: &ServerProcess, token: &str) -> u16 {
    Browser::at(server.origin()).get_as("/api/auth/me", token).status
}

fn post_as(server: &ServerProcess, path: &str, token: &str) -> u16 {
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str())];
    Browser::at(server.origin()).send("POST", path, &headers, "").status
}
