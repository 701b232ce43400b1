//! Tests of `mail`: a test mail, dead letters and their resending.

use std::time::Duration;

use serde_json::json;

use crate::machine::{Machine, within};

/// Puts a mail into the outbox, dead or due.
fn queue(machine: &Machine, id: u8, is_dead: bool) {
    queue_mail(machine, id, is_dead, r#"{"kind":"test"}"#);
}

/// Writes a mail with this content, which is of the kind `test` in the list.
fn queue_mail(machine: &Machine, id: u8, is_dead: bool, content: &str) {
    let dead = if is_dead { "1" } else { "NULL" };
    let insert = format!(
        "INSERT INTO outbox (id, kind, payload, recipient, event_id, created_at, due_at, attempts,
             failure, dead_at)
         VALUES (x'019aa3c17a527b3e9d510c8a4b7f2e{id:02x}', 'test', '{content}',
             'ada@example.org', x'019aa3c17a527b3e9d510c8a4b7f2e{id:02x}', 0, 0, 3,
             '550 no such mailbox', {dead})"
    );
    machine.database().execute(&insert).expect("the database takes it");
}

#[test]
fn a_test_mail_is_printed_in_development_and_needs_a_mail_server_in_production() {
    let mut machine = Machine::new();
    let sent = machine.run(&["mail", "test", "you@example.org"]).exits_with(0).stdout;
    for part in ["To: you@example.org", "Subject: Test mail", "Portcullis can send mail"] {
        assert!(sent.contains(part), "{part} in {sent}");
    }
    machine.run(&["mail", "test", "you"]).exits_with(2);
    machine.set("PORTCULLIS__ENVIRONMENT", "production");
    machine.set("PORTCULLIS__SERVER__BASE_URL", "https://auth.example.org");
    machine.set("SECRET_KEY", "bX7mQ2vL9sT4wE8rY1uI6oP3aD5fG0hJ");
    let refused = machine.run(&["mail", "test", "you@example.org"]).exits_with(1);
    assert!(refused.stderr.contains("SMTP_HOST"), "{}", refused.stderr);
    assert_eq!(refused.stdout, "");
    let checked = machine.run(&["config", "check"]).exits_with(0).stdout;
    assert!(checked.contains("mail.smtp_host"), "{checked}");
}

#[test]
fn every_mail_is_previewed_as_text_and_as_html() {
    let mut machine = Machine::new();
    let templates = machine.path("templates");
    std::fs::create_dir(&templates).unwrap();
    machine.write("templates/test.txt", "changed: {{ product }}\n");
    machine.set("PORTCULLIS__MAIL__TEMPLATES", templates.to_str().unwrap());
    machine.set("PORTCULLIS__MAIL__DISAVOWAL_DAYS", "9");
    let written = machine.run(&["mail", "preview", "out", "--json"]).exits_with(0).json();
    let files = written["files"].as_array().unwrap();
    assert!(files.len() >= 28, "{files:?}");
    let read = |name: &str| std::fs::read_to_string(machine.path("out").join(name)).unwrap();
    assert_eq!(read("test.txt"), "Subject: Test mail\n\nchanged: Portcullis");
    assert!(read("reset_password.html").contains("/console/reset-password?token=AAAA"));
    let alert = read("new_device.txt");
    assert!(alert.contains("Hello ada,") && alert.contains("within 9 days"), "{alert}");
    let invitation = read("invitation.txt");
    assert!(invitation.contains("\n\nHello,\n"), "the person has no account: {invitation}");
    let refused = machine.run(&["mail", "preview", "out/test.txt"]).exits_with(1).stderr;
    assert!(refused.contains("cannot write"), "{refused}");
}

#[test]
fn a_preview_replaces_a_symbolic_link_and_leaves_its_target() {
    let machine = Machine::new();
    machine.write("target", "of another user\n");
    let out = machine.path("out");
    std::fs::create_dir(&out).unwrap();
    for name in ["test.txt", "test.html"] {
        std::os::unix::fs::symlink(machine.path("target"), out.join(name)).unwrap();
    }
    for _ in ["over links", "over its own files"] {
        machine.run(&["mail", "preview", "out"]).exits_with(0);
        assert_eq!(std::fs::read_to_string(machine.path("target")).unwrap(), "of another user\n");
        let written = std::fs::symlink_metadata(out.join("test.txt")).unwrap();
        assert!(written.is_file() && written.len() > 20, "{written:?}");
    }
}

