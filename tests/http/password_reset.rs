//! Forgotten passwords: the answer tells nothing, the mail goes to its owner, and its link works once.

use std::time::Duration;

use portcullis_testkit::{Answer, Browser, PASSWORD, TestDatabase, TestServer, at_once};
use serde_json::json;

use crate::answer::header_names;
use crate::mailbox::Mailbox;
use crate::registration::faults;

const NEW: &str = "amber-walrus-paints-9-fences";
pub(crate) const SUBJECT: &str = "Reset your password";

const ADDRESSES: [&str; 7] = [
    "ada@example.org",
    "nobody@example.org",
    "gone@example.org",
    "robot@example.org",
    "often@example.org",
    "ada",
    "",
];

#[test]
fn every_address_has_the_same_answer_and_only_the_owner_of_an_account_gets_a_mail() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mailbox = Mailbox::new();
        for name in ["ada", "gone", "robot", "often"] {
            assert_eq!(Browser::of(&server).register(name).status, 201);
        }
        for change in [
            "UPDATE accounts SET is_active = false WHERE username = 'gone'",
            "UPDATE accounts SET kind = 'service' WHERE username = 'robot'",
        ] {
            server.database().store().execute(change).expect("the account is there");
        }
        (0..3).for_each(|_| drop(forget(&server, "often@example.org")));
        let resets = mailbox.subjects(server.database());
        assert_eq!(resets.iter().filter(|subject| *subject == SUBJECT).count(), 3);

        let model = forget(&server, ADDRESSES[0]);
        assert_eq!(model.status, 202);
        for address in &ADDRESSES[1..] {
            let answer = forget(&server, address);
            assert_eq!((answer.status, &answer.text), (202, &model.text), "{address}");
            assert_eq!(header_names(&answer), header_names(&model), "{address}");
            assert_eq!(answer.header("content-length"), model.header("content-length"));
        }
        let mails = mailbox.collect(server.database());
        let to: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
        assert_eq!(to, ["ada@example.org"]);
    });
}

#[test]
fn a_reset_ends_every_session_and_outlives_a_restart_between_mail_and_use() {
    TestDatabase::on_both(|database| {
        let mut server = TestServer::start(database);
        let mailbox = Mailbox::new();
        let mut browser = Browser::of(&server);
        browser.register("ada");
        let before = browser.sign_in_for_tokens("ada");
        forget(&server, "Ada@Example.ORG");
        let token = mailbox.token(server.database(), SUBJECT);
        server.restart();
        let answer = reset(&server, &token, NEW);
        assert_eq!((answer.status, answer.text.as_str()), (204, ""));
        assert_eq!(answer.header("set-cookie"), None, "a reset opens no session");
        let notice = mailbox.collect(server.database());
        assert_eq!(notice.len(), 1);
        assert_eq!(notice[0].header("Subject").as_deref(), Some("Your password was reset"));
        assert!(!notice[0].part("text/plain").contains(&token));
        server.restart();

        let mut browser = Browser::of(&server);
        let access = before.field("access_token");
        assert_eq!(browser.get_as("/api/auth/me", &access).code(), "invalid_token");
        let refreshed = browser.refresh(&before.field("refresh_token"));
        assert_eq!(refreshed.code(), "invalid_refresh_token");
        assert_eq!(browser.sign_in("ada").code(), "invalid_credentials");
        let signed_in = browser.sign_in_with("ada", NEW);
        assert_eq!(signed_in.status, 200);
        assert_eq!(signed_in.json()["account"]["email_verified"], true);
        assert_invalid(&reset(&server, &token, PASSWORD), "used, and after a restart");
    });
}

#[test]
fn of_thirty_resets_at_once_one_is_done() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mailbox = Mailbox::new();
        Browser::of(&server).register("ada");
        forget(&server, "ada@example.org");
        let token = mailbox.token(server.database(), SUBJECT);
        let answers = at_once(30, |_| reset(&server, &token, NEW));
        let done = answers.iter().filter(|answer| answer.status == 204).count();
        assert_eq!(done, 1);
        for answer in answers.iter().filter(|answer| answer.status != 204) {
            assert_invalid(answer, "of a loser");
        }
    });
}

