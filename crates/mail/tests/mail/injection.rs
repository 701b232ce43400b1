//! Injection: texts that have broken other systems, in each place of a mail that holds text of a user. Headers
//! and structure stay those of a mail with an innocent text; see `tests/http/vectors/`.

use portcullis_domain::{Email, MessageId, SecretString, SystemRandom};
use portcullis_flows::node::mail::{Mail, MailText};
use portcullis_flows::node::outbox::{ClaimedMessage, MailSender, OutgoingMail};
use portcullis_mail::Mailer;
use portcullis_testkit::SmtpServer;
use portcullis_testkit::samples::NOW;
use serde_json::Value;

use crate::mail_program::{ParsedMail, parse};
use crate::node::{ADDRESS, MINUTE, mailer, smtp};

const CASES: &str = include_str!("../../../../tests/http/vectors/injection_cases.json");

const INNOCENT: &str = "Grace";

#[test]
fn no_text_of_a_user_changes_the_headers_or_the_structure_of_a_mail() {
    let server = SmtpServer::start();
    let mailer = mailer(smtp(&server));
    let mut texts = inputs(|_| true);
    texts.push("<p>".repeat(1_000));
    texts.push(format!("{}{}", "=?utf-8?q?Bcc?= ", "\u{1f4e7}".repeat(200)));
    for text in [&[INNOCENT.to_owned()], texts.as_slice()].concat() {
        for mail in mails_with(&text) {
            send(&mailer, "ada@example.org", &text, mail);
        }
    }
    let received = server.received();
    assert!(received.iter().all(|mail| mail.to == "ada@example.org"));
    let parsed = parse(&received);
    let kinds = mails_with(INNOCENT).len();
    let (innocent, hostile) = parsed.split_at(kinds);
    assert_eq!(hostile.len(), texts.len() * kinds);
    for (text, mails) in texts.iter().zip(hostile.chunks(kinds)) {
        for (mail, innocent) in mails.iter().zip(innocent) {
            assert_eq!(headers(mail), headers(innocent), "{text:?}");
            assert_eq!(mail.elements, innocent.elements, "{text:?}");
            assert_eq!(mail.to, ["ada@example.org"], "{text:?}");
            let shown = visible(MailText::new(text).as_str());
            for part in [&mail.text, &mail.html_text] {
                assert!(visible(part).contains(&shown), "{shown:?} is not in {part}");
                for link in ["evil.test", "http:", "@SUM", "@evil"] {
                    assert!(!part.contains(link), "{link} in {part}");
                }
            }
        }
    }
}

#[test]
fn a_mail_goes_to_the_one_address_that_is_stored_or_the_address_is_refused() {
    let server = SmtpServer::start();
    let mailer = mailer(smtp(&server));
    let texts = inputs(|context| context == "email-address");
    assert_eq!(texts.len(), 6);
    // Further addresses that are accepted and have characters with a meaning in a header.
    let odd = ["a%0abcc@example.test", "a'b@example.test", "a=?x?=@example.test", "=2c@x.test"];
    let accepted: Vec<_> = texts
        .iter()
        .map(String::as_str)
        .chain(odd)
        .filter(|text| Email::parse(text).is_ok())
        .collect();
    assert!(accepted.len() >= odd.len() - 1, "{accepted:?}");
    for address in &accepted {
        send(&mailer, address, INNOCENT, Mail::ResetPassword);
    }
    let received = server.received();
    for ((mail, parsed), address) in received.iter().zip(parse(&received)).zip(&accepted) {
        assert_eq!(mail.to, *address);
        assert_eq!(parsed.to, [*address]);
        assert!(!mail.to.contains("evil"), "{address}");
    }
    assert_eq!(received.len(), accepted.len());
}

/// One mail of each kind, with this text in each of its fields that holds text of a user.
fn mails_with(text: &str) -> Vec<Mail> {
    let text = MailText::new(text);
    let replaced = |mail: Mail| match mail {
        Mail::VerifyRegistration { registration, .. } => {
            Mail::VerifyRegistration { registration, username: text.clone() }
        }
        Mail::Invitation { invitation, .. } => {
            Mail::Invitation { invitation, inviter: text.clone() }
        }
        Mail::ApiKeyCreated { .. } => Mail::ApiKeyCreated { address: ADDRESS, key: text.clone() },
        Mail::NewDevice { .. } => Mail::NewDevice { address: ADDRESS, device: text.clone() },
        other => {
            let json = serde_json::to_value(&other).unwrap();
            assert_eq!(free_texts(&json), 0, "{json} holds text that this test does not replace");
            other
        }
    };
    Mail::samples().into_iter().map(replaced).collect()
}

/// The number of members whose words are not fixed by the server.
fn free_texts(mail: &Value) -> usize {
    const FIXED: [&str; 6] = ["kind", "address", "factor", "registration", "change", "invitation"];
    mail.as_object().unwrap().keys().filter(|name| !FIXED.contains(&name.as_str())).count()
}

fn send(mailer: &Mailer, address: &str, username: &str, mail: Mail) {
    let secret = SecretString::from("dG9rZW4tb2YtYS1tYWlsLXRoYXQtaXMtbm90LXJlYWw");
    let message = ClaimedMessage {
        id: MessageId::generate(NOW, &SystemRandom),
        recipient: Email::parse(address).unwrap(),
        // The name of an account is checked; the mail must not rely on it.
        username: Some(MailText::new(username).as_str().to_owned()),
        at: NOW,
        subject: None,
        attempts: 0,
        mail,
    };
    let secret = message.mail.purpose().map(|_| (&secret, 30 * MINUTE));
    mailer.send(&OutgoingMail { message: &message, secret, now: NOW }).unwrap();
}

/// The headers without the id, which is new for each mail.
fn headers(mail: &ParsedMail) -> Vec<&(String, String)> {
    mail.headers.iter().filter(|(name, _)| name != "Message-ID").collect()
}

/// The text as a person sees it: without word joiners, and with its blanks as they are shown.
fn visible(text: &str) -> String {
    let text = text.replace('\u{2060}', "");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn inputs(wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let file: Value = serde_json::from_str(CASES).unwrap();
    let cases = file["cases"].as_array().unwrap();
    let of_context = cases.iter().filter(|case| wanted(case["context"].as_str().unwrap()));
    of_context.map(|case| case["input"].as_str().unwrap().to_owned()).collect()
}
