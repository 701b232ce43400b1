//! Side effects of a write besides its own rows: events for the audit log, messages for the outbox.
//!
//! A port method that records something takes [`Effects`], or, if they depend on its result, a
//! function of the result. Storage appends them as the last step of the transaction, messages first
//! and events last, so that locks are taken in one order and no step can omit them. The use case
//! decides what is recorded: storage creates neither events nor messages.

use portcullis_audit::{EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{AccountId, Ambient, EventId, Timestamp};

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

/// A message to the holder of an account about an event. It has the id of the event, so each event
/// is reported once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// The account of the recipient.
    pub account: AccountId,
    /// The event.
    pub event: EventId,
    /// The kind of the event.
    pub kind: EventKind,
    /// The time of the event.
    pub at: Timestamp,
}

impl Effects {
    /// The event, and a message about it to the holder of the account.
    pub fn with_message(event: SecurityEvent, account: AccountId) -> Self {
        let SecurityEvent { id, kind, at, .. } = event;
        Self { messages: vec![Message { account, event: id, kind, at }], events: vec![event] }
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
