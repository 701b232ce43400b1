//! Where a browser goes that is not signed in, and that no link leads to another site.

use portcullis_console::route_table;
use portcullis_testkit::{Browser, PASSWORD, TestDatabase, TestServer, TestSettings};
use portcullis_web::Method;

use crate::form::{location, value};

#[test]
fn the_root_and_the_folder_lead_to_the_first_page() {
    let server = TestServer::start(TestDatabase::sqlite());
    for path in ["/", "/console/"] {
        assert_eq!(location(&Browser::of(&server).get(path, &[])), "/console");
    }
}

#[test]
fn every_page_behind_the_sign_in_leads_to_it_and_back() {
    let server = TestServer::start(TestDatabase::sqlite());
    for route in route_table() {
        let path = route.path.replace("{id}", "1");
        if route.guard.is_signed_in() && route.method == Method::Get {
            let mut browser = Browser::of(&server);
            let renewal = location(&browser.get(&path, &[])).to_owned();
            assert!(renewal.starts_with("/console/renew"), "{path}: {renewal}");
            let sign_in = location(&browser.get(&renewal, &[])).to_owned();
            assert!(sign_in.starts_with("/console/sign-in"), "{path}: {sign_in}");
            let next = value(&browser.get(&sign_in, &[]), "next");
            // The confirmation is part of the way to another page.
            let back = if path == "/console/confirm" { "/console" } else { &*path };
            assert_eq!(next, back);
        }
    }
}

#[test]
fn a_spelling_of_a_path_is_a_page_like_the_path() {
    let server = TestServer::start(TestDatabase::sqlite());
    let [page, spelled] =
        ["/console/sign-in", "/%63onsole/sign-in"].map(|path| Browser::of(&server).get(path, &[]));
    assert_eq!((page.status, spelled.status), (200, 200));
    for header in ["content-security-policy", "referrer-policy"] {
        assert_eq!(page.header(header), spelled.header(header));
    }
    let renewal = Browser::of(&server).get("/%63onsole/sessions", &[]);
    assert!(location(&renewal).starts_with("/console/renew"));
}

#[test]
fn origins_that_may_use_the_api_neither_read_nor_send_pages() {
    const APP: &str = "https://app.example.org";
    let settings = TestSettings { cors_origins: vec![APP.to_owned()], ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let mut browser = Browser::of(&server);
    browser.register("ada");
    let headers = [("origin", APP), ("sec-fetch-site", "same-site")];
    for (path, is_shared) in [("/api/auth/csrf", true), ("/console/sign-in", false)] {
        let allowed = browser.get(path, &headers);
        for header in ["access-control-allow-origin", "access-control-allow-credentials"] {
            assert_eq!(allowed.header(header).is_some(), is_shared, "{path} {header}");
        }
    }
    let form = [("content-type", "application/x-www-form-urlencoded"), headers[0], headers[1]];
    let body = format!("username=ada&password={PASSWORD}");
    let refused = browser.send("POST", "/console/sign-in", &form, &body);
    assert_eq!(refused.status, 403, "{}", refused.text);
    assert_eq!(browser.send("POST", "/api/auth/login", &form, &body).status, 200);
}

#[test]
fn a_sign_in_leads_to_a_page_of_this_server_only() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    browser.register("ada");
    for (next, expected) in [
        ("/console/sessions?x=y", "/console/sessions?x=y"),
        ("https://evil.example/", "/console"),
        ("//evil.example/console", "/console"),
        ("/\\evil.example", "/console"),
        ("/console/../api/auth/me", "/console"),
        ("/api/auth/logout", "/console"),
        ("javascript:alert(1)", "/console"),
        ("/console/a\r\nset-cookie: a=b", "/console"),
        ("/console/sign-out", "/console"),
    ] {
        let fields = [("username", "ada"), ("password", PASSWORD), ("next", next)];
        let answer = browser.submit("/console/sign-in", &fields);
        assert_eq!(location(&answer), expected, "{next:?}");
        assert_eq!(answer.header("a"), None);
    }
}

#[test]
fn a_link_of_another_site_shows_no_notice_of_what_has_not_happened() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    let path = "/console/sign-in?notice=reset";
    let told = |browser: &mut Browser, site: &str| {
        browser.get(path, &[("sec-fetch-site", site)]).text.contains("Your password is changed")
    };
    assert!(told(&mut browser, "same-origin") && told(&mut browser, "none"));
    assert!(!told(&mut browser, "cross-site") && !told(&mut browser, "same-site"));
}

#[test]
fn passkeys_are_offered_where_the_server_has_them() {
    for named in [false, true] {
        let settings = TestSettings { named, ..TestSettings::default() };
        let server = TestServer::with(TestDatabase::sqlite(), settings);
        let mut browser = Browser::of(&server);
        let page = browser.get("/console/sign-in", &[]);
        assert_eq!(page.text.contains("data-passkey"), named, "{}", page.text);
    }
}
