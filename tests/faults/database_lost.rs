//! The database stops and starts again while the server runs.

use portcullis_testkit::{Answer, Browser};

use crate::environment::Proxied;

#[test]
fn without_its_database_the_server_says_so_and_recovers_by_itself() {
    let Proxied { browser, server, proxy, .. } = &mut Proxied::start();
    let signed_in = browser.sign_in_for_tokens("ada");
    let (access, refresh) = (signed_in.field("access_token"), signed_in.field("refresh_token"));
    let ended = browser.sign_in_for_tokens("ada");
    let authorization = format!("Bearer {}", ended.field("access_token"));
    let headers = [("authorization", authorization.as_str())];
    assert_eq!(browser.send("POST", "/api/auth/logout", &headers, "").status, 204);

    proxy.cut();

    // A request that needs the database is answered with `Retry-After`.
    assert_comes_back_later(&browser.sign_in_for_tokens("ada"));
    assert_comes_back_later(&browser.refresh(&refresh));
    assert_comes_back_later(&browser.register("grace"));
    assert_comes_back_later(&browser.get("/health/ready", &[]));
    assert_comes_back_later(&browser.get_as("/api/auth/me", &access));
    // Other requests work: tokens are verified, and known revocations hold.
    assert_eq!(browser.get("/health/live", &[]).status, 200);
    assert_eq!(browser.get_as("/api/auth/csrf", &access).status, 200);
    assert_eq!(browser.get_as("/api/auth/csrf", &ended.field("access_token")).status, 401);

    proxy.mend();

    // Every refusal has waited for a connection, so few are expected.
    let is_ready = |_: &u32| Browser::at(server.origin()).get("/health/ready", &[]).status == 200;
    assert!((0..30).any(|round| is_ready(&round)), "{}", server.log());
    assert_eq!(browser.get_as("/api/auth/me", &access).status, 200);
    // A refusal has no effect, so the token is still valid.
    let refreshed = browser.refresh(&refresh);
    assert_eq!(refreshed.status, 200, "{}", refreshed.text);
    assert_eq!(browser.refresh(&ended.field("refresh_token")).status, 401);
    assert_eq!(browser.sign_in_for_tokens("ada").status, 200);
    assert_eq!(browser.register("grace").status, 201);
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[test]
fn a_database_that_falls_silent_is_given_up() {
    let Proxied { browser, server, proxy, .. } = &mut Proxied::start();
    let signed_in = browser.sign_in_for_tokens("ada");

    proxy.silence();

    let answer = browser.refresh(&signed_in.field("refresh_token"));
    assert_comes_back_later(&answer);
    assert_eq!(browser.get("/health/live", &[]).status, 200);

    proxy.mend();
    assert_eq!(browser.sign_in("ada").status, 200);
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

fn assert_comes_back_later(answer: &Answer) {
    assert_eq!((answer.status, answer.code().as_str()), (503, "unavailable"), "{}", answer.text);
    let wait = answer.header("retry-after").expect("a 503 says when to come back");
    assert!(wait.parse::<u32>().is_ok_and(|seconds| seconds > 0), "{wait}");
    for word in ["connection", "SQL", "127.0.0.1", "libpq"] {
        assert!(!answer.text.contains(word), "library text in an answer: {}", answer.text);
    }
}
