//! Fair semaphore: permits that callers share.
//!
//! A caller may take no more permits than are still free (a dynamic threshold, as in switches that
//! share a buffer): one caller alone takes half of them, and the next caller always gets one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The permits of callers that are told apart by a key.
#[derive(Debug)]
pub(crate) struct FairSemaphore<K: Eq + Hash> {
    taken: Mutex<Taken<K>>,
}

/// An entry of a caller exists only while it holds a permit.
#[derive(Debug)]
struct Taken<K> {
    total: usize,
    by_caller: HashMap<K, usize>,
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
        Arc::new(Self { taken: Mutex::new(Taken { total: 0, by_caller: HashMap::new() }) })
    }

    /// Takes this number of permits, if they are free. A caller without a key stands for many: it is
    /// not limited to a share.
    pub(crate) fn enter(
        self: &Arc<Self>,
        caller: Option<K>,
        count: usize,
        bounds: Bounds,
    ) -> Option<FairPermit<K>> {
        let taken = &mut *self.taken();
        let free = bounds.total.saturating_sub(taken.total);
        if count > free {
            return None;
        }
        if let Some(caller) = caller {
            let share = free.min(bounds.per_caller);
            match taken.by_caller.entry(caller) {
                Entry::Occupied(mut mine) => {
                    let after = mine.get().saturating_add(count);
                    *mine.get_mut() = Some(after).filter(|after| *after <= share)?;
                }
                Entry::Vacant(place) if count <= share => drop(place.insert_entry(count)),
                Entry::Vacant(_) => return None,
            }
        }
        taken.total += count;
        Some(FairPermit { semaphore: Arc::clone(self), caller, count })
    }

    /// The permits that all callers have.
    pub(crate) fn total(&self) -> usize {
        self.taken().total
    }

    fn taken(&self) -> MutexGuard<'_, Taken<K>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash> Drop for FairPermit<K> {
    fn drop(&mut self) {
        let mut taken = self.semaphore.taken();
        taken.total = taken.total.saturating_sub(self.count);
        let Some(caller) = self.caller else { return };
        if let Entry::Occupied(mut mine) = taken.by_caller.entry(caller) {
            match mine.get().saturating_sub(self.count) {
                0 => drop(mine.remove()),
                rest => *mine.get_mut() = rest,
            }
        }
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
        assert_eq!((semaphore.total(), semaphore.taken().by_caller.len()), (0, 0));
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
    fn higher_bounds_leave_permits_that_lower_ones_cannot_take() {
        let semaphore = FairSemaphore::new();
        let low = all(&semaphore, None, Bounds { total: 4, ..EIGHT });
        assert_eq!(low.len(), 4);
        let high = all(&semaphore, Some(1), EIGHT);
        assert_eq!(high.len(), 2);
    }
}
