//! "This was not me": the link of an alert ends everything, and only its owner gets back in.

use portcullis_testkit::{
    Answer, Browser, PASSWORD, ReceivedMail, TestDatabase, TestServer, TestSettings, at_once,
};
use serde_json::json;

use crate::answer::{header_names, redacted};
use crate::mailbox::Mailbox;
use crate::password_reset::{assert_invalid, forget, reset};

const NEW: &str = "amber-walrus-paints-9-fences";
const NEW_DEVICE: &str = "New sign-in to your account";
const RESET: &str = "Reset your password";

/// Without the code by mail that the first sign-in after a disavowal needs.
fn unassessed() -> TestSettings {
    TestSettings { risk: None, ..TestSettings::default() }
}

#[test]
fn the_link_of_an_alert_locks_the_thief_out_and_lets_the_owner_back_in() {
    TestDatabase::on_both(|database| {
        let mut server = TestServer::with(database, unassessed());
        let mailbox = Mailbox::new();
        let mut owner = Browser::of(&server);
        owner.register("ada");
        owner.sign_in("ada");
        let mut thief = Browser::of(&server);
        let stolen = thief.sign_in("ada");
        let token = mailbox.token(server.database(), NEW_DEVICE);
        let wrong = Browser::of(&server).sign_in_with("ada", "not-the-password");
        server.restart();
        for method in ["GET", "HEAD"] {
            let path = format!("/api/auth/account/disavow?token={token}");
            let answer = Browser::of(&server).send(method, &path, &[], "");
            assert_eq!(answer.status, 405, "a mail program that follows the link spends nothing");
        }
        let answer = disavow(&server, &token);
        assert_eq!((answer.status, answer.text.as_str()), (204, ""));
        assert_eq!(answer.header("set-cookie"), None);

        for _ in ["at once", "after a restart"] {
            let mut thief = at(&server, &mut thief);
            assert_eq!(thief.get("/api/auth/me", &[]).code(), "invalid_token");
            let refreshed = thief.refresh(&stolen.field("refresh_token"));
            assert_eq!(refreshed.code(), "invalid_refresh_token");
            let right = Browser::of(&server).sign_in("ada");
            assert_eq!(redacted(&right), redacted(&wrong), "no oracle of the password");
            assert_eq!(header_names(&right), header_names(&wrong));
            server.restart();
        }
        assert_invalid(&disavow(&server, &token), "twice");
        let reset_token = mailbox.token(server.database(), RESET);
        assert_eq!(reset(&server, &reset_token, NEW).status, 204);
        assert_eq!(Browser::of(&server).sign_in("ada").code(), "invalid_credentials");
        let back = Browser::of(&server).sign_in_with("ada", NEW);
        assert_eq!((back.status, &back.json()["account"]["is_blocked"]), (200, &json!(false)));
    });
}

#[test]
fn of_thirty_uses_at_once_one_is_accepted() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mailbox = Mailbox::new();
        Browser::of(&server).register("ada");
        (0..2).for_each(|_| drop(Browser::of(&server).sign_in("ada")));
        let token = mailbox.token(server.database(), NEW_DEVICE);
        let answers = at_once(30, |_| disavow(&server, &token));
        let accepted = answers.iter().filter(|answer| answer.status == 204);
        assert_eq!(accepted.count(), 1);
        for answer in answers.iter().filter(|answer| answer.status != 204) {
            assert_invalid(answer, "of a loser");
        }
        mailbox.token(server.database(), RESET);
    });
}

/// The thief has changed the password before the owner reads the alert.
#[test]
fn a_change_and_a_reset_by_the_thief_keep_no_owner_out() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mailbox = Mailbox::new();
        Browser::of(&server).register("ada");
        Browser::of(&server).sign_in("ada");
        let access = Browser::of(&server).sign_in_for_tokens("ada").field("access_token");
        let token = mailbox.token(server.database(), NEW_DEVICE);
        let bearer = format!("Bearer {access}");
        let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
        let body = json!({ "current_password": PASSWORD, "new_password": NEW }).to_string();
        let path = "/api/auth/password/change";
        assert_eq!(Browser::of(&server).send("POST", path, &headers, &body).status, 200);
        let of_change = mailbox.token(server.database(), "Your password was changed");
        assert_eq!(disavow(&server, &token).status, 204);
        assert_eq!(Browser::of(&server).sign_in_with("ada", NEW).code(), "invalid_credentials");
        // Another alert changes nothing more, and mails another link.
        assert_eq!(disavow(&server, &of_change).status, 204);
        let reset_token = mailbox
            .collect(server.database())
            .iter()
            .filter(|mail| mail.header("Subject").as_deref() == Some(RESET))
            .filter_map(ReceivedMail::token)
            .next_back()
            .expect("there is a link");
        assert_eq!(reset(&server, &reset_token, PASSWORD).status, 204);
        assert_eq!(Browser::of(&server).sign_in("ada").status, 200);
    });
}