#[test]
fn an_unreachable_mail_server_is_named_as_the_reason() {
    let mut machine = Machine::new();
    machine.set("SMTP_HOST", "127.0.0.1");
    machine.set("SMTP_PORT", "1");
    machine.set("SMTP_FROM", "auth@example.org");
    machine.set("PORTCULLIS__MAIL__ENCRYPTION", "none");
    let refused = machine.run(&["mail", "test", "you@example.org"]).exits_with(1);
    assert!(refused.stderr.contains("unavailable"), "{}", refused.stderr);
}

#[test]
fn dead_letters_are_listed_and_sent_again() {
    let machine = Machine::new();
    machine.run(&["migrate"]).exits_with(0);
    let none = machine.run(&["mail", "resend", "all"]).exits_with(0).stdout;
    assert!(none.starts_with("Mails that are due again: 0."), "{none}");
    let none = machine.run(&["mail", "dead-letters"]).exits_with(0).stdout;
    assert_eq!(none, "There are no dead letters.\n");
    for id in 1..=3 {
        queue(&machine, id, true);
    }
    let listed = machine.run(&["mail", "dead-letters", "--json"]).exits_with(0).json();
    let letter = &listed["dead_letters"][0];
    assert_eq!(listed["dead_letters"].as_array().map(Vec::len), Some(3));
    assert_eq!(letter["failure"], "550 no such mailbox");
    assert_eq!((&letter["attempts"], &letter["recipient"]), (&json!(3), &json!("ada@example.org")));
    let doctor = machine.run(&["doctor"]).stdout;
    assert!(doctor.contains("3 mails cannot be delivered"), "{doctor}");

    let id = letter["id"].as_str().expect("a text");
    let resent = machine.run(&["mail", "resend", id, "--json"]).exits_with(0).json();
    assert_eq!(resent["due"], 1);
    machine.run(&["mail", "resend", id]).exits_with(1);
    machine.run(&["mail", "resend", "some"]).exits_with(2);
    let all = machine.run(&["mail", "resend", "all"]).exits_with(0).stdout;
    assert!(all.starts_with("Mails that are due again: 2."), "{all}");
    let events = machine.run(&["audit", "export", "--kind", "mail_resent"]).exits_with(0).stdout;
    assert_eq!(events.lines().count(), 2, "{events}");
    assert!(events.contains("\"messages\":2"), "{events}");

    let server = machine.serve();
    let waiting = "SELECT count(*) FROM outbox WHERE delivered_at IS NULL";
    within(Duration::from_secs(30), || {
        machine.database().number(waiting).expect("it answers") == 0
    });
    server.stop();
}

#[test]
fn a_dead_letter_whose_link_is_over_stays_one() {
    let machine = Machine::new();
    machine.run(&["migrate"]).exits_with(0);
    let of_nobody = r#"{"kind":"verify_registration",
        "registration":"019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e77","username":"ada"}"#;
    queue_mail(&machine, 1, true, of_nobody);
    queue(&machine, 2, true);
    let id = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e01";
    let refused = machine.run(&["mail", "resend", id]).exits_with(1).stderr;
    assert!(refused.contains("is over"), "{refused}");
    let all = machine.run(&["mail", "resend", "all", "--json"]).exits_with(0).json();
    assert_eq!((&all["due"], &all["over"]), (&json!(1), &json!(1)));
    let listed = machine.run(&["mail", "dead-letters", "--json"]).exits_with(0).json();
    assert_eq!(listed["dead_letters"].as_array().map(Vec::len), Some(1), "{listed}");
}

#[test]
fn a_fault_of_a_template_stops_the_start() {
    let mut machine = Machine::new();
    let directory = machine.path("mail");
    std::fs::create_dir(&directory).expect("there is room");
    std::fs::write(directory.join("mail.html"), "<p>{{ greetin }}</p>").expect("there is room");
    machine.set("PORTCULLIS__MAIL__TEMPLATES", directory.to_str().expect("UTF-8"));
    let checked = machine.run(&["config", "check"]).exits_with(2).stdout;
    assert!(checked.contains("mail.templates") && checked.contains("greetin is not"), "{checked}");
}
