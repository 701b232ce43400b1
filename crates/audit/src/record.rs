//! `EventRecord`: a security event as columns, and the sealed bytes of it.

use std::fmt::Display;

use portcullis_domain::{AccountId, EventId, SessionId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Actor, Filter, SecurityEvent, encoding};

/// A security event as stored: each field is one column.
///
/// Storage rebuilds it from the row, so that every column is sealed. The words are kept as texts: a
/// row with an unknown word must be reported as changed, and not stop the reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventRecord {
    /// The id, which sorts by time.
    pub id: EventId,
    /// The time of the event.
    #[serde(deserialize_with = "crate::time::deserialize")]
    pub at: Timestamp,
    /// The word of an [`EventKind`](crate::EventKind).
    pub kind: String,
    /// The text of an [`Actor`].
    pub actor: String,
    /// The account concerned.
    pub subject: Option<AccountId>,
    /// The session concerned.
    pub session: Option<SessionId>,
    /// The address of the client.
    pub address: String,
    /// The user agent of the client.
    pub user_agent: Option<String>,
    /// The id of the request in the log of the server.
    pub request_id: Option<String>,
    /// The word of an [`Outcome`](crate::Outcome).
    pub outcome: String,
    /// JSON text, from [`Details::to_json`](crate::Details::to_json).
    pub details: Option<String>,
}

impl EventRecord {
    /// Returns the sealed bytes: a version byte, then every column in the order above.
    ///
    /// Ids take 16 bytes, the time 8, a text its length in 4 bytes and its bytes; an optional value
    /// has a byte 0 or 1 before it. No two records have the same payload.
    pub fn payload(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        bytes.push(VERSION);
        bytes.extend(self.id.as_uuid().as_bytes());
        bytes.extend(self.at.as_micros().to_be_bytes());
        encoding::text(&mut bytes, &self.kind);
        encoding::text(&mut bytes, &self.actor);
        optional(&mut bytes, self.subject.as_ref(), |b, id| b.extend(id.as_uuid().as_bytes()));
        optional(&mut bytes, self.session.as_ref(), |b, id| b.extend(id.as_uuid().as_bytes()));
        encoding::text(&mut bytes, &self.address);
        optional(&mut bytes, self.user_agent.as_deref(), encoding::text);
        optional(&mut bytes, self.request_id.as_deref(), encoding::text);
        encoding::text(&mut bytes, &self.outcome);
        optional(&mut bytes, self.details.as_deref(), encoding::text);
        bytes
    }
}

impl From<&SecurityEvent> for EventRecord {
    fn from(event: &SecurityEvent) -> Self {
        Self {
            id: event.id,
            at: event.at,
            kind: text(event.kind),
            actor: text(event.actor()),
            subject: event.subject,
            session: event.session,
            address: text(event.origin.address),
            user_agent: event.origin.user_agent.clone(),
            request_id: event.origin.request_id.clone(),
            outcome: text(event.outcome),
            details: event.details.to_json(),
        }
    }
}

impl Filter {
    /// Returns whether the event matches.
    pub fn matches_event(&self, event: &EventRecord) -> bool {
        self.may_match_events()
            && self.covers(event.at)
            && self.kind.is_none_or(|kind| event.kind == kind.as_str())
            && self.outcome.is_none_or(|outcome| event.outcome == outcome.as_str())
            && self.actor.is_none_or(|id| event.actor.parse() == Ok(Actor::Account(id)))
            && self.subject.is_none_or(|subject| event.subject == Some(subject))
            && self.address.is_none_or(|address| event.address.parse() == Ok(address))
    }
}

fn text(value: impl Display) -> String {
    value.to_string()
}

fn optional<T: ?Sized>(bytes: &mut Vec<u8>, value: Option<&T>, put: impl Fn(&mut Vec<u8>, &T)) {
    bytes.push(u8::from(value.is_some()));
    if let Some(value) = value {
        put(bytes, value);
    }
}

/// The version byte. A block of decisions begins with another one, so neither can be passed off as
/// the other.
const VERSION: u8 = 1;