#[test]
fn every_dead_link_has_the_same_answer() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mailbox = Mailbox::new();
        let mut browser = Browser::of(&server);
        browser.register("ada");
        let link = || {
            server.clock().advance(Duration::from_secs(3_600));
            assert_eq!(forget(&server, "ada@example.org").status, 202);
            mailbox.token(server.database(), SUBJECT)
        };
        let sql = |text: &str| server.database().store().execute(text).expect("it answers");

        let (older, newer) = (link(), link());
        assert_invalid(&reset(&server, &older, NEW), "after a newer one");
        assert_eq!(reset(&server, &newer, NEW).status, 204);
        assert_invalid(&reset(&server, &newer, NEW), "twice");

        let late = link();
        server.clock().advance(Duration::from_secs(30 * 60));
        assert_invalid(&reset(&server, &late, NEW), "after its life");

        let outdated = link();
        let access = browser.sign_in_with("ada", NEW);
        assert_eq!(access.status, 200);
        let csrf = browser.csrf_token();
        let headers = [
            ("content-type", "application/json"),
            ("sec-fetch-site", "same-origin"),
            ("x-csrf-token", csrf.as_str()),
        ];
        let body = json!({ "current_password": NEW, "new_password": PASSWORD }).to_string();
        let changed = browser.send("POST", "/api/auth/password/change", &headers, &body);
        assert_eq!(changed.status, 200);
        assert_invalid(&reset(&server, &outdated, NEW), "after a change of the password");

        let of_deactivated = link();
        sql("UPDATE accounts SET is_active = false");
        assert_invalid(&reset(&server, &of_deactivated, NEW), "of a deactivated account");
        sql("UPDATE accounts SET is_active = true");

        let of_former_address = link();
        sql("UPDATE accounts SET email = 'lovelace@example.org'");
        assert_invalid(&reset(&server, &of_former_address, NEW), "after a change of the address");
        for guess in ["", "x", &"A".repeat(43), &"A".repeat(1_000)] {
            assert_invalid(&reset(&server, guess, NEW), "guessed");
        }
        assert_eq!(browser.sign_in("ada").status, 200, "the password is that of the change");
    });
}

#[test]
fn a_rejected_password_names_the_rule_and_leaves_the_link_valid() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mailbox = Mailbox::new();
    Browser::of(&server).register("ada");
    forget(&server, "ada@example.org");
    let token = mailbox.token(server.database(), SUBJECT);
    let refused = reset(&server, &token, "short-7");
    assert_eq!((refused.status, refused.code().as_str()), (422, "unacceptable_password"));
    let fault = ("new_password".to_owned(), "too_short".to_owned());
    assert!(faults(&refused).contains(&fault), "{}", refused.text);
    let long = reset(&server, &token, &"a".repeat(1_025));
    assert_eq!((long.status, long.code().as_str()), (400, "password_too_long"));
    assert_eq!(reset(&server, &token, NEW).status, 204);
}

/// The link of another account changes its own account only.
#[test]
fn a_link_names_its_account_itself() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mailbox = Mailbox::new();
    for name in ["ada", "grace"] {
        Browser::of(&server).register(name);
    }
    forget(&server, "grace@example.org");
    let token = mailbox.token(server.database(), SUBJECT);
    let body = json!({ "token": token, "new_password": NEW, "email": "ada@example.org" });
    let answer = Browser::of(&server).post("/api/auth/password/reset", &body);
    assert_eq!(answer.code(), "invalid_request", "an unknown field is refused");
    assert_eq!(reset(&server, &token, NEW).status, 204);
    assert_eq!(Browser::of(&server).sign_in("ada").status, 200);
    assert_eq!(Browser::of(&server).sign_in_with("grace", NEW).status, 200);
}

#[test]
fn a_change_of_the_password_is_told_by_mail() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mailbox = Mailbox::new();
    let mut browser = Browser::of(&server);
    browser.register("ada");
    let access = browser.sign_in_for_tokens("ada").field("access_token");
    let bearer = format!("Bearer {access}");
    let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
    let body = json!({ "current_password": PASSWORD, "new_password": NEW }).to_string();
    let changed = Browser::of(&server).send("POST", "/api/auth/password/change", &headers, &body);
    assert_eq!(changed.status, 200);
    let subjects = mailbox.subjects(server.database());
    let notices = subjects.iter().filter(|subject| *subject == "Your password was changed");
    assert_eq!(notices.count(), 1);
}

pub(crate) fn forget(server: &TestServer, address: &str) -> Answer {
    Browser::of(server).post("/api/auth/password/forgot", &json!({ "email": address }))
}

pub(crate) fn reset(server: &TestServer, token: &str, new: &str) -> Answer {
    let body = json!({ "token": token, "new_password": new });
    Browser::of(server).post("/api/auth/password/reset", &body)
}

pub(crate) fn assert_invalid(answer: &Answer, why: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (410, "invalid_link"), "{why}");
}
