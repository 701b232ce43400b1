//! The in-process limiter: windows in memory, sharded, and bounded in bytes.
//!
//! **All or nothing.** A call locks the shards of its demands in ascending order, so concurrent
//! calls never deadlock. It checks all demands, and records all of them or none.
//!
//! **Expiry.** The entries of a quota are listed in the order of their last acceptance, which is
//! the order of expiry. Each call removes expired entries from the front, and
//! [`LocalLimiter::sweep`] removes the rest. Refused requests store nothing and prolong nothing.
//!
//! **Bound.** An entry takes 64 bytes and the log of an exact quota `8 * accepted + 8` more,
//! rounded up to 16, at least 32. The index takes 1/16 of the bound from the start. Full shards
//! evict: first expired entries, then the entry with the oldest acceptance of the quota that holds
//! most bytes of the shard. So an eviction has three properties:
//!
//! - A client gains nothing. To evict an entry, other subjects must fill the memory with accepted
//!   requests of at least one quota after that entry. Each of these requests was within the limit
//!   of its subject. The entry returns at most one limit of requests, while one of these subjects
//!   already gave as much.
//! - A flood under one quota, such as the general one by made-up addresses, soon holds most bytes
//!   and then evicts entries of this quota only. It cannot erase the windows of sign-in.
//! - No client is refused because of the flood: a new subject always gets an entry. And no client
//!   escapes its limit because memory is short: an accepted request is always recorded.
//!
//! Subjects are hashed with random keys. So no client knows which subjects share a shard or a
//! chain with another one.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::demand::{Demand, MAX_DEMANDS, TooManyDemands};
use crate::quota::Quota;
use crate::shard::{MIN_SHARE, Shard, ShardDemand};
use crate::state::{PLACEHOLDER, QuotaState, States};

/// The maximum number of shards; a set of them fits into 64 bits.
const MAX_SHARDS: usize = 64;

/// The in-process limiter.
///
/// `now` is the time since any fixed start, from a monotonic clock. A step backwards, such as
/// between threads that read the clock before they wait for a lock, counts as no time at all.
///
/// Up to 64 quotas have entries at the same time. For another one, the entries of the quota with the
/// fewest are evicted.
pub struct LocalLimiter {
    /// A power of two of them.
    shards: Box<[PaddedShard]>,
    hasher: RandomState,
}

/// Aligned to separate cache lines, so that threads in neighbouring shards do not slow each other
/// down.
#[repr(align(128))]
struct PaddedShard(Mutex<Shard>);

impl LocalLimiter {
    /// An empty limiter that takes at most `max_bytes` of heap memory, at least 128 KiB.
    ///
    /// 64 MiB hold about 900,000 addresses under one GCRA quota.
    pub fn new(max_bytes: usize) -> Self {
        let count = (max_bytes / (MIN_SHARE + size_of::<PaddedShard>())).clamp(1, MAX_SHARDS);
        let count = 1_usize << count.ilog2();
        let share = (max_bytes / count).saturating_sub(size_of::<PaddedShard>());
        let shards = (0..count).map(|_| PaddedShard(Mutex::new(Shard::new(share)))).collect();
        Self { shards, hasher: RandomState::new() }
    }

