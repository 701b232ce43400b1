//! The mails of a test database, delivered to the test.

use std::sync::{Arc, Mutex, PoisonError};

use portcullis_domain::ExposeSecret;
use portcullis_flows::node::mail::{Mail, SecretPurpose};
use portcullis_flows::node::outbox::{
    DeliverySettings, MailDelivery, MailSender, OutgoingMail, SendError,
};

use crate::TestDatabase;

/// A delivered mail.
#[derive(Clone, Debug)]
pub struct DeliveredMail {
    /// The address of the recipient.
    pub recipient: String,
    /// The user name in the greeting.
    pub username: Option<String>,
    /// The mail.
    pub mail: Mail,
    /// The secret of the link.
    pub token: Option<String>,
}

impl DeliveredMail {
    /// The secret of the link that its mail is about; `None` for an alert, whose link disavows.
    pub fn link(&self) -> Option<&str> {
        let disavowals = [Some(SecretPurpose::Disavow), Some(SecretPurpose::DisavowNetworks)];
        let is_alert = disavowals.contains(&self.mail.purpose());
        self.token.as_deref().filter(|_| !is_alert)
    }
}

impl TestDatabase {
    /// Delivers the mails that wait in the outbox, and returns them.
    pub fn mails(&self) -> Vec<DeliveredMail> {
        let received = Received::default();
        let (store, sender) = (Arc::new(self.connect()), Arc::new(received.clone()));
        let settings = DeliverySettings { concurrency: 1, ..DeliverySettings::default() };
        let delivery = Arc::new(MailDelivery::new(store, sender, settings, self.ambient()));
        while delivery.deliver().expect("the database answers").more {}
        std::mem::take(&mut *received.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Delivers the mails that wait, and returns the secret of the only link, alerts apart.
    pub fn only_link(&self) -> String {
        let mails = self.mails();
        let mut links = mails.iter().filter_map(DeliveredMail::link);
        let link = links.next().expect("a mail has a link");
        assert_eq!(links.next(), None, "only one mail has a link");
        link.to_owned()
    }
}

#[derive(Clone, Default)]
struct Received(Arc<Mutex<Vec<DeliveredMail>>>);

impl MailSender for Received {
    fn send(&self, outgoing: &OutgoingMail<'_>) -> Result<(), SendError> {
        let OutgoingMail { message, secret, .. } = outgoing;
        let delivered = DeliveredMail {
            recipient: message.recipient.as_str().to_owned(),
            username: message.username.clone(),
            mail: message.mail.clone(),
            token: secret.map(|(secret, _)| secret.expose_secret().to_owned()),
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(delivered);
        Ok(())
    }
}
