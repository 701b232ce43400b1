//! Journeys of people through the pages, in a real browser with real clicks and keys.

use std::time::Duration;

use portcullis_domain::Clock;
use portcullis_flows::identity::registration::RegistrationAnswer;
use portcullis_testkit::{
    AuthenticatorApp, Browser, Chromium, PASSWORD, Page, TestDatabase, TestServer, TestSettings,
};
use serde_json::json;

use crate::qr_code::scanned;
use crate::traffic::stays_within;

#[test]
fn a_person_signs_in_and_out() {
    let server = TestServer::start(TestDatabase::sqlite());
    Browser::of(&server).register("ada");
    let mut chromium = Chromium::start();
    let mut page = chromium.page();
    page.open(&format!("{}/", server.origin()));
    assert_eq!(page.path(), "/console/sign-in");
    assert_eq!(page.focus(), "username");
    page.fill("#username", "ada");
    page.press("Tab");
    assert_eq!(page.focus(), "password");
    page.fill("#password", "not-the-password-of-ada");
    page.submit();
    assert!(page.text().contains("The name or the password is not right"));
    assert_eq!(page.focus(), "faults", "it is read first");
    assert_eq!(page.evaluate("document.title"), "Error: Sign in · Portcullis");
    assert_eq!(page.evaluate("document.querySelector('#username').value"), "ada");
    assert_eq!(page.evaluate("document.querySelector('#password').value"), "");
    page.fill("#password", PASSWORD);
    page.submit();
    assert_eq!(page.path(), "/console");
    assert!(page.text().contains("ada@example.org"));
    stays_within(&mut page, &server);
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
    stays_within(&mut page, &server);
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

/// Adds an authenticator, with a check of its user, to the tab.
fn add_authenticator(page: &mut Page<'_>) {
    page.call("WebAuthn.enable", &json!({}));
    let options = json!({ "options": {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": true,
        "hasUserVerification": true, "isUserVerified": true, "automaticPresenceSimulation": true,
    } });
    page.call("WebAuthn.addVirtualAuthenticator", &options);
}

#[test]
fn a_person_protects_an_account_from_the_registration_to_a_reset() {
    const NEW: &str = "amber-walrus-paints-9-fences";
    let settings = TestSettings {
        registration_answer: RegistrationAnswer::Verified,
        named: true,
        ..TestSettings::default()
    };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let console = format!("{}/console", server.origin());
    let mut chromium = Chromium::start();
    let mut page = chromium.page();
    add_authenticator(&mut page);

    page.open(&format!("{console}/register"));
    page.fill("#username", "ada");
    page.fill("#email", "ada@example.org");
    page.fill("#password", PASSWORD);
    page.submit();
    page.open(&format!("{console}/verify-email?token={}", server.database().only_link()));
    page.follow("form button");
    page.follow(".actions a");
    page.fill("#username", "ada");
    page.fill("#password", PASSWORD);
    page.submit();

    // An app, by the picture.
    page.follow("nav a[href='/console/factors']");
    page.follow("a[href='/console/factors/app']");
    page.fill("#current_password", PASSWORD);
    page.submit();
    let picture = page.evaluate("document.querySelector('.qr svg').outerHTML");
    let uri = scanned(picture.as_str().expect("a picture"));
    let (_, secret) = uri.split_once("secret=").expect("a key");
    let app = AuthenticatorApp::of(secret.split('&').next().expect("its end"));
    let code = || {
        server.clock().advance(Duration::from_secs(60));
        app.code(server.clock().now())
    };
    page.fill("#code", &code());
    page.submit();
    assert!(page.text().contains("Your authenticator app is set up"));
    page.follow("a[href='/console/factors/backup-codes']");
    page.fill("#current_password", PASSWORD);
    page.submit();
    assert_eq!(page.evaluate("document.querySelectorAll('[data-line]').length"), 10);
    assert_eq!(page.evaluate("document.querySelector('.tools').hidden"), false);
    page.follow(".actions a");

    page.follow(".who button");
    page.follow(".actions a");
    page.fill("#username", "ada");
    page.fill("#password", PASSWORD);
    page.submit();
    assert!(page.text().contains("Second step"));
    page.fill("#code", &code());
    page.submit();
    assert_eq!(page.path(), "/console");

    // A passkey.
    page.follow("nav a[href='/console/factors']");
    page.follow("a[href='/console/factors/passkeys/add']");
    page.fill("#current_password", PASSWORD);
    page.submit();
    page.fill("#name", "Laptop");
    page.follow("[data-passkey]");
    assert!(page.text().contains("Your passkey is added"), "{}", page.text());
    assert!(page.text().contains("Laptop"));
    page.follow(".who button");
    page.follow(".actions a");
    // The authenticator answers at once, so the browser may sign in by what it fills in.
    if page.path() == "/console/sign-in" {
        page.follow("[data-passkey]");
    }
    assert_eq!(page.path(), "/console", "{}", page.text());
    let methods = "SELECT amr FROM sessions WHERE ended_at IS NULL";
    assert_eq!(server.database().store().texts(methods).expect("a session"), ["hwk user mfa"]);

    // Sensitive actions ask for it again after a while.
    server.clock().advance(Duration::from_secs(1_000));
    page.open(&format!("{console}/email"));
    assert_eq!(page.path(), "/console/confirm");
    page.follow("[data-passkey]");
    assert_eq!(page.path(), "/console/email");

    let mut elsewhere = Browser::of(&server);
    elsewhere.submit("/console/forgot-password", &[("email", "ada@example.org")]);
    page.open(&format!("{console}/reset-password?token={}", server.database().only_link()));
    page.fill("#new_password", NEW);
    page.submit();
    assert!(page.text().contains("all sessions have ended"), "{}", page.text());
    let live = "SELECT count(*) FROM sessions WHERE ended_at IS NULL";
    assert_eq!(server.database().store().number(live).expect("a number"), 0);
    stays_within(&mut page, &server);
}
