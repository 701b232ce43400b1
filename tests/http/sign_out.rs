//! Sign-out: tokens of an ended session are refused from the next request on.

use std::time::Duration;

use portcullis_testkit::{Answer, Browser, TestDatabase, TestServer};

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

/// A browser after a long pause: the access token has expired without a refresh.
fn after_lunch(database: TestDatabase) -> (TestServer, Browser, String) {
    let server = TestServer::start(database);
    let mut browser = Browser::of(&server);
    browser.register("ada");
    let refresh_token = browser.sign_in("ada").field("refresh_token");
    server.clock().advance(Duration::from_secs(31 * 60));
    assert_eq!(browser.get("/api/auth/me", &[]).code(), "invalid_token");
    (server, browser, refresh_token)
}

fn sign_out(browser: &mut Browser, headers: &[(&str, &str)], body: &str) -> Answer {
    let json = [("content-type", "application/json")];
    let more = if body.is_empty() { &json[..0] } else { &json[..] };
    browser.send("POST", "/api/auth/logout", &[headers, more].concat(), body)
}

fn body_of(refresh_token: &str) -> String {
    format!(r#"{{"refresh_token":"{refresh_token}"}}"#)
}

#[test]
fn whatever_is_left_of_a_session_signs_it_out_and_the_browser_keeps_nothing() {
    const KEPT: [&[&str]; 4] =
        [&["access_token", "refresh_binding"], &["access_token"], &["refresh_binding"], &[]];
    for kept in KEPT {
        TestDatabase::on_both(|database| {
            let (server, mut browser, refresh_token) = after_lunch(database);
            let stolen = browser.cookies().clone();
            browser.cookies().retain(|name, _| kept.contains(&name.as_str()));
            let body = if kept.is_empty() { body_of(&refresh_token) } else { String::new() };
            let answer = sign_out(&mut browser, &[("origin", server.origin())], &body);
            assert_eq!(answer.status, 204, "{kept:?}");
            assert!(browser.cookies().is_empty(), "{kept:?}");
            for name in ["access_token", "refresh_binding"] {
                assert!(answer.set_cookie(name).is_some_and(|value| value.contains("Max-Age=0")));
            }
            let mut thief = Browser::of(&server);
            thief.cookies().clone_from(&stolen);
            assert_eq!(thief.refresh(&refresh_token).code(), "invalid_refresh_token", "{kept:?}");
            let ended = "SELECT count(*) FROM security_events WHERE kind = 'sign_out'";
            assert_eq!(server.database().store().number(ended).expect("a count"), 1, "{kept:?}");
        });
    }
}

#[test]
fn a_client_without_cookies_signs_out_by_an_expired_or_used_token() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut client = Browser::of(&server);
        client.register("ada");
        let (by_access, by_refresh) =
            (client.sign_in_for_tokens("ada"), client.sign_in_for_tokens("ada"));
        let next = client.refresh(&by_refresh.field("refresh_token")).field("refresh_token");
        server.clock().advance(Duration::from_secs(31 * 60));

        let bearer = format!("Bearer {}", by_access.field("access_token"));
        let headers = [("authorization", bearer.as_str())];
        assert_eq!(sign_out(&mut client, &headers, "").status, 204);
        let refreshed = client.refresh(&by_access.field("refresh_token"));
        assert_eq!(refreshed.code(), "invalid_refresh_token");
        assert_eq!(sign_out(&mut client, &headers, "").code(), "invalid_token", "it is over");

        let used = body_of(&by_refresh.field("refresh_token"));
        assert_eq!(sign_out(&mut client, &[], &used).status, 204);
        assert_eq!(client.refresh(&next).code(), "invalid_refresh_token");
    });
}

#[test]
fn no_other_site_signs_anybody_out() {
    let (server, mut browser, refresh_token) = after_lunch(TestDatabase::sqlite());
    let all = browser.cookies().clone();
    let body = body_of(&refresh_token);
    for page in [
        vec![("origin", "https://evil.example")],
        vec![("origin", "null")],
        vec![("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site")],
        vec![("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
        // A request without headers of a page is not from a browser, and has no browser cookies.
        vec![],
    ] {
        for kept in [&["access_token", "refresh_binding"][..], &["refresh_binding"]] {
            browser.cookies().clone_from(&all);
            browser.cookies().retain(|name, _| kept.contains(&name.as_str()));
            let answer = sign_out(&mut browser, &page, "");
            assert_eq!((answer.status, answer.code().as_str()), (403, "csrf_failed"), "{page:?}");
            if !page.is_empty() {
                assert_eq!(sign_out(&mut browser, &page, &body).code(), "csrf_failed", "{page:?}");
            }
        }
    }
    browser.cookies().clone_from(&all);
    assert_eq!(
        browser.refresh(&refresh_token).status,
        200,
        "still signed in at {}",
        server.origin()
    );
}

#[test]
fn a_csrf_token_that_is_shown_must_be_that_of_the_session_though_its_access_token_has_expired() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    browser.register("ada");
    browser.sign_in("ada");
    let (kept, origin) = (browser.csrf_token(), server.origin());
    let mut other = Browser::of(&server);
    other.sign_in("ada");
    let foreign = other.csrf_token();
    server.clock().advance(Duration::from_secs(31 * 60));
    let headers = [("origin", origin), ("x-csrf-token", foreign.as_str())];
    assert_eq!(sign_out(&mut browser, &headers, "").code(), "csrf_failed");
    let headers = [("origin", origin), ("x-csrf-token", kept.as_str())];
    assert_eq!(sign_out(&mut browser, &headers, "").status, 204);
}

#[test]
fn a_browser_with_nothing_but_rubbish_is_cleaned_and_one_with_nothing_is_challenged() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    let own = [("origin", server.origin())];
    for name in ["access_token", "refresh_binding"] {
        browser.cookies().insert(name.to_owned(), "rubbish".to_owned());
    }
    assert_eq!(sign_out(&mut browser, &own, "").status, 204);
    assert!(browser.cookies().is_empty());
    assert_eq!(sign_out(&mut browser, &own, "").code(), "not_authenticated");
    assert_eq!(sign_out(&mut browser, &own, r#"{"token":"x"}"#).code(), "invalid_request");
    let answer = browser.send("POST", "/api/auth/logout", &own, "refresh_token=x");
    assert_eq!(answer.status, 415);
}
