//! Links of mails: each leads to a page of the console, which spends the secret only by its button.

use portcullis_flows::identity::registration::RegistrationAnswer;
use portcullis_testkit::{Answer, Browser, PASSWORD, TestDatabase, TestServer, TestSettings};
use serde_json::json;

use crate::form::{location, signed_in, value};
use crate::mailbox::Mailbox;

/// The links of the mails that wait, by the subjects of their mails.
fn links(mailbox: &Mailbox, server: &TestServer) -> Vec<(String, String)> {
    let mails = mailbox.collect(server.database());
    let link = |text: &str| {
        let (_, rest) = text.split_once("https://auth.example.test/")?;
        let path = rest.split_whitespace().next()?;
        path.contains("?token=").then(|| format!("/{path}"))
    };
    let found = mails
        .iter()
        .filter_map(|mail| Some((mail.header("Subject")?, link(&mail.part("text/plain"))?)));
    found.collect()
}

/// Asks for another address, with the API.
fn change_email(browser: &mut Browser, server: &TestServer, email: &str) -> Answer {
    let csrf = browser.csrf_token();
    let origin = server.origin().to_owned();
    let headers = [
        ("content-type", "application/json"),
        ("x-csrf-token", csrf.as_str()),
        ("origin", origin.as_str()),
    ];
    let body = json!({ "email": email, "current_password": PASSWORD }).to_string();
    browser.send("POST", "/api/auth/email/change", &headers, &body)
}

#[test]
fn every_link_of_a_mail_leads_to_its_page() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mailbox = Mailbox::new();
    let mut ada = signed_in(&server, "ada");
    assert_eq!(change_email(&mut ada, &server, "ada@example.net").status, 202);
    Browser::of(&server).submit("/console/forgot-password", &[("email", "ada@example.org")]);
    let mut found = links(&mailbox, &server);
    found.sort();
    found.dedup_by(|one, other| one.0 == other.0);
    assert!(found.len() >= 4, "{found:?}");
    for (subject, link) in &found {
        let page = Browser::of(&server).get(link, &[]);
        assert_eq!(page.status, 200, "{subject}: {link}");
        assert!(!value(&page, "token").is_empty(), "{subject}: {}", page.text);
    }
}

#[test]
fn a_new_address_is_confirmed_by_the_button_of_its_page() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut ada = signed_in(&server, "ada");
    server.database().mails();
    change_email(&mut ada, &server, "ada@example.net");
    let token = server.database().only_link();
    let page = Browser::of(&server).get(&format!("/console/confirm-email?token={token}"), &[]);
    assert_eq!(value(&page, "token"), token);
    let confirm = || Browser::of(&server).submit("/console/confirm-email", &[("token", &token)]);
    let answer = confirm();
    assert_eq!(answer.status, 200);
    assert!(answer.text.contains("ada@example.net"), "{}", answer.text);
    assert_eq!(confirm().status, 410);
}

#[test]
fn an_alert_is_disavowed_by_the_button_of_its_page() {
    let settings = TestSettings {
        registration_answer: RegistrationAnswer::Immediate,
        ..TestSettings::default()
    };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let mailbox = Mailbox::new();
    let mut ada = signed_in(&server, "ada");
    let mut thief = Browser::of(&server);
    thief.sign_in("ada");
    let found = links(&mailbox, &server);
    let link = found.iter().find(|(_, link)| link.starts_with("/console/not-me"));
    let (_, link) = link.unwrap_or_else(|| panic!("no alert in {found:?}"));
    let page = Browser::of(&server).get(link, &[]);
    assert_eq!(thief.get("/api/auth/me", &[]).status, 200, "the page ends nothing");
    let token = value(&page, "token");
    let answer = Browser::of(&server).submit("/console/not-me", &[("token", &token)]);
    assert!(answer.text.contains("Your account is protected"), "{}", answer.text);
    assert_eq!(thief.get("/api/auth/me", &[]).status, 401);
    assert_eq!(location(&ada.get("/console", &[])), "/console/renew");
    let again = links(&mailbox, &server);
    assert!(again.iter().any(|(_, link)| link.starts_with("/console/reset-password")), "{again:?}");
}
