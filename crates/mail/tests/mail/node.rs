//! A node that delivers mails, and the accounts that get them.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::{Account, AccountId, SystemRandom};
use portcullis_flows::effects::Effects;
use portcullis_flows::identity::registration::{NewAccount, RegistrationStore};
use portcullis_flows::node::mail::Mail;
use portcullis_flows::node::outbox::{
    DeliveryCounts, DeliverySettings, MailDelivery, MailSender, OutgoingMail, SendError,
};
use portcullis_mail::{
    Encryption, Mailer, MailerSettings, Sender, SmtpSettings, Templates, Transport,
};
use portcullis_testkit::samples::{self, NOW};
use portcullis_testkit::{SmtpServer, TestDatabase};

pub(crate) const BASE_URL: &str = "https://auth.example.org";
pub(crate) const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// The settings for a server of the test: STARTTLS, and its authority trusted.
pub(crate) fn smtp(server: &SmtpServer) -> SmtpSettings {
    SmtpSettings {
        host: "localhost".to_owned(),
        port: server.port(),
        encryption: Encryption::StartTls,
        ca_file: Some(server.certificates().root_file()),
        credentials: None,
        connect_timeout: 20 * SECOND,
        delivery_timeout: 20 * SECOND,
        connections: 4,
    }
}

pub(crate) fn mailer(settings: SmtpSettings) -> Mailer {
    mailer_with(settings, Templates::load(None, "Example", BASE_URL).unwrap())
}

pub(crate) fn mailer_with(settings: SmtpSettings, templates: Templates) -> Mailer {
    let sender = Sender::new("Example", "auth@example.org").unwrap();
    let transport = Transport::Smtp(settings);
    Mailer::new(MailerSettings { sender, templates: Arc::new(templates), transport }).unwrap()
}

/// The delivery of one node, with connections of its own.
pub(crate) fn node(
    database: &TestDatabase,
    sender: impl MailSender + 'static,
) -> Arc<MailDelivery> {
    node_with(database, sender, DeliverySettings::default())
}

pub(crate) fn node_with(
    database: &TestDatabase,
    sender: impl MailSender + 'static,
    settings: DeliverySettings,
) -> Arc<MailDelivery> {
    let (store, sender) = (Arc::new(database.connect()), Arc::new(sender));
    Arc::new(MailDelivery::new(store, sender, settings, database.ambient()))
}

/// Delivers until nothing is due any more.
pub(crate) fn drain(node: &Arc<MailDelivery>) -> DeliveryCounts {
    while node.deliver().unwrap().more {}
    node.counts()
}

pub(crate) fn enrol(database: &TestDatabase, name: &str) -> Account {
    let account = samples::account(name);
    let event = samples::event(EventKind::Registration, Outcome::Success, NOW).about(account.id);
    let new = NewAccount {
        account: &account,
        password_hash: Some(&samples::password_hash()),
        revision: 0,
        effects: &event.into(),
        must_verify_email: false,
    };
    database.store().create(&new).unwrap();
    account
}

/// Puts a mail to the holder of the account into the outbox.
pub(crate) fn queue(database: &TestDatabase, account: AccountId, mail: Mail) {
    let event = samples::event(EventKind::PasswordChange, Outcome::Success, NOW).about(account);
    let effects = Effects::with_mail(event, account, mail, &SystemRandom);
    database.store().append_effects(effects).unwrap();
}

/// A sender that does this in place of, or around, another one.
pub(crate) struct With<F>(pub(crate) F);

impl<F: Fn(&OutgoingMail<'_>) -> Result<(), SendError> + Send + Sync> MailSender for With<F> {
    fn send(&self, mail: &OutgoingMail<'_>) -> Result<(), SendError> {
        (self.0)(mail)
    }
}
