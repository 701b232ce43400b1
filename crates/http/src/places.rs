//! How many requests of one expensive kind are worked on at the same time, shared fairly.
//!
//! A caller may take no more places than are still free (a dynamic threshold, as switches share a
//! buffer): one alone half of them, and the next caller always finds one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis_audit::Actor;

use crate::problem::Problem;

/// How much of what is expensive is worked on at once.
#[derive(Debug)]
pub(crate) struct Capacity {
    /// Batches of checks.
    pub(crate) batches: Arc<Places>,
    /// Searches of the audit trail, and decisions being read.
    pub(crate) searches: Arc<Places>,
    /// Exports of the audit trail.
    pub(crate) exports: Arc<Places>,
    /// Replays of past decisions.
    pub(crate) replays: Arc<Places>,
}

impl Default for Capacity {
    fn default() -> Self {
        Self {
            batches: Places::new(BATCHES),
            searches: Places::new(SEARCHES),
            exports: Places::new(EXPORTS),
            replays: Places::new(REPLAYS),
        }
    }
}

/// Each takes one for every [`BATCH_UNIT`] of its body, and holds about four times its body: together
/// at most some 64 MiB.
const BATCHES: usize = 256;

/// Bytes of a batch for each of its places.
pub(crate) const BATCH_UNIT: usize = 64 * 1024;

/// Each holds at most some 40 MiB, and 64 MiB more where a block of an earlier version is large.
const SEARCHES: usize = 8;

/// Each holds as much as a search, and a thread.
const EXPORTS: usize = 4;

/// Each has a thread of its own.
const REPLAYS: usize = 2;

/// The places of one kind of request.
#[derive(Debug)]
pub(crate) struct Places {
    max: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_caller: HashMap<Actor, usize>,
}

/// One place or several, free again when it is dropped.
#[derive(Debug)]
#[must_use = "dropping it gives the place back"]
pub(crate) struct InPlace {
    places: Arc<Places>,
    caller: Actor,
    count: usize,
}

impl Places {
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max, taken: Mutex::default() })
    }

    /// Takes a place, or says when to come again.
    pub(crate) fn enter(self: &Arc<Self>, caller: Actor) -> Result<InPlace, Problem> {
        self.enter_with(caller, 1)
    }

    /// Takes so many places, or says when to come again.
    pub(crate) fn enter_with(
        self: &Arc<Self>,
        caller: Actor,
        count: usize,
    ) -> Result<InPlace, Problem> {
        let mut taken = self.taken();
        let mine = taken.by_caller.get(&caller).copied().unwrap_or(0).saturating_add(count);
        if mine > self.max.saturating_sub(taken.total) {
            return Err(Problem::busy());
        }
        taken.total += count;
        taken.by_caller.insert(caller, mine);
        Ok(InPlace { places: Arc::clone(self), caller, count })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InPlace {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.total = taken.total.saturating_sub(self.count);
        if let Some(mine) = taken.by_caller.get_mut(&self.caller) {
            *mine = mine.saturating_sub(self.count);
            if *mine == 0 {
                taken.by_caller.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use portcullis_domain::{AccountId, SystemRandom, Timestamp};

    use super::*;

    #[test]
    fn one_caller_leaves_places_for_the_next_and_each_comes_back() {
        let caller =
            || Actor::Account(AccountId::generate(Timestamp::from_seconds(1), &SystemRandom));
        let (places, greedy) = (Places::new(8), caller());
        let mut held: Vec<InPlace> = Vec::new();
        held.extend(std::iter::from_fn(|| places.enter(greedy).ok()));
        assert_eq!(held.len(), 4);
        let other = caller();
        held.extend(std::iter::from_fn(|| places.enter(other).ok()));
        assert_eq!(held.len(), 6);
        held.push(places.enter(caller()).unwrap());
        drop(held);
        assert_eq!(std::iter::from_fn(|| places.enter(other).ok()).collect::<Vec<_>>().len(), 4);
        assert!(places.taken().by_caller.is_empty());
    }
}
