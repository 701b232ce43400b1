//! Loss of the database: requests that still work, requests that are refused, and recovery.

use std::time::Duration;

use portcullis_testkit::{Answer, Browser, TestDatabase, TestServer, at_once};

#[test]
fn without_its_database_a_server_lives_refuses_politely_and_comes_back() {
    let (database, switch) = TestDatabase::postgres_with_switch();
    let server = TestServer::start(database);
    let mut browser = Browser::of(&server);
    browser.register("ada");
    let refresh_token = browser.sign_in("ada").field("refresh_token");
    let signed_out = browser.sign_in_for_tokens("ada").field("access_token");
    let bearer = format!("Bearer {signed_out}");
    let mut other = Browser::of(&server);
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(other.send("POST", "/api/auth/logout", &headers, "").status, 204);

    switch.off();
    assert_eq!(browser.get("/health/live", &[]).status, 200);
    let token = browser.csrf_token();
    let revoked = other.get_as("/api/auth/csrf", &signed_out);
    assert_eq!(revoked.code(), "invalid_token", "known revocations hold");

    let csrf = [("sec-fetch-site", "same-origin"), ("x-csrf-token", token.as_str())];
    let requests: [&(dyn Fn(&mut Browser) -> Answer + Sync); 6] = [
        &|browser| browser.get("/health/ready", &[]),
        &|browser| browser.sign_in("ada"),
        &|browser| browser.sign_in("nobody"),
        &|browser| browser.register("grace"),
        &|browser| browser.refresh(&refresh_token),
        &|browser| browser.send("POST", "/api/auth/logout", &csrf, ""),
    ];
    for answer in at_once(requests.len(), |number| requests[number](&mut browser.clone())) {
        assert_eq!((answer.status, answer.code().as_str()), (503, "unavailable"));
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
    }

    switch.on();
    // Each attempt waits for a connection, so no sleep is needed.
    let is_ready = |_| {
        server.clock().advance(Duration::from_millis(100));
        browser.get("/health/ready", &[]).status == 200
    };
    assert!((0..30).any(is_ready), "ready again");
    assert_eq!(browser.get("/api/auth/me", &[]).status, 200);
    assert_eq!(browser.refresh(&refresh_token).status, 200, "nothing was used up");
    assert_eq!(browser.sign_out("/api/auth/logout").status, 204);
    let failures = "SELECT count(*) FROM sign_in_failures";
    assert_eq!(server.database().store().number(failures).unwrap(), 0, "nothing was counted");
}
