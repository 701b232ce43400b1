//! Deliveries that fail: refusals, outages, slow servers, and nodes that die.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use portcullis_flows::node::mail::{Mail, SecretPurpose};
use portcullis_flows::node::outbox::{
    DeadLetterStore, DeliverySettings, LONGEST_DELAY, MailSecretStore, MailSender, OutboxStore,
    OutgoingMail,
};
use portcullis_mail::SmtpSettings;
use portcullis_testkit::{SmtpAnswer, SmtpServer, SmtpStep, TestDatabase};
use portcullis_token::Digest;

use crate::delivery::assert_absent;
use crate::node::{MINUTE, SECOND, With, drain, enrol, mailer, node, node_with, queue, smtp};

/// Longer than any lease of these tests.
const LEASE: Duration = Duration::from_secs(120);

#[test]
fn a_refused_recipient_is_a_dead_letter_at_once_and_delays_no_other_one() {
    TestDatabase::on_both(|database| {
        let server = SmtpServer::start();
        server.answer(|step| match step {
            SmtpStep::Recipient("ada@example.org") => SmtpAnswer::Reply("550 5.1.1 unknown"),
            _ => SmtpAnswer::Usual,
        });
        for name in ["ada", "bob"] {
            queue(&database, enrol(&database, name).id, Mail::Test);
        }
        let node = node(&database, mailer(smtp(&server)));
        let counts = drain(&node);
        assert_eq!((counts.delivered, counts.failed, counts.dead), (1, 1, 1));
        let letter = database.store().dead_letters(1).unwrap().remove(0);
        assert_eq!((letter.recipient.as_str(), letter.attempts), ("ada@example.org", 1));
        assert!(letter.failure.ends_with("reply 550 5.1.1"), "{}", letter.failure);
    });
}

#[test]
fn a_temporary_failure_is_retried_with_growing_delays_until_it_is_a_dead_letter() {
    TestDatabase::on_both(|database| {
        let server = SmtpServer::start();
        server.answer(|step| match step {
            SmtpStep::Recipient(_) => SmtpAnswer::Reply("450 busy"),
            _ => SmtpAnswer::Usual,
        });
        queue(&database, enrol(&database, "ada").id, Mail::Test);
        let settings = DeliverySettings { max_attempts: 5, ..DeliverySettings::default() };
        let node = node_with(&database, mailer(smtp(&server)), settings);
        for (attempt, delay) in [(1, 30), (2, 60), (3, 120), (4, 240)] {
            assert_eq!(drain(&node).failed, attempt);
            // Shortened by a quarter at most.
            let early = delay * 3 / 4 - 1;
            database.clock().advance(Duration::from_secs(early));
            assert_eq!(drain(&node).failed, attempt, "not before its delay");
            database.clock().advance(Duration::from_secs(delay - early));
        }
        let counts = drain(&node);
        assert_eq!((counts.failed, counts.dead), (5, 1));
        assert_eq!(database.store().dead_letters(9).unwrap()[0].attempts, 5);
    });
}

#[test]
fn an_hour_without_a_mail_server_loses_nothing_and_makes_no_dead_letters() {
    TestDatabase::on_both(|database| {
        let server = SmtpServer::start();
        let ada = enrol(&database, "ada");
        let settings = DeliverySettings { max_attempts: 10, ..DeliverySettings::default() };
        let node = node_with(&database, mailer(smtp(&server)), settings);
        server.answer(|_| SmtpAnswer::Drop);
        for _ in 0..100 {
            queue(&database, ada.id, Mail::Test);
        }
        let begin = server.connections();
        for _ in 0..3_600 {
            drain(&node);
            database.clock().advance(SECOND);
        }
        let tried = server.connections() - begin;
        assert!((60..=90).contains(&tried), "{tried} connections in an hour");
        let state = database.store().outbox_state().unwrap();
        assert_eq!((state.waiting, state.dead), (100, 0));
        assert_eq!(state.oldest, 60 * MINUTE);

        server.answer(|_| SmtpAnswer::Usual);
        database.clock().advance(MINUTE);
        drain(&node);
        database.clock().advance(LONGEST_DELAY);
        drain(&node);
        assert_eq!(server.received().len(), 100, "{database:?}");
        assert_eq!(node.counts().delivered, 100);
    });
}

