//! Mails of nodes that are killed, and of a mail server that is slow: every committed mail arrives. And mails
//! without a mail server, which are printed.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::{AccountId, Clock, SystemClock, SystemRandom};
use portcullis_flows::effects::Effects;
use portcullis_flows::node::mail::{Mail, SecretPurpose};
use portcullis_flows::node::outbox::{MailSecretStore, OutboxStore};
use portcullis_testkit::{Browser, SmtpAnswer, SmtpServer, SmtpStep, TestDatabase, samples};
use portcullis_token::Digest;
use serde_json::json;

use crate::environment::{folder, start, wait};
use crate::printed_mail::PrintedMail;

const MAILS: usize = 200;

#[test]
fn mails_of_a_killed_node_are_delivered_by_another_and_their_last_link_works() {
    let database = TestDatabase::postgres();
    database.clock().set(SystemClock::new().now());
    let smtp = SmtpServer::start();
    let port = smtp.port().to_string();
    let authority = smtp.certificates().root_file();
    let more = [
        ("SMTP_HOST", "localhost"),
        ("SMTP_PORT", port.as_str()),
        ("SMTP_FROM", "auth@example.org"),
        ("PORTCULLIS__MAIL__CA_FILE", authority.to_str().expect("UTF-8")),
        ("PORTCULLIS__MAIL__CONNECT_TIMEOUT_SECONDS", "2"),
        ("PORTCULLIS__MAIL__DELIVERY_TIMEOUT_SECONDS", "2"),
    ];
    smtp.answer(|step| match step {
        SmtpStep::Content(_) => SmtpAnswer::After(Duration::from_millis(20)),
        _ => SmtpAnswer::Usual,
    });
    let data = [(); 2].map(|()| folder());
    let mut servers = data.each_ref().map(|data| start(data.path(), database.url(), &more));
    let mut browser = Browser::at(servers[0].origin());
    assert_eq!(browser.register("ada").status, 201);
    let ada = database.store().texts("SELECT id::text FROM accounts").expect("it answers");
    let ada: AccountId = ada[0].parse().expect("an id");

    for _ in 0..MAILS {
        let event =
            samples::event(EventKind::PasswordChange, Outcome::Success, SystemClock::new().now());
        let effects = Effects::with_mail(event, ada, Mail::VerifyEmail, &SystemRandom);
        database.store().append_effects(effects).expect("the database takes it");
    }
    wait("the delivery has begun", || smtp.received().len() > 10);
    servers[0].kill();
    wait("the other node has delivered all", || {
        database.store().outbox_state().expect("the database answers").waiting == 0
    });

    let mut copies = BTreeMap::<String, usize>::new();
    let mails = smtp.received();
    for mail in &mails {
        let id = mail.header("Message-ID").expect("each mail has one");
        // The id of the message, without the number of the attempt.
        let id = id.split('.').next().unwrap_or_default().to_owned();
        *copies.entry(id).or_default() += 1;
    }
    // The registration has sent one too.
    let all = MAILS + 1;
    assert_eq!(copies.len(), all, "each mail arrives");
    // Only those that were being sent when the node was killed.
    assert!(mails.len() <= all + 4, "{} copies", mails.len() - all);
    let valid = mails.iter().filter_map(|mail| {
        let digest = Digest::of(&mail.token().expect("each mail has a link"));
        let store = database.store();
        store.redeem_mail_secret(SecretPurpose::VerifyEmail, &digest).expect("it answers")
    });
    assert_eq!(valid.count(), 1, "each mail replaces the secret of the one before");
    for mail in &mails {
        let token = mail.token().expect("each mail has a link");
        assert!(servers.iter().all(|server| !server.log().contains(&token)), "a log has a secret");
    }
}

#[test]
fn without_a_mail_server_the_printed_command_resets_the_password() {
    const BASE: &str = "http://auth.example.test";
    TestDatabase::on_both(|database| {
        let data = folder();
        let server = start(data.path(), database.url(), &[("PORTCULLIS__SERVER__BASE_URL", BASE)]);
        let mut browser = Browser::at(server.origin());
        assert_eq!(browser.register("ada").status, 201);
        let address = json!({ "email": "ada@example.org" });
        assert_eq!(browser.post("/api/auth/password/forgot", &address).status, 202);
        let mail = PrintedMail::wait(&server, "Reset your password");
        let path = mail.url.strip_prefix(BASE).expect("the address of the server");
        let body = mail.body("amber-walrus-paints-9-fences");
        let secret = body["token"].as_str().expect("a secret");
        assert!(mail.text.contains(&format!("{BASE}/console/reset-password?token={secret}")));
        assert_eq!(browser.post(path, &body).status, 204);
        let signed_in = browser.sign_in_with("ada", "amber-walrus-paints-9-fences");
        assert_eq!(signed_in.status, 200);
    });
}
