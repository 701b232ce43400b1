//! Messages as a mail server receives them: headers, parts, links, and text of users.

use portcullis_domain::{Email, MessageId, SecretString, SystemRandom};
use portcullis_flows::node::mail::{Factor, Mail, MailText};
use portcullis_flows::node::outbox::{ClaimedMessage, MailSender, OutgoingMail};
use portcullis_mail::Mailer;
use portcullis_testkit::samples::NOW;
use portcullis_testkit::{ReceivedMail, SmtpServer};

use crate::mail_program::parse;
use crate::node::{ADDRESS, BASE_URL, MINUTE, mailer, smtp};

const TOKEN: &str = "dG9rZW4tb2YtYS1tYWlsLXRoYXQtaXMtbm90LXJlYWw";

/// Sends a mail, and returns it as received.
fn sent(mail: Mail, username: &str, address: &str) -> ReceivedMail {
    sent_all(vec![mail], username, address).remove(0)
}

/// Sends mails, and returns them as received.
fn sent_all(mails: Vec<Mail>, username: &str, address: &str) -> Vec<ReceivedMail> {
    let server = SmtpServer::start();
    let mailer = mailer(smtp(&server));
    for mail in mails {
        send(&mailer, mail, username, address);
    }
    server.received()
}

fn send(mailer: &Mailer, mail: Mail, username: &str, address: &str) {
    let secret = SecretString::from(TOKEN);
    let message = ClaimedMessage {
        id: MessageId::generate(NOW, &SystemRandom),
        recipient: Email::parse(address).unwrap(),
        username: Some(username.to_owned()),
        at: NOW,
        subject: None,
        attempts: 0,
        mail,
    };
    let secret = message.mail.purpose().map(|_| (&secret, 30 * MINUTE));
    mailer.send(&OutgoingMail { message: &message, secret, now: NOW }).unwrap();
}

#[test]
fn every_kind_of_mail_is_valid_for_a_strict_mail_program_and_loads_nothing() {
    const ELEMENTS: [&str; 10] =
        ["html", "head", "meta", "title", "body", "div", "p", "a", "br", "hr"];
    const ATTRIBUTES: [&str; 6] = ["lang", "charset", "name", "content", "style", "href"];
    let received = sent_all(Mail::samples(), "ada", "ada@example.org");
    let parsed = parse(&received);
    assert_eq!(parsed.len(), Mail::samples().len());
    for (sample, mail) in Mail::samples().iter().zip(parsed) {
        let kind = sample.kind();
        assert_eq!(mail.media_type, "multipart/alternative", "{kind}");
        assert_eq!(mail.types, ["text/plain", "text/html"], "{kind}: the best one is the last");
        assert_eq!(mail.charsets, ["utf-8", "utf-8"], "{kind}");
        for (element, attributes) in &mail.elements {
            assert!(ELEMENTS.contains(&&**element), "{kind}: <{element}>");
            for (name, value) in attributes {
                assert!(ATTRIBUTES.contains(&&**name), "{kind}: {name}={value:?}");
            }
        }
        for style in mail.attributes("style") {
            assert!(!style.contains(['(', '@', '\\']), "{kind}: {style}");
        }
        let links = mail.attributes("href");
        assert_eq!(links.len(), if has_link(sample) { 2 } else { 0 }, "{kind}");
        for link in links {
            assert!(link.starts_with(&format!("{BASE_URL}/console/")), "{kind}: {link}");
            assert!(mail.text.contains(link), "{kind}: {link}");
        }
        let subject = mail.headers.iter().find(|(name, _)| name == "Subject").unwrap();
        assert!(mail.html_text.contains(&subject.1), "{kind}: the title is {subject:?}");
    }
}

