//! Questions that principals ask of the access matrix, with their context.

use portcullis_domain::AccountId;
use serde_json::{Map, Value};

/// One question.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The resource.
    pub resource: String,
    /// The action.
    pub action: String,
    /// The subject, if it is not the caller.
    pub subject: Option<AccountId>,
    /// The context for the conditions of the matrix.
    pub context: Context,
}

impl Question {
    /// A question about the caller itself, without context.
    pub fn own(resource: &str, action: &str) -> Self {
        Self {
            resource: resource.to_owned(),
            action: action.to_owned(),
            subject: None,
            context: Context::default(),
        }
    }
}

/// The context for the conditions of the matrix; a missing value never makes a condition hold.
///
/// Owner and parties are account ids. Another spelling of an id is the same account. A text that is
/// no account id counts as missing: otherwise `not_own` could be bypassed with an invalid id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context {
    /// The owner of the resource.
    pub owner: Option<String>,
    /// The parties of the resource.
    pub parties: Option<Vec<String>>,
    /// Further attributes.
    pub attributes: Option<Attributes>,
}

/// A JSON object, kept as the text that is recorded: parsed members would take many times as much
/// memory, and are needed for one decision only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes(String);

impl Attributes {
    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn members(&self) -> Option<Map<String, Value>> {
        serde_json::from_str(&self.0).ok()
    }
}

impl From<Map<String, Value>> for Attributes {
    fn from(members: Map<String, Value>) -> Self {
        Self(serde_json::to_string(&members).unwrap_or_default())
    }
}

impl Context {
    /// The owner, in the spelling of subjects.
    pub(crate) fn owner_account(&self) -> Option<String> {
        self.owner.as_deref().and_then(account)
    }

    /// The parties, in the spelling of subjects.
    pub(crate) fn party_accounts(&self) -> Option<Vec<String>> {
        let parties = self.parties.as_ref()?;
        Some(parties.iter().filter_map(|party| account(party)).collect())
    }

    /// Bytes of all texts, and the memory of each party beside its text.
    fn text_bytes(&self) -> usize {
        let texts = [self.owner.as_deref(), self.attributes.as_ref().map(Attributes::as_str)];
        let texts: usize = texts.into_iter().flatten().map(str::len).sum();
        let parties = self.parties.iter().flatten();
        texts + parties.map(|party| party.len() + size_of::<String>()).sum::<usize>()
    }
}

impl Question {
    /// Bytes of all texts.
    pub(crate) fn text_bytes(&self) -> usize {
        self.resource.len() + self.action.len() + self.context.text_bytes()
    }
}

/// The one spelling of an account id.
pub(crate) fn account(text: &str) -> Option<String> {
    text.parse::<AccountId>().ok().map(|id| id.to_string())
}
