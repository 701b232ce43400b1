//! How many sessions an account may have, and how long they live.

use std::time::Duration;

use portcullis_testkit::{Browser, TestDatabase, TestServer};

#[test]
fn the_eleventh_session_ends_the_oldest() {
    TestDatabase::on_both(|database| {
        let mut server = TestServer::start(database);
        let mut client = Browser::of(&server);
        client.register("ada");
        let sessions: Vec<_> = (0..11)
            .map(|_| {
                // Sessions of one moment have no oldest.
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
