//! A mail server with TLS for a test server: it receives what the outbox of the server holds.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_flows::node::outbox::{DeliverySettings, MailDelivery, OutboxStore};
use portcullis_mail::{
    Encryption, Mailer, MailerSettings, Sender, SmtpSettings, Templates, Transport,
};
use portcullis_testkit::{ReceivedMail, SmtpServer, TestDatabase};

const PATIENCE: Duration = Duration::from_secs(20);

/// The maximum time for all mails that wait.
const TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) struct Mailbox(SmtpServer);

impl Mailbox {
    pub(crate) fn new() -> Self {
        Self(SmtpServer::start())
    }

    /// Delivers what is due, over STARTTLS, and returns what has arrived since the last time.
    pub(crate) fn collect(&self, database: &TestDatabase) -> Vec<ReceivedMail> {
        let before = self.0.received().len();
        let settings = SmtpSettings {
            host: "localhost".to_owned(),
            port: self.0.port(),
            encryption: Encryption::StartTls,
            ca_file: Some(self.0.certificates().root_file()),
            credentials: None,
            connect_timeout: PATIENCE,
            delivery_timeout: PATIENCE,
            connections: 1,
        };
        let base_url = "https://auth.example.test";
        let templates = Templates::load(None, "Example", base_url).expect("they are built in");
        let mailer = Mailer::new(MailerSettings {
            sender: Sender::new("Example", "auth@example.test").expect("it is valid"),
            templates: Arc::new(templates),
            transport: Transport::Smtp(settings),
        });
        let node = Arc::new(MailDelivery::new(
            Arc::new(database.store().clone()),
            Arc::new(mailer.expect("the settings are valid")),
            DeliverySettings { concurrency: 1, ..DeliverySettings::default() },
            database.ambient(),
        ));
        let (clock, store) = (SystemClock::new(), database.store());
        // A mail of a busy machine may be under way when the batch ends.
        while store.outbox_state().expect("the database answers").waiting > 0 {
            assert!(clock.monotonic() < TIMEOUT, "mails wait");
            node.deliver().expect("the database answers");
            thread::yield_now();
        }
        let received = self.0.received().split_off(before);
        assert!(received.iter().all(|mail| mail.encrypted));
        received
    }

    /// The subjects of what has arrived since the last time.
    pub(crate) fn subjects(&self, database: &TestDatabase) -> Vec<String> {
        let subject = |mail: &ReceivedMail| mail.header("Subject").unwrap_or_default();
        self.collect(database).iter().map(subject).collect()
    }

    /// The secret in the only mail that has arrived since the last time with this subject.
    pub(crate) fn token(&self, database: &TestDatabase, subject: &str) -> String {
        let has_subject = |mail: &ReceivedMail| mail.header("Subject").as_deref() == Some(subject);
        let mut mails = self.collect(database);
        mails.retain(has_subject);
        assert_eq!(mails.len(), 1, "{subject}");
        mails[0].token().expect("it has a link")
    }
}
