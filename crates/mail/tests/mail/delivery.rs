//! Deliveries when nothing fails, and what the database holds of them.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use portcullis_domain::{EmailChangeId, SystemRandom};
use portcullis_flows::node::mail::{Mail, SecretPurpose, SecretSubject};
use portcullis_flows::node::outbox::{DeliveryCounts, MailSecretStore, OutboxStore};
use portcullis_testkit::samples::NOW;
use portcullis_testkit::{SmtpServer, TestDatabase};
use portcullis_token::Digest;

use crate::node::{ADDRESS, drain, enrol, mailer, node, queue, smtp};

#[test]
fn two_nodes_deliver_200_mails_exactly_once_each() {
    TestDatabase::on_both(|database| {
        let server = SmtpServer::start();
        let accounts: Vec<_> =
            (0..200).map(|number| enrol(&database, &format!("user{number}"))).collect();
        for account in &accounts {
            queue(&database, account.id, Mail::PasswordChanged { address: ADDRESS });
        }
        let nodes = [(); 2].map(|()| node(&database, mailer(smtp(&server))));
        let counts = thread::scope(|scope| {
            let running = nodes.each_ref().map(|node| scope.spawn(|| drain(node)));
            running.map(|node| node.join().unwrap())
        });
        let rest = drain(&nodes[0]).delivered - counts[0].delivered;
        let recipients: Vec<_> = server.received().into_iter().map(|mail| mail.to).collect();
        assert_eq!(recipients.len(), 200, "{database:?}");
        assert_eq!(recipients.iter().collect::<BTreeSet<_>>().len(), 200, "{database:?}");
        let delivered: u64 = counts.iter().map(|counts| counts.delivered).sum();
        assert_eq!(delivered + rest, 200);
        assert_eq!(database.store().outbox_state().unwrap().waiting, 0);
        assert!(server.connections() <= 8, "connections are used again");
    });
}

#[test]
fn nothing_is_sent_before_its_commit_and_nothing_of_a_rolled_back_change() {
    TestDatabase::on_both(|database| {
        let server = SmtpServer::start();
        let ada = enrol(&database, "ada");
        let node = node(&database, mailer(smtp(&server)));
        database.store().execute("ALTER TABLE security_events RENAME TO out_of_reach").unwrap();
        let failed = catch_unwind(AssertUnwindSafe(|| queue(&database, ada.id, Mail::Test)));
        assert!(failed.is_err());
        database.store().execute("ALTER TABLE out_of_reach RENAME TO security_events").unwrap();
        assert_eq!(drain(&node), DeliveryCounts::default());
        queue(&database, ada.id, Mail::Test);
        assert_eq!(drain(&node).delivered, 1);
        assert_eq!(server.received().len(), 1);
    });
}

#[test]
fn the_mailed_secret_is_redeemed_by_its_digest_and_no_table_holds_it() {
    TestDatabase::on_both(|database| {
        let server = SmtpServer::start();
        let ada = enrol(&database, "ada");
        let node = node(&database, mailer(smtp(&server)));
        let change = EmailChangeId::generate(NOW, &SystemRandom);
        for mail in [Mail::ResetPassword, Mail::VerifyEmail, Mail::ConfirmNewEmail { change }] {
            queue(&database, ada.id, mail);
        }
        drain(&node);
        let tokens: Vec<String> =
            server.received().iter().map(|mail| mail.token().unwrap()).collect();
        assert_eq!(tokens.len(), 3);
        for token in &tokens {
            assert_eq!(token.len(), 43, "256 bits");
            assert_absent(&database, token);
        }
        let (store, mails) = (database.store(), server.received());
        for (purpose, subject) in [
            (SecretPurpose::ResetPassword, SecretSubject::Account(ada.id)),
            (SecretPurpose::VerifyEmail, SecretSubject::Account(ada.id)),
            (SecretPurpose::ConfirmNewEmail, SecretSubject::EmailChange(change)),
        ] {
            let redeemed: Vec<_> = tokens
                .iter()
                .filter_map(|token| store.redeem_mail_secret(purpose, &Digest::of(token)).unwrap())
                .collect();
            assert_eq!(redeemed.len(), 1, "{purpose}");
            assert_eq!(redeemed[0].subject, subject);
            assert_eq!(redeemed[0].address.as_str(), mails[0].to);
        }
    });
}

/// Searches every column of every row of the outbox and of the secrets for a text, in the forms in which it
/// could be stored, and the whole file of a SQLite database.
pub(crate) fn assert_absent(database: &TestDatabase, token: &str) {
    let store = database.store();
    let is_sqlite = database.url().starts_with("sqlite");
    let tables = if is_sqlite {
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    } else {
        "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()"
    };
    if let Some(path) = database.url().strip_prefix("sqlite:") {
        for path in [path.to_owned(), format!("{path}-wal")] {
            let bytes = std::fs::read(&path).unwrap_or_default();
            let is_there = bytes.windows(token.len()).any(|part| part == token.as_bytes());
            assert!(!is_there, "{path} holds a secret");
        }
        return;
    }
    let hex = token.bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    for table in store.texts(tables).unwrap() {
        for row in store.texts(&format!("SELECT t::text FROM {table} t")).unwrap() {
            assert!(!row.contains(token) && !row.contains(&hex), "{table} holds a secret: {row}");
        }
    }
}
