//! Conditions of a grant (`own`, `party`, `not_own` and custom ones) and the context that they
//! read.
//!
//! A condition without its context never holds: a caller that omits the owner gets a denial, not a
//! permission.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::word::is_word;

/// The context of one question: the subject, the owner and parties of the resource, and attributes.
///
/// An empty `subject` or `owner` counts as absent, so that two empty texts are never the same
/// person.
#[derive(Clone, Copy, Debug, Default)]
pub struct DecisionContext<'a> {
    /// The account that wants to act.
    pub subject: &'a str,
    /// The owner of the resource.
    pub owner: Option<&'a str>,
    /// The parties of the resource, such as the two sides of a swap.
    pub parties: Option<Parties<'a>>,
    /// Further attributes for custom conditions.
    pub attributes: Option<&'a Map<String, Value>>,
}

impl<'a> DecisionContext<'a> {
    /// A question without further context.
    pub const fn by(subject: &'a str) -> Self {
        Self { subject, owner: None, parties: None, attributes: None }
    }

    /// Adds the owner of the resource.
    #[must_use]
    pub const fn owned_by(self, owner: &'a str) -> Self {
        Self { owner: Some(owner), ..self }
    }

    /// Adds the parties of the resource.
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

/// A list of parties, borrowed in the form that the caller has.
#[derive(Clone, Copy, Debug)]
pub enum Parties<'a> {
    /// Borrowed texts: literals or slices of a larger text.
    Borrowed(&'a [&'a str]),
    /// Owned texts, as deserialized from a request.
    Owned(&'a [String]),
}

impl Parties<'_> {
    /// Returns whether `subject` is one of them.
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

/// The result of a condition for one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConditionResult {
    /// The condition is met.
    Holds,
    /// The condition is not met.
    Fails,
    /// The question lacks the context that the condition reads; counts as not met.
    MissingContext,
}

impl From<bool> for ConditionResult {
    fn from(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Fails }
    }
}

/// A condition that grants can name in `when`.
///
/// The result must depend on the question alone, so that a replay gives the same result on another
/// day.
pub trait Condition: Send + Sync {
    /// The name that grants use.
    fn name(&self) -> &str;

    /// Evaluates the condition. It is on the hot path, so it must neither block nor allocate.
    fn holds(&self, context: &DecisionContext<'_>) -> ConditionResult;

    /// The context that the condition reads, for the sentence "`name` needs …" in an explanation.
    fn needs(&self) -> &'static str {
        "more context"
    }
}

/// The conditions that a matrix can name: `own`, `party`, `not_own` and custom ones.
#[derive(Clone)]
pub struct Conditions(Vec<Arc<dyn Condition>>);

impl Conditions {
    /// Adds a condition. Its name must be a word (`[a-z][a-z0-9_]{0,63}`) that is not in use.
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

    /// The names, built-in ones first.
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

/// The reason why a condition cannot be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConditionNameError {
    /// Not `[a-z][a-z0-9_]{0,63}`.
    #[error("`{0}` is no word: a lowercase letter, then up to 63 of a-z, 0-9 and _")]
    NoWord(String),
    /// Another condition has this name.
    #[error("there is a condition `{0}` already")]
    Taken(String),
}

/// The owner is the subject.
struct Own;

impl Condition for Own {
    fn name(&self) -> &'static str {
        "own"
    }

    fn holds(&self, context: &DecisionContext<'_>) -> ConditionResult {
        match (context.subject(), context.owner()) {
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

    fn holds(&self, context: &DecisionContext<'_>) -> ConditionResult {
        match (context.subject(), context.parties) {
            (Some(subject), Some(parties)) => ConditionResult::from(parties.contains(subject)),
            _ => ConditionResult::MissingContext,
        }
    }

    fn needs(&self) -> &'static str {
        "a list of parties"
    }
}

/// The owner is another account: a person cannot approve the own request.
struct NotOwn;

impl Condition for NotOwn {
    fn name(&self) -> &'static str {
        "not_own"
    }

    fn holds(&self, context: &DecisionContext<'_>) -> ConditionResult {
        match Own.holds(context) {
            ConditionResult::Holds => ConditionResult::Fails,
            ConditionResult::Fails => ConditionResult::Holds,
            ConditionResult::MissingContext => ConditionResult::MissingContext,
        }
    }

    fn needs(&self) -> &'static str {
        "an owner"
    }
}
