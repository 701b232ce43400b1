//! A mail server of the test that keeps the mails of a deployment, with the secrets of their links.

use std::sync::{Arc, Mutex};

use portcullis_domain::{ExposeSecret, SecretString};
use portcullis_flows::node::mail::Mail;
use portcullis_flows::node::outbox::{
    DeliverySettings, MailDelivery, MailSender, OutboxStore, OutgoingMail, SendError,
};

use crate::deployment::Deployment;

/// A delivered mail.
#[derive(Clone, Debug)]
pub(crate) struct Delivered {
    pub(crate) to: String,
    pub(crate) mail: Mail,
    pub(crate) token: Option<SecretString>,
}

#[derive(Default)]
struct Mailbox(Mutex<Vec<Delivered>>);

impl MailSender for Mailbox {
    fn send(&self, outgoing: &OutgoingMail<'_>) -> Result<(), SendError> {
        let message = outgoing.message;
        self.0.lock().unwrap().push(Delivered {
            to: message.recipient.as_str().to_owned(),
            mail: message.mail.clone(),
            token: outgoing.secret.map(|(secret, _)| secret.clone()),
        });
        Ok(())
    }
}

impl Deployment {
    /// Delivers what is due, and returns it.
    pub(crate) fn deliver(&self) -> Vec<Delivered> {
        let (store, mailbox) = (self.database.store().clone(), Arc::new(Mailbox::default()));
        let settings = DeliverySettings { concurrency: 1, ..DeliverySettings::default() };
        let store = Arc::new(store);
        let node = MailDelivery::new(store.clone(), mailbox.clone(), settings, self.ambient());
        let node = Arc::new(node);
        while store.outbox_state().unwrap().waiting > 0 {
            node.deliver().unwrap();
        }
        mailbox.0.lock().unwrap().clone()
    }

    /// Delivers what is due, and returns the secret of its only mail of this kind.
    pub(crate) fn link(&self, kind: &str) -> SecretString {
        let mut mails: Vec<_> =
            self.deliver().into_iter().filter(|delivered| delivered.mail.kind() == kind).collect();
        assert_eq!(mails.len(), 1, "{mails:?}");
        mails.remove(0).token.unwrap()
    }
}

/// True if a table of the database holds the secret.
pub(crate) fn is_stored(deployment: &Deployment, secret: &SecretString) -> bool {
    let store = deployment.database.store();
    let texts = [
        "SELECT coalesce(details, '') || coalesce(user_agent, '') FROM security_events",
        "SELECT payload || recipient || coalesce(failure, '') FROM outbox",
    ];
    texts.iter().any(|query| {
        store.texts(query).unwrap().iter().any(|text| text.contains(secret.expose_secret()))
    })
}