#[test]
fn a_node_that_dies_before_it_sends_is_replaced_when_its_lease_ends() {
    TestDatabase::on_both(|database| {
        let server = SmtpServer::start();
        let ada = enrol(&database, "ada");
        for _ in 0..3 {
            queue(&database, ada.id, Mail::Test);
        }
        let one = DeliverySettings { concurrency: 1, ..DeliverySettings::default() };
        let dying = node_with(&database, With(|_: &OutgoingMail<'_>| panic!("it dies")), one);
        assert!(catch_unwind(AssertUnwindSafe(|| dying.deliver())).is_err());
        let living = node(&database, mailer(smtp(&server)));
        assert_eq!(drain(&living).delivered, 0, "the lease holds");
        database.clock().advance(LEASE);
        assert_eq!(drain(&living).delivered, 3);
        assert_eq!(server.received().len(), 3);
    });
}

#[test]
fn a_node_that_dies_between_send_and_mark_causes_a_second_mail_whose_secret_replaces_the_first() {
    TestDatabase::on_both(|database| {
        let server = SmtpServer::start();
        let ada = enrol(&database, "ada");
        queue(&database, ada.id, Mail::ResetPassword);
        let sender = mailer(smtp(&server));
        let dying = node(
            &database,
            With(move |mail: &OutgoingMail<'_>| {
                sender.send(mail)?;
                panic!("it dies")
            }),
        );
        assert!(catch_unwind(AssertUnwindSafe(|| dying.deliver())).is_err());
        assert_eq!(server.received().len(), 1);
        database.clock().advance(LEASE);
        drain(&node(&database, mailer(smtp(&server))));
        let mails = server.received();
        let ids: Vec<_> = mails.iter().map(|mail| mail.header("Message-ID").unwrap()).collect();
        assert_eq!(mails.len(), 2);
        assert_ne!(ids[0], ids[1], "a mail program would hide the second one");
        let redeem = |number: usize| {
            let token = mails[number].token().unwrap();
            assert_absent(&database, &token);
            let digest = Digest::of(&token);
            database.store().redeem_mail_secret(SecretPurpose::ResetPassword, &digest).unwrap()
        };
        assert_eq!(redeem(0), None, "{database:?}");
        assert!(redeem(1).is_some(), "{database:?}");
    });
}

#[test]
fn a_slow_server_holds_up_no_lease_and_a_lost_reply_is_tried_again() {
    TestDatabase::on_both(|database| {
        let server = SmtpServer::start();
        let ada = enrol(&database, "ada");
        let short = SmtpSettings { delivery_timeout: Duration::from_millis(300), ..smtp(&server) };
        let node = node(&database, mailer(short));
        for rule in [SmtpAnswer::After(60 * SECOND), SmtpAnswer::KeepAndDrop] {
            queue(&database, ada.id, Mail::Test);
            server.answer(move |step| match step {
                SmtpStep::Content(_) => rule,
                _ => SmtpAnswer::Usual,
            });
            let before = node.counts();
            drain(&node);
            assert_eq!(node.counts().failed, before.failed + 1, "{rule:?}");
            server.answer(|_| SmtpAnswer::Usual);
            database.clock().advance(MINUTE);
            drain(&node);
            assert_eq!(node.counts().delivered, before.delivered + 1, "{rule:?}");
        }
    });
}

#[test]
fn a_reply_that_repeats_the_mail_does_not_bring_its_secret_into_the_database() {
    TestDatabase::on_both(|database| {
        let ada = enrol(&database, "ada");
        queue(&database, ada.id, Mail::ResetPassword);
        let token = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
        let seen = token.clone();
        let node = node(
            &database,
            With(move |mail: &OutgoingMail<'_>| {
                use portcullis_domain::ExposeSecret;
                let (secret, _) = mail.secret.expect("the mail has one");
                seen.lock().unwrap().push_str(secret.expose_secret());
                let text = format!("554 spam: ?token={}\r\n", secret.expose_secret());
                Err(portcullis_flows::node::outbox::SendError::Refused(text))
            }),
        );
        drain(&node);
        let failure = database.store().dead_letters(1).unwrap().remove(0).failure;
        assert!(failure.contains("[REDACTED]") && !failure.contains('\n'), "{failure}");
        assert_absent(&database, &token.lock().unwrap());
    });
}

#[test]
fn a_node_sends_as_many_mails_at_once_as_it_may() {
    TestDatabase::on_both(|database| {
        let ada = enrol(&database, "ada");
        for _ in 0..40 {
            queue(&database, ada.id, Mail::Test);
        }
        let (present, most) = (AtomicUsize::new(0), std::sync::Arc::new(AtomicUsize::new(0)));
        let seen = most.clone();
        let settings = DeliverySettings { concurrency: 3, ..DeliverySettings::default() };
        let sender = With(move |_: &OutgoingMail<'_>| {
            seen.fetch_max(present.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::yield_now();
            present.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        });
        assert_eq!(drain(&node_with(&database, sender, settings)).delivered, 40);
        assert!((1..=3).contains(&most.load(Ordering::SeqCst)));
    });
}

#[test]
fn a_mail_whose_delivery_hangs_delays_no_other_mail() {
    TestDatabase::on_both(|database| {
        let (slow, ada) = (enrol(&database, "slow"), enrol(&database, "ada"));
        queue(&database, slow.id, Mail::Test);
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let wait = std::sync::Mutex::new(wait);
        let sender = With(move |mail: &OutgoingMail<'_>| {
            if mail.message.username.as_deref() == Some("slow") {
                let _ = wait.lock().unwrap().recv();
            }
            Ok(())
        });
        let two = DeliverySettings { concurrency: 2, ..DeliverySettings::default() };
        let node = node_with(&database, sender, two);
        assert_eq!(node.deliver().unwrap().done, 0);
        for round in 1..=3 {
            for _ in 0..100 {
                queue(&database, ada.id, Mail::Test);
            }
            assert_eq!(drain(&node).delivered, round * 100, "{database:?}");
        }
        release.send(()).unwrap();
        while node.counts().delivered < 301 {
            std::thread::yield_now();
        }
        database.clock().advance(LONGEST_DELAY);
        assert_eq!(drain(&node).delivered, 301, "it was sent once");
    });
}
