//! Side effects of a write besides its own rows: events for the audit log, mails for the outbox.
//!
//! A port method that records something takes [`Effects`], or, if they depend on its result, a
//! function of the result. Storage appends them as the last step of the transaction, messages first
//! and events last, so that locks are taken in one order and no step can omit them. The use case
//! decides what is recorded: storage creates neither events nor messages.

use portcullis_audit::{EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{AccountId, Ambient, Email, EventId, MessageId, SecureRandom, Timestamp};

use crate::node::mail::Mail;

/// The side effects of a write.
#[must_use = "nothing of it is recorded or sent until storage appends it"]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Appended to the audit log.
    pub events: Vec<SecurityEvent>,
    /// Queued in the outbox.
    pub messages: Vec<Message>,
}

/// Effects that depend on the result of the transaction; they are created inside it.
pub type EffectsOf<'a, Outcome> = &'a dyn Fn(&Outcome) -> Effects;

/// An event of this moment.
pub(crate) fn event_now(
    kind: EventKind,
    outcome: Outcome,
    origin: &Origin,
    ambient: &Ambient,
) -> SecurityEvent {
    SecurityEvent::new(kind, outcome, origin, ambient.now(), &*ambient.random)
}

/// A mail to send because of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The id of the message.
    pub id: MessageId,
    /// The event that caused it.
    pub event: EventId,
    /// The time of the event.
    pub at: Timestamp,
    /// The recipient.
    pub recipient: Recipient,
    /// The mail.
    pub mail: Mail,
}

/// The recipient of a message. Its address is stored with the message, so that a later change of
/// the address does not redirect an alert about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// The holder of an account, at its address at the end of the transaction.
    Holder(AccountId),
    /// Nobody: the message is stored like any other one, and is never sent. A request about an
    /// address without an account does the same work as one about an account.
    Nobody,
    /// Another address: the new or the former one of an account, or one without an account.
    Address {
        /// The address.
        email: Email,
        /// The account.
        account: Option<AccountId>,
    },
}

impl Message {
    /// A message about an event.
    pub fn about(
        event: &SecurityEvent,
        recipient: Recipient,
        mail: Mail,
        random: &dyn SecureRandom,
    ) -> Self {
        let SecurityEvent { id: event, at, .. } = *event;
        Self { id: MessageId::generate(at, random), event, at, recipient, mail }
    }
}

impl Effects {
    /// The event, and a mail about it to the holder of an account.
    pub fn with_mail(
        event: SecurityEvent,
        account: AccountId,
        mail: Mail,
        random: &dyn SecureRandom,
    ) -> Self {
        let message = Message::about(&event, Recipient::Holder(account), mail, random);
        Self { events: vec![event], messages: vec![message] }
    }

    /// These effects if `has_happened`, else none.
    pub fn only_if(&self, has_happened: bool) -> Self {
        if has_happened { self.clone() } else { Self::default() }
    }

    /// Adds the effects of another part of the same transaction.
    pub fn extend(&mut self, others: Self) {
        self.events.extend(others.events);
        self.messages.extend(others.messages);
    }
}

impl From<SecurityEvent> for Effects {
    fn from(event: SecurityEvent) -> Self {
        Self { events: vec![event], messages: Vec::new() }
    }
}

impl From<Vec<SecurityEvent>> for Effects {
    fn from(events: Vec<SecurityEvent>) -> Self {
        Self { events, messages: Vec::new() }
    }
}
