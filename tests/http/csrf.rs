//! CSRF: a request with cookie authentication needs an allowed origin and a CSRF token.

use portcullis_testkit::{Answer, Browser, TestDatabase, TestServer, TestSettings};

const CORS_ORIGIN: &str = "https://app.example.org";

#[test]
fn a_cookie_alone_changes_nothing() {
    let (server, mut browser) = signed_in();
    let origin = server.origin().to_owned();
    assert_refused(&sign_out(&mut browser, &[]));
    assert_refused(&sign_out(&mut browser, &[("origin", &origin)]));
    assert_refused(&sign_out(&mut browser, &[("sec-fetch-site", "same-origin")]));
}

#[test]
fn a_token_without_a_page_changes_nothing() {
    let (_server, mut browser) = signed_in();
    let token = browser.csrf_token();
    assert_refused(&sign_out(&mut browser, &[("x-csrf-token", &token)]));
}

#[test]
fn a_token_that_is_not_this_sessions_changes_nothing() {
    let (server, mut browser) = signed_in();
    let genuine = browser.csrf_token();
    let mut other_session = Browser::of(&server);
    other_session.sign_in("ada");
    let mut other_account = Browser::of(&server);
    other_account.register("mallory");
    other_account.sign_in("mallory");

    let reversed: String = genuine.chars().rev().collect();
    for token in [
        String::new(),
        "wrong".to_owned(),
        reversed,
        format!("{genuine}="),
        genuine[1..].to_owned(),
        other_session.csrf_token(),
        other_account.csrf_token(),
    ] {
        let headers = [("sec-fetch-site", "same-origin"), ("x-csrf-token", &token)];
        assert_refused(&sign_out(&mut browser, &headers));
    }
}

#[test]
fn a_foreign_page_changes_nothing_even_with_the_right_token() {
    let (server, mut browser) = signed_in();
    let token = browser.csrf_token();
    let (own, evil) = (server.origin().to_owned(), "https://evil.example");
    let other_port = format!("{own}0");
    let other_scheme = own.replace("http://", "https://");
    let trailing_slash = format!("{own}/");
    for page in [
        vec![("origin", evil)],
        vec![("origin", "null")],
        vec![("origin", "")],
        vec![("origin", &other_port)],
        vec![("origin", &other_scheme)],
        vec![("origin", &trailing_slash)],
        vec![("origin", "https://app.example.org.evil.example")],
        vec![("origin", "http://app.example.org")],
        vec![("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site")],
        vec![("sec-fetch-site", "none")],
        vec![("sec-fetch-site", "Same-Origin")],
        vec![("sec-fetch-site", "cross-site"), ("origin", evil)],
        vec![("sec-fetch-site", "same-site"), ("origin", "null")],
    ] {
        let headers = [page.clone(), vec![("x-csrf-token", token.as_str())]].concat();
        assert_refused(&sign_out(&mut browser, &headers));
    }
    assert_eq!(browser.get("/api/auth/me", &[]).status, 200, "still signed in");
}

#[test]
fn the_own_page_and_those_that_cors_allows_do_with_the_right_token() {
    for page in [
        [("origin", "own")].as_slice(),
        &[("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "same-origin"), ("origin", "own")],
        &[("sec-fetch-site", "cross-site"), ("origin", CORS_ORIGIN)],
    ] {
        let (server, mut browser) = signed_in();
        let token = browser.csrf_token();
        let said = |value| if value == "own" { server.origin() } else { value };
        let mut headers: Vec<_> = page.iter().map(|(name, value)| (*name, said(*value))).collect();
        headers.push(("x-csrf-token", &token));
        assert_eq!(sign_out(&mut browser, &headers).status, 204, "{page:?}");
    }
}

#[test]
fn a_bearer_token_needs_no_page_because_no_browser_adds_it_by_itself() {
    let (_server, mut browser) = signed_in();
    browser.cookies().clear();
    let bearer = format!("Bearer {}", browser.sign_in_for_tokens("ada").field("access_token"));
    let headers = [("authorization", bearer.as_str()), ("origin", "https://evil.example")];
    assert_eq!(sign_out(&mut browser, &headers).status, 204);
}

#[test]
fn an_authorization_header_does_not_switch_the_check_off() {
    let (_server, mut browser) = signed_in();
    let answer = sign_out(&mut browser, &[("authorization", "Bearer x")]);
    assert_eq!((answer.status, answer.code().as_str()), (400, "ambiguous_credentials"));
    let answer = sign_out(&mut browser, &[("authorization", "Basic x")]);
    assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_token"));
}

#[test]
fn a_method_that_changes_something_cannot_be_smuggled_past_the_check() {
    let (_server, mut browser) = signed_in();
    for header in ["x-http-method-override", "x-method-override", "x-http-method"] {
        let answer = browser.get("/api/auth/logout", &[(header, "POST")]);
        assert_eq!((answer.status, answer.code().as_str()), (405, "method_not_allowed"));
    }
    assert_eq!(browser.get("/api/auth/me", &[]).status, 200);
}

#[test]
fn each_token_is_different_and_each_of_them_works() {
    let (_server, mut browser) = signed_in();
    let (first, second) = (browser.csrf_token(), browser.csrf_token());
    assert_ne!(first, second);
    let headers = [("sec-fetch-site", "same-origin"), ("x-csrf-token", first.as_str())];
    assert_eq!(sign_out(&mut browser, &headers).status, 204);
}

fn signed_in() -> (TestServer, Browser) {
    let cors_origins = vec![CORS_ORIGIN.to_owned()];
    let settings = TestSettings { cors_origins, ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let mut browser = Browser::of(&server);
    browser.register("ada");
    browser.sign_in("ada");
    (server, browser)
}

fn sign_out(browser: &mut Browser, headers: &[(&str, &str)]) -> Answer {
    browser.send("POST", "/api/auth/logout", headers, "")
}

fn assert_refused(answer: &Answer) {
    assert_eq!((answer.status, answer.code().as_str()), (403, "csrf_failed"));
}