/// The thief has changed the address, and with it the way of every further mail.
#[test]
fn the_former_address_takes_the_account_back_after_a_change_of_the_address() {
    TestDatabase::on_both(|database| {
        let server = TestServer::with(database, unassessed());
        let mailbox = Mailbox::new();
        Browser::of(&server).register("ada");
        let access = Browser::of(&server).sign_in_for_tokens("ada").field("access_token");
        mailbox.collect(server.database());
        let mut of_owner = String::new();
        for (from, to) in [("ada@example.org", "eve@example.net"), ("eve@example.net", "e@x.net")] {
            let bearer = format!("Bearer {access}");
            let headers =
                [("content-type", "application/json"), ("authorization", bearer.as_str())];
            let body = json!({ "email": to, "current_password": PASSWORD }).to_string();
            let path = "/api/auth/email/change";
            let asked = Browser::of(&server).send("POST", path, &headers, &body);
            assert_eq!(asked.status, 202, "{from}");
            let token = mailbox.token(server.database(), "Confirm your new email address");
            let confirmed =
                Browser::of(&server).post("/api/auth/email/confirm", &json!({ "token": token }));
            assert_eq!(confirmed.status, 200, "{from}");
            if to == "e@x.net" {
                continue;
            }
            let mails = mailbox.collect(server.database());
            assert_eq!((mails.len(), mails[0].to.as_str()), (1, from));
            let token = mails[0].token().expect("the notice has a link");
            of_owner = token;
        }
        let of_thief = mailbox.token(server.database(), "Your email address was changed");
        assert_eq!(disavow(&server, &of_thief).status, 204, "the thief is first");
        assert_eq!(disavow(&server, &of_owner).status, 204);
        let mails = mailbox.collect(server.database());
        let resets = mails.iter().filter(|mail| mail.header("Subject").as_deref() == Some(RESET));
        let to_owner: Vec<_> = resets.filter(|mail| mail.to == "ada@example.org").collect();
        let token = to_owner[0].token().expect("it has a link");
        assert_eq!(reset(&server, &token, NEW).status, 204);
        let back = Browser::of(&server).sign_in_with("ada@example.org", NEW);
        assert_eq!(back.json()["account"]["email"], "ada@example.org");
        for address in ["eve@example.net", "e@x.net"] {
            let thief = Browser::of(&server).sign_in_with(address, NEW);
            assert_eq!(thief.code(), "invalid_credentials");
        }
    });
}

#[test]
fn a_blocked_account_can_ask_for_another_reset_link() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mailbox = Mailbox::new();
    Browser::of(&server).register("ada");
    (0..2).for_each(|_| drop(Browser::of(&server).sign_in("ada")));
    disavow(&server, &mailbox.token(server.database(), NEW_DEVICE));
    let first = mailbox.token(server.database(), RESET);
    server.clock().advance(std::time::Duration::from_secs(30 * 60));
    assert_invalid(&reset(&server, &first, NEW), "after its life");
    forget(&server, "ada@example.org");
    let second = mailbox.token(server.database(), RESET);
    assert_eq!(reset(&server, &second, NEW).status, 204);
    assert_eq!(Browser::of(&server).sign_in_with("ada", NEW).status, 200);
}

#[test]
fn a_link_of_a_deactivated_account_or_of_another_purpose_does_nothing() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mailbox = Mailbox::new();
    Browser::of(&server).register("ada");
    (0..2).for_each(|_| drop(Browser::of(&server).sign_in("ada")));
    let token = mailbox.token(server.database(), NEW_DEVICE);
    assert_invalid(&reset(&server, &token, NEW), "of another purpose");
    forget(&server, "ada@example.org");
    let reset_token = mailbox.token(server.database(), RESET);
    assert_invalid(&disavow(&server, &reset_token), "of another purpose");
    let store = server.database().store();
    store.execute("UPDATE accounts SET is_active = false").expect("the account is there");
    assert_invalid(&disavow(&server, &token), "of a deactivated account");
    assert!(mailbox.collect(server.database()).is_empty());
    for guess in ["", "x", &"A".repeat(43)] {
        assert_invalid(&disavow(&server, guess), "guessed");
    }
}

pub(crate) fn disavow(server: &TestServer, token: &str) -> Answer {
    Browser::of(server).post("/api/auth/account/disavow", &json!({ "token": token }))
}

/// The same browser, for a server that was started again on another port.
fn at(server: &TestServer, browser: &mut Browser) -> Browser {
    let mut again = Browser::of(server);
    again.cookies().clone_from(browser.cookies());
    again
}
