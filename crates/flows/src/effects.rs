//! What a write causes besides its own rows: events for the audit trail, messages for the outbox.
//!
//! A port method that records something takes [`Effects`], or where they depend on its verdict, a
//! function of the verdict. Storage appends them as the last step of the transaction, messages first and
//! events last, so that locks are taken in one order and no step can leave them out. What is recorded is
//! decided here: storage makes up neither events nor messages.

use portcullis_audit::{EventKind, SecurityEvent};
use portcullis_domain::{AccountId, EventId, Timestamp};

/// What a write causes.
#[must_use = "nothing of it is recorded or sent until storage appends it"]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Appended to the audit trail.
    pub events: Vec<SecurityEvent>,
    /// Queued in the outbox.
    pub messages: Vec<Message>,
}

/// Effects that depend on the verdict of the transaction, which they are made from inside it.
pub type EffectsOf<'a, Outcome> = &'a dyn Fn(&Outcome) -> Effects;

/// A message to the holder of an account about an event. It has the event's own id: no event is told
/// twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// To whom.
    pub account: AccountId,
    /// The event it is about.
    pub event: EventId,
    /// What has happened.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
}

impl Effects {
    /// The event, and a message about it to the holder of the account.
    pub fn with_message(event: SecurityEvent, account: AccountId) -> Self {
        let SecurityEvent { id, kind, at, .. } = event;
        Self { messages: vec![Message { account, event: id, kind, at }], events: vec![event] }
    }

    /// These if that happened, else none.
    pub fn only_if(&self, has_happened: bool) -> Self {
        if has_happened { self.clone() } else { Self::default() }
    }

    /// Adds those of another part of the same transaction.
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
