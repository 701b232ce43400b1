//! `Filter`: the conditions of a search, and tests that exclude tables and blocks.

use std::net::IpAddr;

use portcullis_domain::{AccountId, Timestamp};
use serde::Serialize;

use crate::block::{BlockFilter, Item};
use crate::{DecisionRecord, EventKind, Outcome};

/// The conditions of a search. All that are set must hold; the default matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Filter {
    /// The earliest time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// The end of the period, exclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The kind of the entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<EventKind>,
    /// The outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// The acting account or the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<AccountId>,
    /// The account concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<AccountId>,
    /// The resource; only decisions have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The address of the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
}

impl Filter {
    /// Returns whether the decision matches.
    pub fn matches_decision(&self, decision: &DecisionRecord<'_>) -> bool {
        self.may_match_decisions()
            && self.covers(decision.at)
            && self.outcome.is_none_or(|outcome| answer(outcome) == Some(decision.allowed))
            && self.actor.is_none_or(|actor| decision.caller == actor)
            && self.subject.is_none_or(|subject| decision.subject == subject)
            && self.resource.as_deref().is_none_or(|resource| decision.resource == resource)
            && self.address.is_none_or(|address| decision.address == address)
    }

    /// Returns whether security events can match; if not, they need not be read.
    pub fn may_match_events(&self) -> bool {
        self.resource.is_none() && self.kind != Some(EventKind::PermissionCheck)
    }

    /// Returns the account whose refreshes can match. They are stored with the sessions of the
    /// account, so only a search for this account finds them.
    pub fn may_match_refreshes_of(&self) -> Option<AccountId> {
        let account = self.subject.or(self.actor)?;
        let may_match = self.resource.is_none()
            && self.actor.is_none_or(|actor| actor == account)
            && self.kind.is_none_or(|kind| kind == EventKind::Refresh)
            && self.outcome.is_none_or(|outcome| outcome == Outcome::Success);
        may_match.then_some(account)
    }

    /// Returns whether decisions can match; if not, no block needs to be read.
    pub fn may_match_decisions(&self) -> bool {
        self.kind.is_none_or(|kind| kind == EventKind::PermissionCheck)
            && self.outcome.is_none_or(|outcome| answer(outcome).is_some())
    }

    /// Returns whether a decision of this block can match; if not, its payload need not be read.
    /// `filter` is the column of that name.
    pub fn may_match_block(&self, from: Timestamp, until: Timestamp, filter: &[u8]) -> bool {
        let filter = BlockFilter(filter);
        let holds = |item: Option<Item>| item.is_none_or(|item| filter.may_hold(item));
        self.may_match_decisions()
            && self.from.is_none_or(|wanted| until >= wanted)
            && self.until.is_none_or(|wanted| from < wanted)
            && self.outcome.and_then(answer).is_none_or(|allowed| filter.may_have_answered(allowed))
            && holds(self.actor.map(Item::account))
            && holds(self.subject.map(Item::account))
            && holds(self.resource.as_deref().map(Item::resource))
            && holds(self.address.map(Item::address))
    }

    pub(crate) fn covers(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| at >= from) && self.until.is_none_or(|until| at < until)
    }
}

/// Returns the answer of the matrix that the outcome represents.
fn answer(outcome: Outcome) -> Option<bool> {
    match outcome {
        Outcome::Allowed => Some(true),
        Outcome::Denied => Some(false),
        _ => None,
    }
}
