//! Connections to a mail server: TLS, authentication, the pool, and the two kinds of failures.

use std::time::Duration;

use portcullis_domain::{Email, MessageId, SecretString, SystemRandom};
use portcullis_flows::node::mail::Mail;
use portcullis_flows::node::outbox::{ClaimedMessage, MailSender, OutgoingMail, SendError};
use portcullis_mail::{Encryption, Mailer, SmtpSettings};
use portcullis_testkit::samples::NOW;
use portcullis_testkit::{SmtpAnswer, SmtpServer, SmtpStep};

use crate::node::{SECOND, mailer, smtp};

fn send(mailer: &Mailer) -> Result<(), SendError> {
    let message = ClaimedMessage {
        id: MessageId::generate(NOW, &SystemRandom),
        recipient: Email::parse("ada@example.org").unwrap(),
        username: None,
        at: NOW,
        mail: Mail::Test,
        subject: None,
        attempts: 0,
    };
    mailer.send(&OutgoingMail { message: &message, secret: None, now: NOW })
}

#[test]
fn mails_travel_encrypted_over_one_connection_after_the_other() {
    for (server, encryption) in [
        (SmtpServer::start(), Encryption::StartTls),
        (SmtpServer::start_with_tls(), Encryption::Tls),
    ] {
        let mailer = mailer(SmtpSettings { encryption, ..smtp(&server) });
        for _ in 0..3 {
            send(&mailer).unwrap();
        }
        assert!(server.received().iter().all(|mail| mail.encrypted), "{encryption:?}");
        assert_eq!((server.received().len(), server.connections()), (3, 1), "{encryption:?}");
    }
}

#[test]
fn a_server_without_valid_tls_gets_nothing() {
    let server = SmtpServer::start();
    let untrusted = mailer(SmtpSettings { ca_file: None, ..smtp(&server) });
    assert!(matches!(send(&untrusted), Err(SendError::Unavailable(_))));
    let elsewhere = SmtpServer::start_under_another_name();
    let Err(SendError::Unavailable(problem)) = send(&mailer(smtp(&elsewhere))) else {
        panic!("its certificate has another name")
    };
    assert!(problem.contains("certificate"), "{problem}");
    server.withdraw_starttls();
    let stripped = mailer(smtp(&server));
    assert!(matches!(send(&stripped), Err(SendError::Unavailable(_))));
    assert_eq!((server.received().len(), elsewhere.received().len()), (0, 0));
}

#[test]
fn a_mail_server_on_the_same_machine_may_do_without_encryption() {
    let server = SmtpServer::start();
    let plain = SmtpSettings { encryption: Encryption::None, ca_file: None, ..smtp(&server) };
    send(&mailer(plain)).unwrap();
    assert!(!server.received()[0].encrypted);
}

#[test]
fn the_password_is_sent_encrypted_and_a_wrong_one_concerns_every_mail() {
    let server = SmtpServer::start();
    server.answer(|step| match step {
        // "\0auth\0plover-xylem-quartz-41" in base64.
        SmtpStep::Authentication("PLAIN AGF1dGgAcGxvdmVyLXh5bGVtLXF1YXJ0ei00MQ==") => {
            SmtpAnswer::Usual
        }
        SmtpStep::Authentication(_) => SmtpAnswer::Reply("535 wrong credentials"),
        _ => SmtpAnswer::Usual,
    });
    let with = |password| {
        let credentials = Some(("auth".to_owned(), SecretString::from(password)));
        send(&mailer(SmtpSettings { credentials, ..smtp(&server) }))
    };
    with("plover-xylem-quartz-41").unwrap();
    let Err(SendError::Unavailable(problem)) = with("wrong") else { panic!("it is refused") };
    assert!(problem.contains("535") && !problem.contains("wrong-"), "{problem}");
}

#[test]
fn a_refusal_is_of_the_mail_or_of_the_server() {
    type Kind = fn(String) -> SendError;
    type Rule = fn(SmtpStep<'_>) -> SmtpAnswer;
    let cases: [(Rule, Kind); 7] = [
        (|step| on_recipient(step, "550 no such mailbox"), SendError::Refused),
        (|step| on_recipient(step, "450 mailbox busy"), SendError::Deferred),
        (|step| on_recipient(step, "421 closing"), SendError::Unavailable),
        (|step| on_content(step, "554 looks like spam"), SendError::Refused),
        (|step| on_content(step, "451 try later"), SendError::Deferred),
        (|step| on_connect(step, "554 no service here"), SendError::Unavailable),
        (|step| on_connect(step, "421 too busy"), SendError::Unavailable),
    ];
    for (number, (rule, kind)) in cases.into_iter().enumerate() {
        let server = SmtpServer::start();
        server.answer(rule);
        let mailer = mailer(smtp(&server));
        let error = send(&mailer).expect_err("it is refused");
        let expected = kind(String::new());
        let same = std::mem::discriminant(&error) == std::mem::discriminant(&expected);
        assert!(same, "case {number}: {error:?}");
        assert_eq!(server.received().len(), 0);
        server.answer(|_| SmtpAnswer::Usual);
        send(&mailer).unwrap();
    }
}

fn on_recipient(step: SmtpStep<'_>, reply: &'static str) -> SmtpAnswer {
    if let SmtpStep::Recipient(_) = step { SmtpAnswer::Reply(reply) } else { SmtpAnswer::Usual }
}

fn on_content(step: SmtpStep<'_>, reply: &'static str) -> SmtpAnswer {
    if let SmtpStep::Content(_) = step { SmtpAnswer::Reply(reply) } else { SmtpAnswer::Usual }
}

fn on_connect(step: SmtpStep<'_>, reply: &'static str) -> SmtpAnswer {
    if step == SmtpStep::Connect { SmtpAnswer::Reply(reply) } else { SmtpAnswer::Usual }
}

#[test]
fn a_server_that_is_silent_is_given_up_and_its_connection_is_never_used_again() {
    let server = SmtpServer::start();
    let short = SmtpSettings {
        connect_timeout: SECOND,
        delivery_timeout: Duration::from_millis(300),
        ..smtp(&server)
    };
    let mailer = mailer(short);
    send(&mailer).unwrap();
    server.answer(|step| match step {
        SmtpStep::Content(_) => SmtpAnswer::After(60 * SECOND),
        _ => SmtpAnswer::Usual,
    });
    assert!(matches!(send(&mailer), Err(SendError::Deferred(_))));
    server.answer(|_| SmtpAnswer::Usual);
    send(&mailer).unwrap();
    assert_eq!(server.connections(), 2);

    server.answer(|step| match step {
        SmtpStep::Connect => SmtpAnswer::After(60 * SECOND),
        _ => SmtpAnswer::Usual,
    });
    let fresh = crate::node::mailer(SmtpSettings { connect_timeout: SECOND, ..smtp(&server) });
    assert!(matches!(send(&fresh), Err(SendError::Unavailable(_))));
}

#[test]
fn a_connection_that_the_server_closed_is_replaced_without_a_failure() {
    let server = SmtpServer::start();
    server.answer(|step| match step {
        SmtpStep::Content(_) => SmtpAnswer::KeepAndDrop,
        _ => SmtpAnswer::Usual,
    });
    let mailer = mailer(smtp(&server));
    assert!(matches!(send(&mailer), Err(SendError::Deferred(_))), "nobody knows if it was kept");
    server.answer(|_| SmtpAnswer::Usual);
    send(&mailer).unwrap();
    assert_eq!((server.received().len(), server.connections()), (2, 2));
}
