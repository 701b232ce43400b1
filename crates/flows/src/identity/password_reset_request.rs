//! Forgotten passwords: a request for a link that resets a password.
//!
//! A request is answered in the same way for every address, and does the same work: the same
//! statements in one transaction, which writes one counter, one message and one event. Without an
//! account that can have a password, the message has no recipient and is never sent. An address gets
//! a limited number of these mails; further requests are answered like the others.

use std::sync::Arc;

use portcullis_audit::{EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{AccountId, AccountKind, Ambient, Email};

use crate::StoreError;
use crate::effects::{Effects, EffectsOf, Message, Recipient, event_now};
use crate::identity::mail_limit::{MailAllowance, MailLimit};
use crate::node::mail::Mail;
use crate::sign_in::lockout::FailureCounters;

/// The port of requests for reset links.
pub trait PasswordResetRequestStore: Send + Sync {
    /// Counts the request, looks up the account of the address, and records the effects. The
    /// statements are the same for every result.
    fn request_password_reset(&self, request: &AddressLookup<'_>) -> Result<(), StoreError>;
}

/// A request about to be recorded.
pub struct AddressLookup<'a> {
    /// The unique key of the address.
    pub key: &'a str,
    /// The key of the address under the former rule, if it differs.
    pub former_key: Option<&'a str>,
    /// The allowance of mails to the address.
    pub allowance: MailAllowance,
    /// The effects to record.
    pub effects: EffectsOf<'a, AddressState>,
}

/// The state of an address at the time of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressState {
    /// The account with the address.
    pub account: Option<AddressHolder>,
    /// True if the address may get a further mail.
    pub is_within_limit: bool,
}

/// The account with an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressHolder {
    /// The account.
    pub id: AccountId,
    /// Its address, as stored.
    pub email: Email,
    /// Its kind.
    pub kind: AccountKind,
    /// False if it is deactivated.
    pub is_active: bool,
}

impl AddressState {
    /// The address to send the link to, or the outcome to record.
    fn recipient(&self) -> Result<&AddressHolder, Outcome> {
        let account = self.account.as_ref().ok_or(Outcome::UnknownAccount)?;
        if !account.is_active {
            return Err(Outcome::Deactivated);
        }
        if account.kind == AccountKind::Service {
            return Err(Outcome::AgainstRules);
        }
        if self.is_within_limit { Ok(account) } else { Err(Outcome::Limited) }
    }
}

/// Sends links that reset a password.
pub struct PasswordResetRequests {
    store: Arc<dyn PasswordResetRequestStore>,
    counters: FailureCounters,
    most: u32,
    ambient: Ambient,
}

impl PasswordResetRequests {
    /// Creates the use case from its dependencies. An address gets `most` mails, and further ones
    /// when an hour has passed since the last.
    pub fn new(
        store: Arc<dyn PasswordResetRequestStore>,
        counters: FailureCounters,
        most: u32,
        ambient: Ambient,
    ) -> Self {
        Self { store, counters, most, ambient }
    }

    /// Queues a mail with a link, if the address is that of an account that can have a password.
    /// The caller does not learn whether it is.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn request(&self, email: &str, origin: &Origin) -> Result<(), StoreError> {
        let former_key = Email::former_key(email);
        // No account has a text as its key that is no address.
        let key = Email::stored(email)
            .map_or_else(|_| former_key.clone(), |email| email.key().to_owned());
        let event =
            event_now(EventKind::PasswordResetRequested, Outcome::Success, origin, &self.ambient);
        self.store.request_password_reset(&AddressLookup {
            key: &key,
            former_key: (former_key != key).then_some(&former_key),
            allowance: MailAllowance {
                counter: self.counters.of_reset_mails(&key),
                limit: MailLimit::until_an_hour_without(self.most),
            },
            effects: &|state| self.effects(&event, state),
        })
    }

    fn effects(&self, event: &SecurityEvent, state: &AddressState) -> Effects {
        let subject = state.account.as_ref().map(|account| account.id);
        let event = SecurityEvent { subject, ..event.clone() };
        let (outcome, recipient) = match state.recipient() {
            Ok(AddressHolder { id, email, .. }) => {
                let (email, account) = (email.clone(), Some(*id));
                (Outcome::Success, Recipient::Address { email, account })
            }
            Err(outcome) => (outcome, Recipient::Nobody),
        };
        let event = SecurityEvent { outcome, ..event };
        let random = &*self.ambient.random;
        let message = Message::about(&event, recipient, Mail::ResetPassword, random);
        Effects { events: vec![event], messages: vec![message] }
    }
}
