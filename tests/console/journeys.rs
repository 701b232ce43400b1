//! Journeys of people through the pages, in a real browser with real clicks and keys.

use std::time::Duration;

use portcullis_flows::identity::registration::RegistrationAnswer;
use portcullis_testkit::{
    Browser, Chromium, PASSWORD, Page, TestDatabase, TestServer, TestSettings,
};

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
    assert_eq!(page.evaluate("document.activeElement.id"), "faults", "it is read first");
    assert_eq!(page.evaluate("document.title"), "Error: Sign in · Portcullis");
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
fn a_person_registers_follows_the_mailed_link_and_resets_the_password() {
    const NEW: &str = "amber-walrus-paints-9-fences";
    let settings = TestSettings {
        registration_answer: RegistrationAnswer::Verified,
        ..TestSettings::default()
    };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let mut chromium = Chromium::start();
    let mut page = chromium.page();
    watch_policy(&mut page);
    page.open(&format!("{}/console/sign-in", server.origin()));
    page.follow("a[href='/console/register']");
    page.fill("#username", "ada");
    page.fill("#email", "ada@example.org");
    page.fill("#password", "short");
    // The form says at once what is wrong, where it is, and keeps the rest.
    page.follow("form button");
    assert_eq!(page.evaluate("document.querySelector('#username').value"), "ada");
    page.click("#faults a[href='#password']");
    assert_eq!(page.evaluate("location.hash"), "#password");
    page.fill("#password", PASSWORD);
    page.follow("form button");
    assert_eq!(page.path(), "/console/check-mail");

    let token = server.database().only_link();
    page.open(&format!("{}/console/verify-email?token={token}", server.origin()));
    page.follow("form button");
    assert!(page.text().contains("Your email address is confirmed"));
    page.follow(".actions a");
    page.fill("#username", "ada");
    page.fill("#password", PASSWORD);
    page.submit();
    assert_eq!(page.path(), "/console");

    let mut elsewhere = Browser::of(&server);
    elsewhere.submit("/console/forgot-password", &[("email", "ada@example.org")]);
    let token = server.database().only_link();
    page.open(&format!("{}/console/reset-password?token={token}", server.origin()));
    page.fill("#new_password", NEW);
    page.submit();
    assert!(page.text().contains("all sessions have ended"));
    page.open(&format!("{}/console/sessions", server.origin()));
    assert_eq!(page.path(), "/console/sign-in");
    page.fill("#username", "ada");
    page.fill("#password", NEW);
    page.submit();
    assert_eq!(page.path(), "/console/sessions");
    assert_eq!(page.evaluate("window.refused.length"), 0);
}

#[test]
fn a_link_on_another_site_opens_signed_in_after_the_access_token_has_expired() {
    let server = TestServer::start(TestDatabase::sqlite());
    Browser::of(&server).register("ada");
    let mut chromium = Chromium::start();
    let mut page = chromium.page();
    let console = server.origin().to_owned();
    page.open(&format!("{console}/console/sign-in"));
    page.fill("#username", "ada");
    page.fill("#password", PASSWORD);
    page.submit();
    server.clock().advance(Duration::from_secs(1_801));
    // To the browser, the name and the address are two sites.
    let other = console.replace("127.0.0.1", "localhost");
    page.open(&format!("{other}/health/live"));
    page.ignore_content_policies();
    page.open(&format!("{other}/health/live"));
    page.evaluate(&format!(
        "(() => {{ const link = document.createElement('a'); link.href = '{console}/console'; \
           link.textContent = 'x'; link.id = 'x'; document.body.replaceChildren(link); }})()"
    ));
    page.click("#x");
    page.event("Page.frameNavigated", |event| {
        event["frame"]["url"] == format!("{console}/console")
    });
    page.event("Page.loadEventFired", |_| true);
    assert!(page.text().contains("ada@example.org"));
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
