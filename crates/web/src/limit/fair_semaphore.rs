//! Fair semaphore: permits that callers share.
//!
//! A caller may take no more permits than are still free (a dynamic threshold, as in switches that
//! share a buffer): one caller alone takes half of them, and the next caller always gets one. The
//! last permit of a request is the one that counts, so a request for many at once takes no more
//! than as many requests for one.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The parts of the table of callers. With one lock, a thread that is interrupted while it holds the
/// lock would stop every other thread for the time slice of a third one.
const SHARDS: usize = 64;

/// The permits of callers that are told apart by a key.
#[derive(Debug)]
pub(crate) struct FairSemaphore<K: Eq + Hash> {
    total: AtomicUsize,
    /// The callers that have permits.
    by_caller: [Mutex<Callers<K>>; SHARDS],
    hasher: RandomState,
}

/// The callers of one part of the table, each with its permits. The list is short: permits are few, and a hash with a
/// random key spreads the callers over the parts.
#[derive(Debug)]
struct Callers<K>(Vec<(K, usize)>);

impl<K> Default for Callers<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Copy + Eq> Callers<K> {
    /// Adds permits of a caller, unless it would have more than its share.
    fn add(&mut self, caller: K, count: usize, share: usize) -> bool {
        let mine = self.0.iter_mut().find(|(other, _)| *other == caller);
        let after = mine.as_ref().map_or(0, |(_, mine)| *mine).saturating_add(count);
        if after > share {
            return false;
        }
        match mine {
            Some((_, mine)) => *mine = after,
            None => self.0.push((caller, after)),
        }
        true
    }

    fn subtract(&mut self, caller: K, count: usize) {
        let Some(place) = self.0.iter().position(|(other, _)| *other == caller) else { return };
        let Some((_, mine)) = self.0.get_mut(place) else { return };
        *mine = mine.saturating_sub(count);
        if *mine == 0 {
            self.0.swap_remove(place);
        }
    }
}

/// The limits of one request for permits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The maximum of permits that all callers have.
    pub(crate) total: usize,
    /// The maximum of permits of one caller.
    pub(crate) per_caller: usize,
}

/// One or more permits, released when this is dropped.
#[derive(Debug)]
#[must_use = "dropping it releases the permits"]
pub(crate) struct FairPermit<K: Copy + Eq + Hash> {
    semaphore: Arc<FairSemaphore<K>>,
    caller: Option<K>,
    count: usize,
}

impl<K: Copy + Eq + Hash> FairSemaphore<K> {
    pub(crate) fn new() -> Arc<Self> {
        let by_caller = std::array::from_fn(|_| Mutex::default());
        Arc::new(Self { total: AtomicUsize::new(0), by_caller, hasher: RandomState::new() })
    }

    /// Takes this number of permits, if they are free. A caller without a key stands for many: it is
    /// not limited to a share.
    pub(crate) fn enter(
        self: &Arc<Self>,
        caller: Option<K>,
        count: usize,
        bounds: Bounds,
    ) -> Option<FairPermit<K>> {
        let more = |taken: usize| taken.checked_add(count).filter(|all| *all <= bounds.total);
        let taken = self.total.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        let free = bounds.total.saturating_sub(taken.saturating_add(count.saturating_sub(1)));
        let share = free.min(bounds.per_caller);
        // From here on, the total is released with the permit.
        let mut permit = FairPermit { semaphore: Arc::clone(self), caller: None, count };
        if let Some(caller) = caller {
            if !self.callers(&caller).add(caller, count, share) {
                return None;
            }
            permit.caller = Some(caller);
        }
        Some(permit)
    }

