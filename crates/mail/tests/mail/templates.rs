//! Templates and texts of an operator: what is replaced, and which faults are found before a mail is sent.

use std::fs;
use std::path::Path;

use portcullis_domain::{Email, MessageId, SecretString, SystemRandom};
use portcullis_flows::node::mail::Mail;
use portcullis_flows::node::outbox::{ClaimedMessage, MailSender, OutgoingMail};
use portcullis_mail::Templates;
use portcullis_testkit::samples::NOW;
use portcullis_testkit::{ReceivedMail, SmtpServer};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::node::{BASE_URL, MINUTE, mailer_with, smtp};

fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

fn load(directory: &Path) -> Result<Templates, Vec<String>> {
    let loaded = Templates::load(Some(directory), "Example", BASE_URL);
    loaded.map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

fn faults(files: &[(&str, &str)]) -> Vec<String> {
    load(directory(files).path()).err().unwrap_or_default()
}

fn sent(templates: Templates, mail: Mail) -> ReceivedMail {
    let server = SmtpServer::start();
    let mailer = mailer_with(smtp(&server), templates);
    let secret = SecretString::from("dG9rZW4tb2YtYS1tYWlsLXRoYXQtaXMtbm90LXJlYWw");
    let message = ClaimedMessage {
        id: MessageId::generate(NOW, &SystemRandom),
        recipient: Email::parse("ada@example.org").unwrap(),
        username: None,
        at: NOW,
        subject: None,
        attempts: 0,
        mail,
    };
    let secret = Some((&secret, 120 * MINUTE));
    mailer.send(&OutgoingMail { message: &message, secret, now: NOW }).unwrap();
    server.received().remove(0)
}

#[test]
fn one_file_is_replaced_and_every_other_one_stays() {
    let files = directory(&[
        (
            "strings.toml",
            "[common]\ngreeting_without_name = \"Guten Tag,\"\nhours = \"{{ count }} Stunden\"",
        ),
        ("reset_password.txt", "{{ greeting }} {{ link }} ({{ expiry }})"),
        (".swp", "of an editor"),
    ]);
    let received = sent(load(files.path()).unwrap(), Mail::ResetPassword);
    let text = received.part("text/plain");
    let link = format!("{BASE_URL}/console/reset-password?token=");
    assert!(text.starts_with(&format!("Guten Tag, {link}")), "{text}");
    assert!(text.contains("2 Stunden"), "{text}");
    let html = received.part("text/html");
    assert!(html.contains("<p>Guten Tag,</p>") && html.contains("Choose a new password"), "{html}");
}

#[test]
fn text_is_escaped_in_html_whether_of_the_service_or_of_the_operator() {
    let files = directory(&[("strings.toml", "[test]\ntext = \"{{ product }} & <more>\"")]);
    let templates = Templates::load(Some(files.path()), "A<b>&co", BASE_URL).unwrap();
    let received = sent(templates, Mail::Test);
    assert!(received.part("text/plain").contains("A<b>&co & <more>"));
    let html = received.part("text/html");
    assert!(html.contains("A&lt;b&gt;&amp;co & <more>"), "the operator may write HTML: {html}");
}

#[test]
fn each_fault_of_a_file_is_found_when_it_is_loaded() {
    let large = "x".repeat(70_000);
    let cases: [(&str, &str, &str); 12] = [
        ("mail.txt", "{{ greeting }}", "has no {{ link }}"),
        ("reset_password.html", "<p>{{ link_help }}</p>", "has no {{ link }}"),
        ("mail.html", "{{ link }} {{ pasword }}", "pasword is not a placeholder here"),
        ("mail.html", "{{ link }} {% if unknown %}{% endif %}", "unknown is not a placeholder"),
        ("mail.txt", "{{ link }", "mail.txt"),
        ("mail.txt", &large, "is larger than 65536 bytes"),
        (
            "mail.txt",
            "{{ link }}{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}",
            "range is not a placeholder",
        ),
        ("mial.txt", "{{ link }}", "is not the name of a template"),
        (
            "strings.toml",
            "[test]\nsubject = \"Hello {{ username }}\"",
            "username is not a placeholder",
        ),
        ("strings.toml", "[test]\nsubject = \"a\\nBcc: eve@example.org\"", "line break"),
        (
            "strings.toml",
            "[invitation]\ntext = \"{{ device }}\"",
            "[invitation] text: device is not",
        ),
        ("strings.toml", "[tset]\ntext = \"x\"", "[tset] text is not a text of a mail"),
    ];
    for (file, text, expected) in cases {
        let found = faults(&[(file, text)]);
        assert!(found.iter().any(|fault| fault.contains(expected)), "{file} {text:.60}: {found:?}");
        assert!(
            found.iter().all(|fault| fault.starts_with(file) || file == "mail.txt"),
            "{found:?}"
        );
    }
    assert!(!load(Path::new("/no/such/directory")).unwrap_err().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A file of any content is refused or usable: loading renders every mail.
    #[test]
    fn a_file_of_any_content_is_refused_or_works(
        text in "(\\{\\{ ?[a-z_|().0-9]* ?\\}\\}|\\{% ?[a-z ]* ?%\\}|\\PC|\\n){0,12}",
    ) {
        let files = directory(&[("mail.txt", &text)]);
        if let Ok(templates) = load(files.path()) {
            prop_assert!(text.contains("link"), "{text}");
            drop(templates);
        }
    }
}
