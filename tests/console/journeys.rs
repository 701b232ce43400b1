//! Journeys of people through the pages, in a real browser with real clicks and keys.

use std::time::Duration;

use portcullis_testkit::{Browser, Chromium, PASSWORD, Page, TestDatabase, TestServer};

/// Notes what the content policy of a page refuses.
fn watch_policy(page: &mut Page<'_>) {
    let source = "window.refused = []; \
        addEventListener('securitypolicyviolation', event => refused.push(event.blockedURI))";
    page.call("Page.addScriptToEvaluateOnNewDocument", &serde_json::json!({ "source": source }));
}

#[test]
fn a_person_signs_in_and_out_with_the_keyboard_alone() {
    let server = TestServer::start(TestDatabase::sqlite());
    Browser::of(&server).register("ada");
    let mut chromium = Chromium::start();
    let mut page = chromium.page();
    watch_policy(&mut page);
    page.open(&format!("{}/", server.origin()));
    assert_eq!(page.path(), "/console/sign-in");
    assert_eq!(page.evaluate("document.activeElement.id"), "username");
    page.fill("#username", "ada");
    page.press("Tab");
    assert_eq!(page.evaluate("document.activeElement.id"), "password");
    page.fill("#password", "not-the-password-of-ada");
    page.submit();
    assert!(page.text().contains("The name or the password is not right"));
    assert_eq!(page.evaluate("document.querySelector('#username').value"), "ada");
    assert_eq!(page.evaluate("document.querySelector('#password').value"), "");
    page.fill("#password", PASSWORD);
    page.submit();
    assert_eq!(page.path(), "/console");
    assert!(page.text().contains("ada@example.org"));
    assert_eq!(page.evaluate("window.refused.length"), 0);
    page.follow(".who button");
    assert!(page.text().contains("You are signed out"));
    page.open(&format!("{}/console", server.origin()));
    assert_eq!(page.path(), "/console/sign-in");
}

#[test]
fn an_expired_session_goes_on_without_a_sign_in() {
    let server = TestServer::start(TestDatabase::sqlite());
    Browser::of(&server).register("ada");
    let mut chromium = Chromium::start();
    let mut page = chromium.page();
    page.open(&format!("{}/console/sign-in", server.origin()));
    page.fill("#username", "ada");
    page.fill("#password", PASSWORD);
    page.submit();
    assert_eq!(page.path(), "/console");
    server.clock().advance(Duration::from_secs(1_801));
    page.open(&format!("{}/console", server.origin()));
    assert_eq!(page.path(), "/console");
    assert!(page.text().contains("ada@example.org"));
}
