//! What a grant may depend on besides role, resource and action.
//!
//! A condition that lacks the context it reads never holds: a caller who forgets to say whose
//! absence it is gets a denial, not a pass.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::word::is_word;

/// The context of one question: who asks, and about whose resource.
///
/// An empty `subject` or `owner` counts as absent, so that two blanks are never "the same person".
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// Who wants to act.
    pub subject: &'a str,
    /// Whose resource it is.
    pub owner: Option<&'a str>,
    /// Who takes part in it, as the two sides of a swap do.
    pub parties: Option<Parties<'a>>,
    /// Whatever else a condition of your own reads.
    pub attributes: Option<&'a Map<String, Value>>,
}

impl<'a> Asked<'a> {
    /// A question without further context.
    pub const fn by(subject: &'a str) -> Self {
        Self { subject, owner: None, parties: None, attributes: None }
    }

    /// The same question about a resource that belongs to `owner`.
    #[must_use]
    pub const fn owned_by(self, owner: &'a str) -> Self {
        Self { owner: Some(owner), ..self }
    }

    /// The same question about a resource in which `parties` take part.
    #[must_use]
    pub fn between(self, parties: impl Into<Parties<'a>>) -> Self {
        Self { parties: Some(parties.into()), ..self }
    }

    fn subject(&self) -> Option<&'a str> {
        Some(self.subject).filter(|subject| !subject.is_empty())
    }

    fn owner(&self) -> Option<&'a str> {
        self.owner.filter(|owner| !owner.is_empty())
    }
}

/// A list of parties, borrowed in the shape the caller has it.
#[derive(Clone, Copy, Debug)]
pub enum Parties<'a> {
    /// As literals or slices of a larger text.
    Borrowed(&'a [&'a str]),
    /// As a request deserializes them.
    Owned(&'a [String]),
}

impl Parties<'_> {
    /// Whether `subject` is one of them.
    pub fn contains(&self, subject: &str) -> bool {
        match self {
            Self::Borrowed(parties) => parties.contains(&subject),
            Self::Owned(parties) => parties.iter().any(|party| party == subject),
        }
    }
}

impl<'a> From<&'a [&'a str]> for Parties<'a> {
    fn from(parties: &'a [&'a str]) -> Self {
        Self::Borrowed(parties)
    }
}

impl<'a, const N: usize> From<&'a [&'a str; N]> for Parties<'a> {
    fn from(parties: &'a [&'a str; N]) -> Self {
        Self::Borrowed(parties)
    }
}

impl<'a> From<&'a [String]> for Parties<'a> {
    fn from(parties: &'a [String]) -> Self {
        Self::Owned(parties)
    }
}

impl<'a> From<&'a Vec<String>> for Parties<'a> {
    fn from(parties: &'a Vec<String>) -> Self {
        Self::Owned(parties)
    }
}

/// What a condition says of one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConditionResult {
    /// It is met.
    Holds,
    /// It is not met.
    Fails,
    /// The question lacks what the condition reads; counts as not met.
    MissingContext,
}

impl From<bool> for ConditionResult {
    fn from(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Fails }
    }
}

/// A condition that grants may name in `when`.
///
/// A result must follow from the question alone, or a replay would answer for another day.
pub trait Condition: Send + Sync {
    /// The word grants use for it.
    fn name(&self) -> &str;

    /// Whether it is met; on the hot path, so it must neither block nor allocate.
    fn holds(&self, asked: &Asked<'_>) -> ConditionResult;

    /// What it reads, to complete "`name` needs …" in an explanation.
    fn needs(&self) -> &'static str {
        "more context"
    }
}

/// The conditions that a matrix may name: `own`, `party` and `not_own`, and those you add.
#[derive(Clone)]
pub struct Conditions(Vec<Arc<dyn Condition>>);

impl Conditions {
    /// Adds a condition; its name must be a word (`[a-z][a-z0-9_]{0,63}`) that is still free.
    pub fn with(mut self, condition: impl Condition + 'static) -> Result<Self, ConditionNameError> {
        let name = condition.name();
        if !is_word(name) {
            return Err(ConditionNameError::NoWord(name.to_owned()));
        }
        if self.find(name).is_some() {
            return Err(ConditionNameError::Taken(name.to_owned()));
        }
        self.0.push(Arc::new(condition));
        Ok(self)
    }

    /// Their names, built-in ones first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|condition| condition.name())
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Arc<dyn Condition>> {
        self.0.iter().find(|condition| condition.name() == name)
    }
}

impl Default for Conditions {
    fn default() -> Self {
        Self(vec![Arc::new(Own), Arc::new(Party), Arc::new(NotOwn)])
    }
}

impl fmt::Debug for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

/// Why a condition cannot be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConditionNameError {
    /// Not `[a-z][a-z0-9_]{0,63}`.
    #[error("`{0}` is no word: a lowercase letter, then up to 63 of a-z, 0-9 and _")]
    NoWord(String),
    /// Another condition has the name, and matrices rely on what it means.
    #[error("there is a condition `{0}` already")]
    Taken(String),
}

/// The owner is the subject.
struct Own;

impl Condition for Own {
    fn name(&self) -> &'static str {
        "own"
    }

    fn holds(&self, asked: &Asked<'_>) -> ConditionResult {
        match (asked.subject(), asked.owner()) {
            (Some(subject), Some(owner)) => ConditionResult::from(subject == owner),
            _ => ConditionResult::MissingContext,
        }
    }

    fn needs(&self) -> &'static str {
        "an owner"
    }
}

/// The subject is one of the parties.
struct Party;

impl Condition for Party {
    fn name(&self) -> &'static str {
        "party"
    }

    fn holds(&self, asked: &Asked<'_>) -> ConditionResult {
        match (asked.subject(), asked.parties) {
            (Some(subject), Some(parties)) => ConditionResult::from(parties.contains(subject)),
            _ => ConditionResult::MissingContext,
        }
    }

    fn needs(&self) -> &'static str {
        "a list of parties"
    }
}

/// The owner is somebody else: nobody approves their own request.
struct NotOwn;

impl Condition for NotOwn {
    fn name(&self) -> &'static str {
        "not_own"
    }

    fn holds(&self, asked: &Asked<'_>) -> ConditionResult {
        match Own.holds(asked) {
            ConditionResult::Holds => ConditionResult::Fails,
            ConditionResult::Fails => ConditionResult::Holds,
            ConditionResult::MissingContext => ConditionResult::MissingContext,
        }
    }

    fn needs(&self) -> &'static str {
        "an owner"
    }
}
