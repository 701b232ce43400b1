//! Waiting requests, one lane for each caller. Callers take turns, so a caller with many requests
//! delays another caller by one request and not by all.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use portcullis_domain::AccountId;

use super::queued::{Queued, RequestKey};

/// Waiting requests by caller.
#[derive(Default)]
pub(super) struct Lanes {
    by_caller: HashMap<AccountId, BTreeMap<u64, Queued>>,
    /// The callers with requests, each once, in the order of their turns.
    turns: VecDeque<AccountId>,
    /// The arrival time of each request; tickets grow with time.
    times: BTreeMap<u64, Duration>,
}

impl Lanes {
    pub(super) fn push(&mut self, RequestKey { caller, ticket }: RequestKey, queued: Queued) {
        self.times.insert(ticket, queued.since);
        let lane = self.by_caller.entry(caller).or_default();
        if lane.is_empty() {
            self.turns.push_back(caller);
        }
        lane.insert(ticket, queued);
    }

    /// The next request.
    pub(super) fn next(&self) -> Option<&Queued> {
        let lane = self.by_caller.get(self.turns.front()?)?;
        lane.first_key_value().map(|(_, queued)| queued)
    }

    /// Removes the next request, and gives the turn to the next caller.
    pub(super) fn pop(&mut self) -> Option<Queued> {
        let caller = self.turns.pop_front()?;
        let lane = self.by_caller.get_mut(&caller)?;
        let (ticket, queued) = lane.pop_first()?;
        self.times.remove(&ticket);
        if lane.is_empty() {
            self.by_caller.remove(&caller);
        } else {
            self.turns.push_back(caller);
        }
        Some(queued)
    }

    pub(super) fn remove(&mut self, RequestKey { caller, ticket }: RequestKey) -> Option<Queued> {
        let lane = self.by_caller.get_mut(&caller)?;
        let queued = lane.remove(&ticket)?;
        self.times.remove(&ticket);
        if lane.is_empty() {
            self.by_caller.remove(&caller);
            self.turns.retain(|other| *other != caller);
        }
        Some(queued)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// The arrival time of the oldest request.
    pub(super) fn oldest(&self) -> Option<Duration> {
        self.times.first_key_value().map(|(_, since)| *since)
    }
}
