//! The questions that principals ask of the access matrix.

use portcullis_domain::AccountId;
use serde_json::{Map, Value};

/// One question.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// What would be acted on.
    pub resource: String,
    /// What would be done.
    pub action: String,
    /// Who would act, when that is not the caller.
    pub subject: Option<AccountId>,
    /// What the conditions of the matrix go by.
    pub context: Context,
}

impl Question {
    /// Whether the caller may do that, without any context.
    pub fn own(resource: &str, action: &str) -> Self {
        Self {
            resource: resource.to_owned(),
            action: action.to_owned(),
            subject: None,
            context: Context::default(),
        }
    }
}

/// What the conditions of the matrix go by; what is missing never makes one hold.
///
/// Owner and parties are account ids. Another spelling of an id is the same account, and what is no
/// account id counts as missing: else somebody could pass for somebody else to `not_own`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context {
    /// Whose resource it is.
    pub owner: Option<String>,
    /// Who takes part in it.
    pub parties: Option<Vec<String>>,
    /// Further attributes.
    pub attributes: Option<Attributes>,
}

/// A JSON object, kept as the text that is recorded of it: its members would take many times as much
/// memory, and are needed for no longer than one decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes(String);

impl Attributes {
    /// The text.
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
    /// The owner, spelt as subjects are.
    pub(crate) fn owner_account(&self) -> Option<String> {
        self.owner.as_deref().and_then(account)
    }

    /// The parties, spelt as subjects are.
    pub(crate) fn party_accounts(&self) -> Option<Vec<String>> {
        let parties = self.parties.as_ref()?;
        Some(parties.iter().filter_map(|party| account(party)).collect())
    }

    /// Bytes of all texts, and of what a party takes beside its text.
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

/// The one spelling of an account's id.
pub(crate) fn account(text: &str) -> Option<String> {
    text.parse::<AccountId>().ok().map(|id| id.to_string())
}