    /// Records a request under all its quotas if all of them permit it, and under none otherwise.
    ///
    /// # Errors
    ///
    /// [`TooManyDemands`] beyond [`MAX_DEMANDS`].
    pub fn acquire(&self, now: Duration, demands: &[Demand<'_>]) -> Result<States, TooManyDemands> {
        if let [demand] = demands {
            return Ok(self.acquire_one(now, demand));
        }
        let (mut states, call) = self.call(demands);
        let call = call.get(..demands.len()).ok_or(TooManyDemands)?;
        let states = states.get_mut(..demands.len()).ok_or(TooManyDemands)?;
        let mut locked = self.lock(call);
        self.check_locked(&mut locked, call, now, states);
        if states.iter().all(|state| state.is_allowed) {
            self.record_locked(&mut locked, call, now, states);
        }
        States::new(states)
    }

    /// The states of these quotas at the moment. Records nothing.
    ///
    /// # Errors
    ///
    /// [`TooManyDemands`] beyond [`MAX_DEMANDS`].
    pub fn check(&self, now: Duration, demands: &[Demand<'_>]) -> Result<States, TooManyDemands> {
        let (mut states, call) = self.call(demands);
        let call = call.get(..demands.len()).ok_or(TooManyDemands)?;
        let states = states.get_mut(..demands.len()).ok_or(TooManyDemands)?;
        self.check_locked(&mut self.lock(call), call, now, states);
        States::new(states)
    }

    /// Removes the requests of a subject under a quota, as if it had sent none.
    pub fn forget(&self, demand: &Demand<'_>) {
        let Demand { quota, subject } = *demand;
        let demand = ShardDemand { quota, subject, hash: self.hasher.hash_one(subject) };
        let mut locked = self.lock(&[demand]);
        if let Some(shard) = locked.shard(&demand) {
            shard.forget(&demand, &self.hasher);
        }
    }

    /// Removes all expired entries and returns their number. It locks one shard at a time.
    ///
    /// A job that calls it every few seconds keeps every entry within its window plus that time.
    /// (The window of a GCRA quota is rounded up for it, by less than a thousandth.)
    pub fn sweep(&self, now: Duration) -> usize {
        self.shards.iter().map(|shard| shard.lock().sweep(now, &self.hasher)).sum()
    }

    /// The number of entries: subjects with accepted requests, each counted once for every quota.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    /// Whether no window has an accepted request.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The heap memory in bytes, with 16 bytes for the allocator in each allocation.
    pub fn bytes(&self) -> usize {
        let heap: usize = self.shards.iter().map(|shard| shard.lock().bytes()).sum();
        heap + self.shards.len() * size_of::<PaddedShard>()
    }

    /// The number of entries so far that were evicted before they expired.
    pub fn evicted(&self) -> u64 {
        self.shards.iter().map(|shard| shard.lock().evicted()).sum()
    }

    /// The most frequent call, without the work of matching demands and shards.
    fn acquire_one(&self, now: Duration, demand: &Demand<'_>) -> States {
        let Demand { quota, subject } = *demand;
        let demand = ShardDemand { quota, subject, hash: self.hasher.hash_one(subject) };
        let number = number(demand.hash, self.shards.len().trailing_zeros());
        let shard = usize::try_from(number).ok().and_then(|number| self.shards.get(number));
        let Some(mut shard) = shard.map(PaddedShard::lock) else { return States::one(PLACEHOLDER) };
        States::one(shard.acquire(&demand, now, &self.hasher))
    }

    /// Places for the states, all of them refused, and the demands with their hashes. The places
    /// after the demands are unused.
    fn call<'a>(
        &self,
        demands: &[Demand<'a>],
    ) -> ([QuotaState; MAX_DEMANDS], [ShardDemand<'a>; MAX_DEMANDS]) {
        let mut call = [ShardDemand::UNUSED; MAX_DEMANDS];
        let mut previous = ShardDemand::UNUSED;
        for (place, (number, Demand { quota, subject })) in
            call.iter_mut().zip(demands.iter().enumerate())
        {
            // The demands of one request often have one subject: its address.
            let is_same = number > 0 && previous.subject == *subject;
            let hash = if is_same { previous.hash } else { self.hasher.hash_one(subject) };
            previous = ShardDemand { quota, subject: *subject, hash };
            *place = previous;
        }
        ([PLACEHOLDER; MAX_DEMANDS], call)
    }

    /// Locks the shards of the demands in ascending order.
    fn lock(&self, call: &[ShardDemand<'_>]) -> LockedShards<'_> {
        let bits = self.shards.len().trailing_zeros();
        let numbers = call.iter().map(|demand| number(demand.hash, bits));
        let set = numbers.fold(0_u64, |set, number| set | 1 << number);
        let mut shards = [const { None }; MAX_DEMANDS];
        let mut rest = set;
        for place in &mut shards {
            if rest == 0 {
                break;
            }
            let number = usize::try_from(rest.trailing_zeros()).unwrap_or(usize::MAX);
            *place = self.shards.get(number).map(PaddedShard::lock);
            rest &= rest - 1;
        }
        LockedShards { shards, set, bits }
    }

    fn check_locked(
        &self,
        locked: &mut LockedShards<'_>,
        call: &[ShardDemand<'_>],
        now: Duration,
        states: &mut [QuotaState],
    ) {
        for (state, demand) in states.iter_mut().zip(call) {
            if let Some(shard) = locked.shard(demand) {
                *state = shard.state(demand, now, &self.hasher);
            }
        }
    }

    fn record_locked(
        &self,
        locked: &mut LockedShards<'_>,
        call: &[ShardDemand<'_>],
        now: Duration,
        states: &mut [QuotaState],
    ) {
        if call.len() > 1 {
            for demand in call {
                if let Some(shard) = locked.shard(demand) {
                    shard.touch(demand);
                }
            }
        }
        for (number, (state, demand)) in states.iter_mut().zip(call).enumerate() {
            let Some(shard) = locked.shard(demand) else { continue };
            let is_repeated = call.iter().take(number).any(|earlier| earlier.equals(demand));
            *state = if is_repeated {
                QuotaState { is_allowed: true, ..shard.state(demand, now, &self.hasher) }
            } else {
                shard.record(demand, call, now, &self.hasher)
            };
        }
    }
}

impl std::fmt::Debug for LocalLimiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalLimiter")
            .field("len", &self.len())
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

impl PaddedShard {
    /// Nothing under the lock panics; a poisoned lock would still guard windows that must count.
    fn lock(&self) -> MutexGuard<'_, Shard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The locked shards of one call, in ascending order.
struct LockedShards<'a> {
    shards: [Option<MutexGuard<'a, Shard>>; MAX_DEMANDS],
    /// One bit for each of them.
    set: u64,
    bits: u32,
}

impl LockedShards<'_> {
    fn shard(&mut self, demand: &ShardDemand<'_>) -> Option<&mut Shard> {
        let before = self.set & ((1 << number(demand.hash, self.bits)) - 1);
        let position = usize::try_from(before.count_ones()).ok()?;
        self.shards.get_mut(position)?.as_deref_mut()
    }
}

impl ShardDemand<'_> {
    const UNUSED: ShardDemand<'static> =
        ShardDemand { quota: &Quota::PLACEHOLDER, subject: crate::Subject::Id([0; 16]), hash: 0 };

    fn equals(&self, other: &Self) -> bool {
        self.subject == other.subject && self.quota == other.quota
    }
}

/// The number of a shard: the highest bits of the hash; the buckets use the lowest.
fn number(hash: u64, bits: u32) -> u32 {
    hash.checked_shr(u64::BITS - bits).and_then(|bits| u32::try_from(bits).ok()).unwrap_or(0)
}
