//! A shard of the in-process limiter: its entries, their expiry and the bound on their bytes.

use std::hash::BuildHasher;
use std::time::Duration;

use crate::key::Subject;
use crate::quota::Quota;
use crate::slab::{Link, SlotId};
use crate::state::{PLACEHOLDER, QuotaState};
use crate::table::{Key, List, Table};
use crate::window::{MIN_LOG_BYTES, Window};

/// The smallest share of a shard. It holds the largest logs of [`crate::MAX_DEMANDS`] demands, so
/// eviction never reaches an entry of the present call.
pub(crate) const MIN_SHARE: usize = 128 * 1024;

/// The maximum number of expired entries that a call removes for each of its demands. Each call
/// adds one entry at most, so expired entries still become fewer.
const EXPIRED_PER_CALL: usize = 8;

pub(crate) struct Shard {
    table: Table,
    share: usize,
    /// The time of the last acceptance. An earlier `now` counts as this time, so that the lists
    /// stay in the order of time.
    latest: Duration,
    evicted: u64,
}

/// One demand of a call in this shard.
#[derive(Clone, Copy)]
pub(crate) struct ShardDemand<'a> {
    pub(crate) quota: &'a Quota,
    pub(crate) subject: Subject,
    /// The keyed hash of the subject.
    pub(crate) hash: u64,
}

impl ShardDemand<'_> {
    fn key(&self, list: u8) -> Key {
        Key { list, subject: self.subject, hash: self.hash }
    }
}

impl Shard {
    /// An empty shard for at most `share` bytes of heap memory, at least [`MIN_SHARE`].
    pub(crate) fn new(share: usize) -> Self {
        let share = share.max(MIN_SHARE);
        Self { table: Table::new(share), share, latest: Duration::ZERO, evicted: 0 }
    }

    /// The state of a demand, with nothing recorded.
    pub(crate) fn state(
        &mut self,
        demand: &ShardDemand<'_>,
        now: Duration,
        hasher: &impl BuildHasher,
    ) -> QuotaState {
        let now = self.effective(now);
        let entry = self.table.find_list(demand.quota).and_then(|list| {
            self.remove_expired(list, EXPIRED_PER_CALL, now, hasher);
            self.table.find(&demand.key(list))
        });
        match entry.and_then(|id| self.table.get(id)) {
            Some(slot) => slot.window.state(demand.quota, now),
            None => Window::new(demand.quota).state(demand.quota, now),
        }
    }

    /// Records a demand that is the only one of its call, if its quota permits it: as [`state`](Self::state) and
    /// [`record`](Self::record), but an entry whose window needs no further memory is found once.
    pub(crate) fn acquire(
        &mut self,
        demand: &ShardDemand<'_>,
        now: Duration,
        hasher: &impl BuildHasher,
    ) -> QuotaState {
        let at = self.effective(now);
        let list = self.table.find_list(demand.quota);
        if let Some(list) = list {
            self.remove_expired(list, EXPIRED_PER_CALL, at, hasher);
        }
        let entry = list.and_then(|list| self.table.find(&demand.key(list)));
        let slot = entry.and_then(|id| Some((id, self.table.get(id)?)));
        let state = match slot {
            Some((_, slot)) => slot.window.state(demand.quota, at),
            None => Window::new(demand.quota).state(demand.quota, at),
        };
        if !state.is_allowed {
            return state;
        }
        match slot.filter(|(_, slot)| slot.window.growth() == 0).map(|(id, _)| id) {
            Some(id) => {
                self.latest = at;
                self.table.touch(id);
                self.record_in(id, demand.quota, at)
            }
            None => self.record(demand, &[*demand], at, hasher),
        }
    }

    /// Moves the entry of a demand out of the reach of eviction, before any demand is recorded.
    pub(crate) fn touch(&mut self, demand: &ShardDemand<'_>) {
        if let Some(id) = self.find(demand) {
            self.table.touch(id);
        }
    }

