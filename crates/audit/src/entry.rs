//! `Entry`: an event or a decision as searches return it and exports write it.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use portcullis_domain::{AccountId, EventId, SessionId, Timestamp};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::{DecisionId, DecisionRecord, EventKind, EventRecord, Outcome, UnknownWord};

/// One entry of the audit log, event or decision, as searches return it and exports write it.
///
/// As JSON it has a member for each field that has a value; `parties`, `attributes` and `details`
/// are JSON themselves, or a text if the stored text is not JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry<'a> {
    /// The time of the entry.
    pub at: Timestamp,
    /// The id of the entry.
    pub id: EntryId,
    /// The kind of the entry: the word of an [`EventKind`].
    pub kind: Cow<'a, str>,
    /// The outcome: the word of an [`Outcome`].
    pub outcome: Cow<'a, str>,
    /// The acting party or the caller: the text of an [`Actor`](crate::Actor).
    pub actor: Cow<'a, str>,
    /// The account concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<AccountId>,
    /// The session concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The address of the client.
    pub address: Cow<'a, str>,
    /// The user agent of the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<Cow<'a, str>>,
    /// The id of the request in the log of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Cow<'a, str>>,
    /// Of a decision: the role of the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Cow<'a, str>>,
    /// Of a decision: the resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<Cow<'a, str>>,
    /// Of a decision: the action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Cow<'a, str>>,
    /// Of a decision: the owner of the resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Cow<'a, str>>,
    /// Of a decision: the parties of the resource, as a JSON array.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "embedded")]
    pub parties: Option<Cow<'a, str>>,
    /// Of a decision: further attributes, as JSON text.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "embedded")]
    pub attributes: Option<Cow<'a, str>>,
    /// Of a decision: the version of the matrix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matrix_version: Option<u32>,
    /// Of a decision: the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'a, str>>,
    /// Of an event: the details, as JSON text.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "embedded")]
    pub details: Option<Cow<'a, str>>,
}

impl<'a> Entry<'a> {
    /// Returns an event as an entry.
    pub fn of_event(event: &'a EventRecord) -> Self {
        Self {
            at: event.at,
            id: EntryId::Event(event.id),
            kind: borrowed(&event.kind),
            outcome: borrowed(&event.outcome),
            actor: borrowed(&event.actor),
            subject: event.subject,
            session: event.session,
            address: borrowed(&event.address),
            user_agent: event.user_agent.as_deref().map(borrowed),
            request_id: event.request_id.as_deref().map(borrowed),
            role: None,
            resource: None,
            action: None,
            owner: None,
            parties: None,
            attributes: None,
            matrix_version: None,
            reason: None,
            details: event.details.as_deref().map(borrowed),
        }
    }

    /// Returns a decision as an entry.
    pub fn of_decision(id: DecisionId, decision: &DecisionRecord<'a>) -> Self {
        let outcome = if decision.allowed { Outcome::Allowed } else { Outcome::Denied };
        let parties = decision.parties.as_ref().and_then(|names| serde_json::to_string(names).ok());
        Self {
            at: decision.at,
            id: EntryId::Decision(id),
            kind: borrowed(EventKind::PermissionCheck.as_str()),
            outcome: borrowed(outcome.as_str()),
            actor: decision.caller.to_string().into(),
            subject: Some(decision.subject),
            session: decision.session,
            address: decision.address.to_string().into(),
            user_agent: decision.user_agent.map(borrowed),
            request_id: decision.request_id.map(borrowed),
            role: Some(borrowed(decision.role)),
            resource: Some(borrowed(decision.resource)),
            action: Some(borrowed(decision.action)),
            owner: decision.owner.map(borrowed),
            parties: parties.map(Cow::Owned),
            attributes: decision.attributes.map(borrowed),
            matrix_version: Some(decision.matrix_version),
            reason: Some(borrowed(decision.reason)),
            details: None,
        }
    }

    /// Returns the memory of an entry that owns all its texts, in bytes.
    pub(crate) fn size(&self) -> usize {
        let texts = [&self.kind, &self.outcome, &self.actor, &self.address];
        let optional = [
            &self.user_agent,
            &self.request_id,
            &self.role,
            &self.resource,
            &self.action,
            &self.owner,
            &self.parties,
            &self.attributes,
            &self.reason,
            &self.details,
        ];
        let texts = texts.into_iter().chain(optional.into_iter().flatten());
        texts.fold(size_of::<Self>(), |size, text| size.saturating_add(text.len()))
    }

    /// Returns the same entry with owned texts.
    pub fn into_owned(self) -> Entry<'static> {
        Entry {
            at: self.at,
            id: self.id,
            kind: owned(self.kind),
            outcome: owned(self.outcome),
            actor: owned(self.actor),
            subject: self.subject,
            session: self.session,
            address: owned(self.address),
            user_agent: self.user_agent.map(owned),
            request_id: self.request_id.map(owned),
            role: self.role.map(owned),
            resource: self.resource.map(owned),
            action: self.action.map(owned),
            owner: self.owner.map(owned),
            parties: self.parties.map(owned),
            attributes: self.attributes.map(owned),
            matrix_version: self.matrix_version,
            reason: self.reason.map(owned),
            details: self.details.map(owned),
        }
    }
}

/// The id of one entry of the audit log. Among entries of one time, decisions come after events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryId {
    /// A security event.
    Event(EventId),
    /// A decision.
    Decision(DecisionId),
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(id) => id.fmt(f),
            Self::Decision(id) => id.fmt(f),
        }
    }
}

impl FromStr for EntryId {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let event = || text.parse().map(Self::Event);
        text.parse().map(Self::Decision).or_else(|_| event()).map_err(|_| UnknownWord)
    }
}

impl Serialize for EntryId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn borrowed(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}

fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}

/// Writes JSON text as a part of the JSON around it.
#[expect(clippy::ref_option, reason = "serde gives a reference to the field")]
fn embedded<S: Serializer>(text: &Option<Cow<'_, str>>, serializer: S) -> Result<S::Ok, S::Error> {
    let text = text.as_deref().unwrap_or_default();
    match serde_json::from_str::<Value>(text) {
        Ok(value) => value.serialize(serializer),
        Err(_) => serializer.serialize_str(text),
    }
}
