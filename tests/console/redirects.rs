//! Where a browser goes that is not signed in, and that no link leads to another site.

use portcullis_console::route_table;
use portcullis_testkit::{Browser, PASSWORD, TestDatabase, TestServer};
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