#[test]
fn every_kind_of_mail_has_both_parts_and_the_headers_of_an_automatic_mail() {
    for mail in Mail::samples() {
        let kind = mail.kind();
        let (has_link, has_secret) = (has_link(&mail), mail.purpose().is_some());
        let received = sent(mail, "ada", "ada@example.org");
        let header = |name| received.header(name).unwrap_or_else(|| panic!("{kind}: {name}"));
        assert_eq!(header("From"), "Example <auth@example.org>");
        assert_eq!(header("To"), "ada@example.org");
        assert_eq!(header("Auto-Submitted"), "auto-generated");
        assert_eq!(header("Date"), "Fri, 15 Jan 2027 08:00:00 +0000");
        assert!(header("Message-ID").ends_with("@example.org>"), "{kind}");
        assert!(header("Content-Type").starts_with("multipart/alternative"), "{kind}");
        assert!(!header("Subject").is_empty());
        let (text, html) = (received.part("text/plain"), received.part("text/html"));
        for part in [&text, &html] {
            assert!(part.contains("Hello ada,"), "{kind}: {part}");
            let link = format!("{BASE_URL}/console/");
            assert_eq!(part.contains(&link), has_link, "{kind}: {part}");
            assert_eq!(part.contains(TOKEN), has_secret, "{kind}: {part}");
            assert_eq!(part.contains("30 minutes"), has_secret, "{kind}: {part}");
            assert!(!part.contains("{{") && !part.contains(">none<"), "{kind}: {part}");
        }
        for remote in ["<img", "<script", "<link", "src=", "url(", "@import"] {
            assert!(!html.contains(remote), "{kind} loads something: {html}");
        }
        let foreign = |part: &str| {
            let mut links = part.split("http").skip(1);
            links.any(|rest| !format!("http{rest}").starts_with(BASE_URL))
        };
        assert!(!foreign(&text) && !foreign(&html), "{kind}: {html}");
    }
}

#[test]
fn no_text_of_a_user_gets_into_a_header() {
    let evil =
        "ada\r\nBcc: eve@example.org\r\n\r\n<script>alert(1)</script> https://evil.example/x";
    let expected = [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "MIME-Version",
        "Content-Type",
    ];
    for mail in [
        Mail::NewDevice { address: ADDRESS, device: MailText::new(evil) },
        Mail::Invitation {
            invitation: "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e13".parse().unwrap(),
            inviter: MailText::new(evil),
        },
        Mail::NewDevice { address: ADDRESS, device: MailText::new(&"x".repeat(100_000)) },
        Mail::ResetPassword,
    ] {
        let received = sent(mail, evil, "ada@example.org");
        let mut names = received.header_names();
        let mut expected = expected.map(str::to_owned);
        names.sort();
        expected.sort();
        assert_eq!(names, expected);
        let end = received.content.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&received.content[..end]).into_owned();
        for word in ["eve", "evil", "script", "xxx"] {
            assert!(!head.contains(word), "{head}");
        }
        let (text, html) = (received.part("text/plain"), received.part("text/html"));
        assert!(!html.contains("<script"), "{html}");
        for part in [&text, &html] {
            for link in ["https://evil", "evil.example", "eve@example"] {
                assert!(!part.contains(link), "a mail program makes a link of {link}: {part}");
            }
        }
    }
}

#[test]
fn an_address_in_another_script_is_sent_in_ascii() {
    let received = sent(Mail::Test, "ada", "Ada.L@bücher.example");
    assert_eq!(received.to, "Ada.L@xn--bcher-kva.example");
    assert_eq!(received.header("To").as_deref(), Some("Ada.L@xn--bcher-kva.example"));
}

#[test]
fn an_alert_tells_time_address_and_factor() {
    let mail = Mail::FactorAdded { address: ADDRESS, factor: Factor::Passkey };
    let text = sent(mail, "ada", "ada@example.org").part("text/plain");
    for part in ["2027-01-15 08:00 UTC", "192.0.2.1", "passkey"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn a_device_without_a_name_is_not_named() {
    for (device, expected) in [
        ("Firefox on Linux", "from 192.0.2.1 on a new device: Firefox on Linux.\n"),
        ("-", "from 192.0.2.1 on a new device.\n"),
        ("", "from 192.0.2.1 on a new device.\n"),
    ] {
        let mail = Mail::NewDevice { address: ADDRESS, device: MailText::new(device) };
        let received = sent(mail, "ada", "ada@example.org");
        let text = received.part("text/plain").replace("\r\n", "\n");
        assert!(text.contains(expected), "{expected:?} is not in {text}");
        let html = received.part("text/html");
        assert!(html.contains(&format!("{}</p>", expected.trim_end())), "{html}");
    }
}

fn has_link(mail: &Mail) -> bool {
    mail.purpose().is_some_and(|purpose| !purpose.is_code())
}