    /// Records an accepted demand of a call with these demands.
    pub(crate) fn record(
        &mut self,
        demand: &ShardDemand<'_>,
        call: &[ShardDemand<'_>],
        now: Duration,
        hasher: &impl BuildHasher,
    ) -> QuotaState {
        let now = self.effective(now);
        self.latest = now;
        let mut entry = self.find(demand);
        if let Some(id) = entry {
            self.table.touch(id);
        }
        while self.table.bytes() + self.growth(entry) > self.share
            && self.remove_oldest(call, now, hasher)
        {
            entry = self.find(demand);
        }
        match entry.or_else(|| self.insert(demand, call, hasher)) {
            Some(id) => self.record_in(id, demand.quota, now),
            None => QuotaState { quota: *demand.quota, is_allowed: true, ..PLACEHOLDER },
        }
    }

    /// Records an accepted request in its entry.
    fn record_in(&mut self, id: SlotId, quota: &Quota, now: Duration) -> QuotaState {
        let mut state = QuotaState { quota: *quota, ..PLACEHOLDER };
        self.table.update(id, |window| {
            window.record(quota, now);
            state = window.state(quota, now);
        });
        QuotaState { is_allowed: true, ..state }
    }

    /// Removes the entry of a demand.
    pub(crate) fn forget(&mut self, demand: &ShardDemand<'_>, hasher: &impl BuildHasher) {
        if let Some(id) = self.find(demand) {
            self.table.remove(id, hasher);
        }
    }

    /// Removes all expired entries and returns their number.
    pub(crate) fn sweep(&mut self, now: Duration, hasher: &impl BuildHasher) -> usize {
        let (now, before) = (self.effective(now), self.table.len());
        for number in 0..self.table.lists().len() {
            if let Ok(list) = u8::try_from(number) {
                self.remove_expired(list, usize::MAX, now, hasher);
            }
        }
        before - self.table.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.table.bytes()
    }

    pub(crate) fn evicted(&self) -> u64 {
        self.evicted
    }

    fn effective(&self, now: Duration) -> Duration {
        now.max(self.latest)
    }

    fn find(&self, demand: &ShardDemand<'_>) -> Link {
        let list = self.table.find_list(demand.quota)?;
        self.table.find(&demand.key(list))
    }

    fn insert(
        &mut self,
        demand: &ShardDemand<'_>,
        call: &[ShardDemand<'_>],
        hasher: &impl BuildHasher,
    ) -> Link {
        let list = self.table.list(demand.quota).or_else(|| {
            self.empty_a_list(call, hasher);
            self.table.list(demand.quota)
        })?;
        self.table.insert(&demand.key(list), Window::new(demand.quota))
    }

    /// The heap memory that recording in an entry, or in a new one, needs.
    fn growth(&self, entry: Link) -> usize {
        match entry.and_then(|id| self.table.get(id)) {
            Some(slot) => slot.window.growth(),
            None => self.table.growth() + MIN_LOG_BYTES,
        }
    }

    fn remove_expired(&mut self, list: u8, most: usize, now: Duration, hasher: &impl BuildHasher) {
        for _ in 0..most {
            let Some(id) = self.table.lists().get(usize::from(list)).and_then(|list| list.head)
            else {
                return;
            };
            if !self.is_expired(id, now) {
                return;
            }
            self.table.remove(id, hasher);
        }
    }

    fn is_expired(&self, id: SlotId, now: Duration) -> bool {
        self.table.get(id).is_some_and(|slot| {
            let list = self.table.lists().get(usize::from(slot.list));
            list.is_some_and(|list| slot.window.is_expired(&list.quota, now))
        })
    }

    /// Removes an expired entry, or else the oldest entry of the quota with most bytes. `false`
    /// when the shard has entries of the present call only.
    fn remove_oldest(
        &mut self,
        call: &[ShardDemand<'_>],
        now: Duration,
        hasher: &impl BuildHasher,
    ) -> bool {
        let heads = || self.table.lists().iter().filter_map(|list| Some((list, list.head?)));
        let is_of_call = |list: &List, id| {
            let subject = self.table.get(id).map(|slot| slot.subject);
            call.iter().any(|demand| Some(demand.subject) == subject && *demand.quota == list.quota)
        };
        let expired = heads().map(|(_, id)| id).find(|id| self.is_expired(*id, now));
        let largest = || {
            let others = heads().filter(|(list, id)| !is_of_call(list, *id));
            others.max_by_key(|(list, _)| list.bytes()).map(|(_, id)| id)
        };
        let Some(id) = expired.or_else(largest) else { return false };
        self.evicted += u64::from(expired.is_none());
        self.table.remove(id, hasher);
        true
    }

    /// Empties the list with the fewest bytes, for a quota beyond the maximum number.
    fn empty_a_list(&mut self, call: &[ShardDemand<'_>], hasher: &impl BuildHasher) {
        let is_of_call = |list: &List| call.iter().any(|demand| *demand.quota == list.quota);
        let lists = self.table.lists().iter().enumerate().filter(|(_, list)| !is_of_call(list));
        let smallest = lists.min_by_key(|(_, list)| list.bytes()).map(|(number, _)| number);
        let Some(number) = smallest else { return };
        while let Some(id) = self.table.lists().get(number).and_then(|list| list.head) {
            self.table.remove(id, hasher);
            self.evicted += 1;
        }
    }
}
