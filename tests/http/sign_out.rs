//! What has ended is refused from the next request on, and stays refused.

use portcullis_testkit::{Browser, TestDatabase, TestServer};

#[test]
fn a_signed_out_browser_and_its_stolen_tokens_are_refused_at_once_and_after_a_restart() {
    TestDatabase::on_both(|database| {
        let mut server = TestServer::start(database);
        let mut browser = Browser::of(&server);
        browser.register("ada");
        let refresh_token = browser.sign_in("ada").field("refresh_token");
        let stolen = browser.cookies().clone();
        assert_eq!(browser.sign_out("/api/auth/logout").status, 204);

        for _ in ["at once", "after a restart"] {
            let mut thief = Browser::of(&server);
            thief.cookies().clone_from(&stolen);
            assert_eq!(thief.get("/api/auth/me", &[]).code(), "invalid_token");
            assert_eq!(thief.refresh(&refresh_token).code(), "invalid_refresh_token");
            server.restart();
        }
    });
}

#[test]
fn a_signed_out_bearer_token_is_refused_at_once_and_after_a_restart() {
    TestDatabase::on_both(|database| {
        let mut server = TestServer::start(database);
        let mut client = Browser::of(&server);
        client.register("ada");
        let token = client.sign_in_for_tokens("ada").field("access_token");
        let bearer = format!("Bearer {token}");
        let signed_out = client.send("POST", "/api/auth/logout", &[("authorization", &bearer)], "");
        assert_eq!(signed_out.status, 204);

        for _ in ["at once", "after a restart"] {
            let me = Browser::of(&server).get_as("/api/auth/me", &token);
            assert_eq!((me.status, me.code().as_str()), (401, "invalid_token"));
            server.restart();
        }
    });
}

#[test]
fn signing_out_ends_this_session_only() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let (mut one, mut other) = (Browser::of(&server), Browser::of(&server));
        one.register("ada");
        one.sign_in("ada");
        other.sign_in("ada");
        one.sign_out("/api/auth/logout");
        assert_eq!(other.get("/api/auth/me", &[]).status, 200);
    });
}

#[test]
fn signing_out_everywhere_ends_every_session_of_this_account_and_of_no_other() {
    TestDatabase::on_both(|database| {
        let mut server = TestServer::start(database);
        let mut one = Browser::of(&server);
        let (mut other, mut stranger) = (one.clone(), one.clone());
        one.register("ada");
        one.register("grace");
        one.sign_in("ada");
        let token = other.sign_in_for_tokens("ada").field("access_token");
        let refresh_token = other.sign_in("ada").field("refresh_token");
        let strangers_token = stranger.sign_in_for_tokens("grace").field("access_token");
        assert_eq!(one.sign_out("/api/auth/logout/all").status, 204);

        assert_eq!(other.get("/api/auth/me", &[]).code(), "invalid_token");
        assert_eq!(other.refresh(&refresh_token).code(), "invalid_refresh_token");
        assert_eq!(stranger.get_as("/api/auth/me", &token).code(), "invalid_token");
        assert_eq!(stranger.get_as("/api/auth/me", &strangers_token).status, 200);
        server.restart();
        stranger = Browser::of(&server);
        assert_eq!(stranger.get_as("/api/auth/me", &token).code(), "invalid_token");
        assert_eq!(stranger.get_as("/api/auth/me", &strangers_token).status, 200);
    });
}

#[test]
fn nobody_signs_out_twice() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut client = Browser::of(&server);
    client.register("ada");
    let bearer = format!("Bearer {}", client.sign_in_for_tokens("ada").field("access_token"));
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(client.send("POST", "/api/auth/logout", &headers, "").status, 204);
    assert_eq!(client.send("POST", "/api/auth/logout", &headers, "").code(), "invalid_token");
}
