use std::net::IpAddr;

use portcullis_domain::{AccountId, Timestamp};
use serde::Serialize;

use crate::block::{BlockFilter, Item};
use crate::{DecisionRecord, EventKind, Outcome};

/// What to look for. Everything that is set must hold; the default looks for everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Filter {
    /// Not before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Before, exclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<EventKind>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Who did it or asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<AccountId>,
    /// Whom it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<AccountId>,
    /// What was asked about; only decisions have a resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Where the request came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
}

impl Filter {
    /// Whether the decision is looked for.
    pub fn matches_decision(&self, decision: &DecisionRecord<'_>) -> bool {
        self.may_match_decisions()
            && self.covers(decision.at)
            && self.outcome.is_none_or(|outcome| answer(outcome) == Some(decision.allowed))
            && self.actor.is_none_or(|actor| decision.caller == actor)
            && self.subject.is_none_or(|subject| decision.subject == subject)
            && self.resource.as_deref().is_none_or(|resource| decision.resource == resource)
            && self.address.is_none_or(|address| decision.address == address)
    }

    /// Whether security events can match at all; if not, they need not be read.
    pub fn may_match_events(&self) -> bool {
        self.resource.is_none() && self.kind != Some(EventKind::PermissionCheck)
    }

    /// The account whose refreshes can match, if they can: they are kept with the account's sessions, so
    /// they are found only by a search that names the account.
    pub fn may_match_refreshes_of(&self) -> Option<AccountId> {
        let account = self.subject.or(self.actor)?;
        let may_match = self.resource.is_none()
            && self.actor.is_none_or(|actor| actor == account)
            && self.kind.is_none_or(|kind| kind == EventKind::Refresh)
            && self.outcome.is_none_or(|outcome| outcome == Outcome::Success);
        may_match.then_some(account)
    }

    /// Whether decisions can match at all; if not, no block needs to be read.
    pub fn may_match_decisions(&self) -> bool {
        self.kind.is_none_or(|kind| kind == EventKind::PermissionCheck)
            && self.outcome.is_none_or(|outcome| answer(outcome).is_some())
    }

    /// Whether a decision of this block can match; if not, its payload need not be read. `filter` is
    /// the column of that name.
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

/// The answer of the matrix that the outcome stands for.
fn answer(outcome: Outcome) -> Option<bool> {
    match outcome {
        Outcome::Allowed => Some(true),
        Outcome::Denied => Some(false),
        _ => None,
    }
}
