//! Sign-in by a page: what is set, what is refused, and that a refusal tells nothing.

use std::time::Duration;

use portcullis_testkit::{Browser, PASSWORD, TestDatabase, TestServer, TestSettings};

use crate::form::{input, location, sign_in, value};

#[test]
fn a_sign_in_leads_to_the_account_with_cookies_that_no_script_reads() {
    let settings = TestSettings { secure_cookies: true, ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let mut browser = Browser::of(&server);
    browser.register("ada");
    let answer = sign_in(&mut browser, "ada");
    assert_eq!(location(&answer), "/console");
    for (name, same_site) in [
        ("__Host-access_token", "Lax"),
        ("__Host-refresh_token", "Strict"),
        ("__Host-refresh_binding", "Strict"),
        ("__Host-device", "Strict"),
    ] {
        let cookie = answer.set_cookie(name).unwrap_or_else(|| panic!("no {name}"));
        let attributes = format!("; HttpOnly; SameSite={same_site}; Secure; Path=/");
        assert!(cookie.contains(&attributes), "{cookie}");
    }
    let home = browser.get("/console", &[]);
    assert_eq!(home.status, 200);
    assert!(home.text.contains("ada@example.org"), "{}", home.text);
}

#[test]
fn an_unknown_account_and_a_wrong_password_get_the_same_page() {
    let server = TestServer::start(TestDatabase::sqlite());
    Browser::of(&server).register("ada");
    let refused = |username: &str, password: &str| {
        let fields = [("username", username), ("password", password), ("next", "")];
        let answer = Browser::of(&server).submit("/console/sign-in", &fields);
        assert_eq!(answer.status, 401);
        assert!(!answer.text.contains(password), "a password is not repeated");
        assert_eq!(value(&answer, "username"), username, "a name is");
        answer.text.replace(username, "NAME")
    };
    let wrong = refused("ada", "not-the-password-of-ada");
    assert_eq!(wrong, refused("bob", "not-the-password-of-ada"));
    assert!(wrong.contains("role=\"alert\""), "{wrong}");
    assert!(wrong.contains("The name or the password is not right"), "{wrong}");
}

#[test]
fn the_right_password_during_a_wait_gets_the_page_of_a_wrong_one() {
    let server = TestServer::start(TestDatabase::sqlite());
    Browser::of(&server).register("ada");
    let attempt = |password: &str| {
        let fields = [("username", "ada"), ("password", password), ("next", "")];
        Browser::of(&server).submit("/console/sign-in", &fields)
    };
    for _ in 0..6 {
        assert_eq!(attempt("not-the-password-of-ada").status, 401);
    }
    let (wrong, right) = (attempt("not-the-password-of-ada"), attempt(PASSWORD));
    assert_eq!((right.status, right.text), (wrong.status, wrong.text));
    server.clock().advance(Duration::from_secs(3_600));
    assert_eq!(location(&attempt(PASSWORD)), "/console");
}

#[test]
fn pages_and_api_share_one_limit() {
    let mut settings = TestSettings::default();
    settings.rate_limits.routes = Vec::new();
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let mut browser = Browser::of(&server);
    browser.register("ada");
    for _ in 0..3 {
        browser.sign_in("nobody");
    }
    let fields = [("username", "nobody"), ("password", "x"), ("next", "")];
    for _ in 0..2 {
        assert_eq!(browser.submit("/console/sign-in", &fields).status, 401);
    }
    let answer = browser.submit("/console/sign-in", &fields);
    assert_eq!(answer.status, 429);
    let wait = answer.header("retry-after").expect("a page says it too");
    assert!(answer.text.contains(&format!("Try again in {wait} seconds.")), "{}", answer.text);
}

#[test]
fn a_form_of_another_site_signs_nobody_in() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    browser.register("ada");
    let body = format!("username=ada&password={PASSWORD}&next=");
    for foreign in [
        [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")],
        [("origin", "null"), ("sec-fetch-site", "cross-site")],
    ] {
        let form = ("content-type", "application/x-www-form-urlencoded");
        let headers = [foreign[0], foreign[1], form];
        let answer = browser.send("POST", "/console/sign-in", &headers, &body);
        assert_eq!(answer.status, 403);
        assert!(answer.text.contains("The form did not come from this page"), "{}", answer.text);
        assert!(browser.cookies().is_empty());
    }
}

#[test]
fn the_fields_work_with_password_managers() {
    let server = TestServer::start(TestDatabase::sqlite());
    let page = Browser::of(&server).get("/console/sign-in", &[]);
    let (name, password) = (input(&page, "username"), input(&page, "password"));
    assert!(name.contains("autocomplete=\"username webauthn\""), "{name}");
    assert!(password.contains("autocomplete=\"current-password\""), "{password}");
    assert!(!page.text.contains("onpaste"));
    for id in ["username", "password"] {
        assert!(page.text.contains(&format!("<label for=\"{id}\">")), "{id}");
    }
}

#[test]
fn a_sign_in_by_the_api_leaves_no_refresh_token_of_the_pages_behind() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    browser.register("ada");
    sign_in(&mut browser, "ada");
    assert!(browser.cookies().contains_key("refresh_token"));
    browser.sign_in("ada");
    assert!(!browser.cookies().contains_key("refresh_token"));
    server.clock().advance(Duration::from_secs(1_801));
    browser.cookies().remove("access_token");
    assert_eq!(location(&browser.get("/console/renew", &[])), "/console/sign-in");
    let mails = server.database().mails();
    assert!(mails.iter().all(|mail| mail.mail.kind() != "refresh_token_reuse"), "no alarm");
}

#[test]
fn a_name_with_invisible_characters_is_named_at_its_field() {
    let server = TestServer::start(TestDatabase::sqlite());
    let fields = [("username", "a\u{202e}b"), ("password", PASSWORD), ("next", "")];
    let answer = Browser::of(&server).submit("/console/sign-in", &fields);
    assert_eq!(answer.status, 400);
    let name = input(&answer, "username");
    assert!(name.contains("aria-invalid=\"true\""), "{name}");
    assert!(name.contains("aria-describedby=\"username-fault\""), "{name}");
    assert!(answer.text.contains("id=\"username-fault\""), "{}", answer.text);
    assert!(answer.text.contains("href=\"#username\""), "{}", answer.text);
}