    /// The permits that all callers have.
    pub(crate) fn total(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    /// The part of the table with this caller.
    fn callers(&self, caller: &K) -> MutexGuard<'_, Callers<K>> {
        let shard = self.hasher.hash_one(caller) % u64::try_from(SHARDS).unwrap_or(u64::MAX);
        let [first, ..] = &self.by_caller;
        let shard = usize::try_from(shard).ok().and_then(|shard| self.by_caller.get(shard));
        shard.unwrap_or(first).lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash> Drop for FairPermit<K> {
    fn drop(&mut self) {
        self.semaphore.total.fetch_sub(self.count, Ordering::Relaxed);
        let Some(caller) = self.caller else { return };
        self.semaphore.callers(&caller).subtract(caller, self.count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EIGHT: Bounds = Bounds { total: 8, per_caller: usize::MAX };

    fn all(
        semaphore: &Arc<FairSemaphore<u8>>,
        caller: Option<u8>,
        bounds: Bounds,
    ) -> Vec<FairPermit<u8>> {
        std::iter::from_fn(|| semaphore.enter(caller, 1, bounds)).collect()
    }

    #[test]
    fn one_caller_leaves_permits_for_the_next_and_each_is_released() {
        let semaphore = FairSemaphore::new();
        let greedy = all(&semaphore, Some(1), EIGHT);
        assert_eq!(greedy.len(), 4);
        let other = all(&semaphore, Some(2), EIGHT);
        assert_eq!(other.len(), 2);
        let newcomer = semaphore.enter(Some(3), 1, EIGHT).unwrap();
        drop((greedy, other, newcomer));
        assert_eq!(all(&semaphore, Some(2), EIGHT).len(), 4);
        assert_eq!(semaphore.total(), 0);
        assert!((1..=3).all(|caller| semaphore.callers(&caller).0.is_empty()));
    }

    #[test]
    fn requests_for_many_permits_take_no_larger_share_than_requests_for_one() {
        let semaphore = FairSemaphore::new();
        let bounds = Bounds { total: 256, ..EIGHT };
        let enter = |caller, count| semaphore.enter(Some(caller), count, bounds);
        let held = [enter(1, 96), enter(2, 64)];
        assert!(held.iter().all(Option::is_some));
        assert!(enter(1, 64).is_none() && enter(2, 32).is_none() && enter(3, 96).is_none());
        assert!(enter(3, 1).is_some(), "two callers leave permits for the third");
        drop(held);
        assert!(enter(1, 129).is_none(), "more than half");
        assert!(enter(1, 128).is_some());
    }

    #[test]
    fn a_caller_has_its_maximum_although_more_is_free() {
        let semaphore = FairSemaphore::new();
        assert_eq!(all(&semaphore, Some(1), Bounds { per_caller: 3, ..EIGHT }).len(), 3);
    }

    #[test]
    fn a_caller_without_a_key_takes_everything_and_no_more() {
        let semaphore = FairSemaphore::new();
        let held = all(&semaphore, None, EIGHT);
        assert_eq!(held.len(), 8);
        assert!(semaphore.enter(Some(1), 1, EIGHT).is_none());
    }

    #[test]
    fn threads_that_enter_at_once_get_no_more_than_there_is_and_all_of_it_comes_back() {
        let semaphore = FairSemaphore::new();
        let most = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for caller in 0..8 {
                let (semaphore, most) = (&semaphore, &most);
                scope.spawn(move || {
                    for _ in 0..10_000 {
                        let permit = semaphore.enter(Some(caller % 4), 1, EIGHT);
                        most.fetch_max(semaphore.total(), Ordering::Relaxed);
                        drop(permit);
                    }
                });
            }
        });
        assert!(most.into_inner() <= EIGHT.total);
        assert_eq!(semaphore.total(), 0);
        assert!((0..4).all(|caller| semaphore.callers(&caller).0.is_empty()));
    }

    #[test]
    fn higher_bounds_leave_permits_that_lower_ones_cannot_take() {
        let semaphore = FairSemaphore::new();
        let low = all(&semaphore, None, Bounds { total: 4, ..EIGHT });
        assert_eq!(low.len(), 4);
        let high = all(&semaphore, Some(1), EIGHT);
        assert_eq!(high.len(), 2);
    }
}
