//! The change of the own password by a page, also where it must be changed.

use portcullis_testkit::{Browser, PASSWORD, TestDatabase, TestServer};

use crate::form::{input, location, sign_in, signed_in, submit, value};

const NEW: &str = "amber-walrus-paints-9-fences";

#[test]
fn a_change_keeps_this_browser_signed_in_and_ends_the_others() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut browser = signed_in(&server, "ada");
        let mut other = Browser::of(&server);
        sign_in(&mut other, "ada");
        let fields = [("current_password", PASSWORD), ("new_password", NEW)];
        let answer = submit(&mut browser, "/console/password", &fields);
        assert_eq!(location(&answer), "/console?notice=password");
        let home = browser.get("/console?notice=password", &[]);
        assert!(home.text.contains("all other sessions have ended"), "{}", home.text);
        browser.cookies().remove("access_token");
        assert_eq!(location(&browser.get("/console/renew", &[])), "/console");
        assert_eq!(browser.get("/console", &[]).status, 200);
        assert_eq!(location(&other.get("/console", &[])), "/console/renew");
    });
}

#[test]
fn a_refusal_marks_its_field_and_repeats_no_password() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = signed_in(&server, "ada");
    for (current, new, status, field) in [
        ("not-the-password-of-ada", NEW, 403, "current_password"),
        (PASSWORD, "short", 422, "new_password"),
        (PASSWORD, PASSWORD, 422, "new_password"),
    ] {
        let fields = [("current_password", current), ("new_password", new)];
        let answer = submit(&mut browser, "/console/password", &fields);
        assert_eq!(answer.status, status, "{}", answer.text);
        assert!(input(&answer, field).contains("aria-invalid=\"true\""), "{}", answer.text);
        assert!(!answer.text.contains(current) && !answer.text.contains(NEW), "{}", answer.text);
    }
    let fields = [("current_password", PASSWORD), ("new_password", NEW)];
    assert_eq!(browser.submit("/console/password", &fields).status, 403, "without the token");
}

#[test]
fn a_password_that_must_be_changed_leads_to_its_page() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut browser = Browser::of(&server);
    browser.register("ada");
    let change = "UPDATE accounts SET password_must_change = true";
    server.database().store().execute(change).expect("the account is there");
    sign_in(&mut browser, "ada");
    for path in ["/console/sessions", "/console/profile"] {
        assert_eq!(location(&browser.get(path, &[])), "/console/password", "{path}");
    }
    assert!(browser.get("/console", &[]).text.contains("Your password must be changed"));
    let page = browser.get("/console/password", &[]);
    assert!(page.text.contains("Your password must be changed"), "{}", page.text);
    let csrf = value(&page, "csrf_token");
    let fields = [("csrf_token", &*csrf), ("current_password", PASSWORD), ("new_password", NEW)];
    let answer = browser.submit("/console/password", &fields);
    assert_eq!(location(&answer), "/console?notice=password");
    assert_eq!(browser.get("/console/sessions", &[]).status, 200);
}

#[test]
fn password_managers_find_the_page() {
    let server = TestServer::start(TestDatabase::sqlite());
    let answer = Browser::of(&server).get("/.well-known/change-password", &[]);
    assert_eq!(location(&answer), "/console/password");
}
