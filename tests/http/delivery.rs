//! Delivery of tokens: a token in a cookie is not in the body, and the reverse.

use portcullis_testkit::{Answer, Browser, TestDatabase, TestServer, TestSettings};

#[test]
fn by_cookie_the_access_token_is_in_no_body_and_the_refresh_token_in_no_header() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    browser.register("ada");
    let signed_in = browser.sign_in("ada");
    let refreshed = browser.refresh(&signed_in.field("refresh_token"));
    for answer in [signed_in, refreshed] {
        let access_token = browser.cookies()["access_token"].clone();
        assert!(answer.json().get("access_token").is_none());
        assert!(!answer.text.contains(&access_token));
        for secret in ["refresh_binding", "device"] {
            assert!(!answer.text.contains(&browser.cookies()[secret]), "{secret} is in the body");
        }
        let refresh_token = answer.field("refresh_token");
        assert!(answer.headers.iter().all(|(_, value)| !value.contains(&refresh_token)));
    }
}

#[test]
fn by_body_no_cookie_is_ever_set() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut client = Browser::of(&server);
    client.register("ada");
    let signed_in = client.sign_in_for_tokens("ada");
    let refreshed = client.refresh(&signed_in.field("refresh_token"));
    for answer in [signed_in, refreshed] {
        assert_eq!(answer.header("set-cookie"), None);
        let me = client.get_as("/api/auth/me", &answer.field("access_token"));
        assert_eq!(me.status, 200);
    }
}

#[test]
fn cookies_have_every_attribute_they_need() {
    let server = TestServer::start(TestDatabase::sqlite());
    let answer = signed_in(&server);
    assert_eq!(attributes(&answer, "access_token"), "HttpOnly; SameSite=Lax; Path=/; Max-Age=1800");
    assert_eq!(
        attributes(&answer, "refresh_binding"),
        "HttpOnly; SameSite=Strict; Path=/; Max-Age=2592000"
    );
    assert_eq!(
        attributes(&answer, "device"),
        "HttpOnly; SameSite=Strict; Path=/; Max-Age=34560000"
    );
}

#[test]
fn secure_cookies_are_secure_and_belong_to_this_host_alone() {
    let settings = TestSettings { secure_cookies: true, ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let answer = signed_in(&server);
    assert_eq!(
        attributes(&answer, "__Host-access_token"),
        "HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=1800"
    );
    assert_eq!(
        attributes(&answer, "__Host-refresh_binding"),
        "HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=2592000"
    );
    assert_eq!(
        attributes(&answer, "__Host-device"),
        "HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=34560000"
    );
    let others = answer.headers.iter().filter(|(name, value)| {
        name == "set-cookie" && !value.starts_with("__Host-")
            || value.to_lowercase().contains("domain=")
    });
    assert_eq!(others.count(), 0);
}

#[test]
fn secure_cookies_work_and_their_unprotected_namesakes_do_not() {
    let settings = TestSettings { secure_cookies: true, ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let mut browser = Browser::of(&server);
    browser.register("ada");
    browser.sign_in("ada");
    assert_eq!(browser.get("/api/auth/me", &[]).status, 200);

    let token = browser.cookies().remove("__Host-access_token").unwrap();
    browser.cookies().insert("access_token".to_owned(), token);
    assert_eq!(browser.get("/api/auth/me", &[]).code(), "not_authenticated");
}

#[test]
fn no_cookie_is_too_long_for_a_browser() {
    let server = TestServer::start(TestDatabase::sqlite());
    let answer = signed_in(&server);
    let cookies = answer.headers.iter().filter(|(name, _)| name == "set-cookie");
    assert!(cookies.clone().count() == 4 && cookies.clone().all(|(_, value)| value.len() < 4096));
}

#[test]
fn a_refresh_sets_the_access_cookie_and_leaves_the_binding_alone() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    browser.register("ada");
    let signed_in = browser.sign_in("ada");
    let refreshed = browser.refresh(&signed_in.field("refresh_token"));
    assert_eq!(
        attributes(&refreshed, "access_token"),
        "HttpOnly; SameSite=Lax; Path=/; Max-Age=1800"
    );
    assert_eq!(refreshed.set_cookie("refresh_binding"), None);
    assert_eq!(refreshed.set_cookie("device"), None);
}

#[test]
fn signing_out_makes_the_browser_forget_the_session_but_not_that_it_was_here() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    browser.register("ada");
    browser.sign_in("ada");
    for path in ["/api/auth/logout", "/api/auth/logout/all"] {
        browser.sign_in("ada");
        let answer = browser.sign_out(path);
        assert_eq!(
            answer.set_cookie("access_token"),
            Some("access_token=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0")
        );
        assert_eq!(
            answer.set_cookie("refresh_binding"),
            Some("refresh_binding=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0")
        );
        assert_eq!(answer.set_cookie("device"), None);
        assert_eq!(answer.header("clear-site-data"), Some("\"cache\", \"storage\""));
    }
}

fn signed_in(server: &TestServer) -> Answer {
    let mut browser = Browser::of(server);
    browser.register("ada");
    browser.sign_in("ada")
}

fn attributes<'a>(answer: &'a Answer, cookie: &str) -> &'a str {
    let cookie = answer.set_cookie(cookie).expect("the cookie is set");
    cookie.split_once("; ").map_or("", |(_, attributes)| attributes)
}
