//! `Item`: an entry of the audit log in words.

use portcullis_audit::{Entry, EventKind, Outcome};

use crate::moment::Moment;
use crate::section::Section;
use crate::strings::ENGLISH;

/// An entry in words.
pub(super) struct Item {
    pub(super) id: String,
    /// The path of its page. A refresh has none: it is kept with its session, and no chain seals it.
    pub(super) path: Option<String>,
    pub(super) at: String,
    pub(super) kind: String,
    pub(super) outcome: String,
    pub(super) is_good: bool,
    pub(super) subject: String,
    pub(super) about: String,
    pub(super) actor: String,
    pub(super) address: String,
    pub(super) facts: Vec<(&'static str, String)>,
}

impl From<Entry<'_>> for Item {
    fn from(entry: Entry<'_>) -> Self {
        let t = &ENGLISH;
        let question = entry.resource.as_ref().zip(entry.action.as_ref());
        let about = question.map(|(resource, action)| format!("{resource} {action}"));
        let text = |value: Option<String>| value.filter(|text| !text.is_empty());
        let facts = [
            (t.entry_id, Some(entry.id.to_string())),
            (t.session, entry.session.map(|session| session.to_string())),
            (t.user_agent, text(entry.user_agent.as_ref().map(ToString::to_string))),
            (t.request_id, entry.request_id.as_ref().map(ToString::to_string)),
            (t.role, entry.role.as_ref().map(ToString::to_string)),
            (t.owner, entry.owner.as_ref().map(ToString::to_string)),
            (t.parties, entry.parties.as_ref().map(ToString::to_string)),
            (t.attributes, entry.attributes.as_ref().map(ToString::to_string)),
            (t.matrix_of_entry, entry.matrix_version.map(|version| version.to_string())),
            (t.reason, entry.reason.as_ref().map(ToString::to_string)),
            (t.details, entry.details.as_ref().map(ToString::to_string)),
        ];
        let is_good = [Outcome::Success.as_str(), Outcome::Allowed.as_str()];
        let is_sealed = entry.kind != EventKind::Refresh.as_str();
        Self {
            path: is_sealed.then(|| format!("{}/{}", Section::Audit.path(), entry.id)),
            id: entry.id.to_string(),
            at: Moment(entry.at).to_seconds(),
            is_good: is_good.contains(&&*entry.outcome),
            kind: entry.kind.into_owned(),
            outcome: entry.outcome.into_owned(),
            subject: entry.subject.map(|subject| subject.to_string()).unwrap_or_default(),
            about: about.unwrap_or_default(),
            actor: entry.actor.into_owned(),
            address: entry.address.into_owned(),
            facts: facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
        }
    }
}
