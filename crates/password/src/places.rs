//! Admission to hashing: places for requests that will hash, shared between client addresses.
//!
//! An address gets a further place only while it has fewer places than are free. So a single
//! address gets at most half of them, and there is always room for the next address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// At most `capacity` places. Memory grows with the taken places, about 40 bytes for each address.
#[derive(Debug)]
pub(crate) struct HashingSemaphore {
    capacity: usize,
    taken: Mutex<PermitCounts>,
}

#[derive(Debug, Default)]
struct PermitCounts {
    all: usize,
    by_share: HashMap<IpAddr, usize>,
}

/// The place of one caller of a pool, released when it is dropped.
#[derive(Debug)]
pub struct HashingPermit {
    places: Arc<HashingSemaphore>,
    share: IpAddr,
}

impl HashingSemaphore {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, taken: Mutex::default() }
    }

    /// Takes a place for one more caller of that share, if the share is not used up.
    pub(crate) fn take(self: &Arc<Self>, share: IpAddr) -> Option<HashingPermit> {
        let mut taken = self.taken();
        let own = taken.by_share.get(&share).copied().unwrap_or(0);
        if own >= self.capacity.saturating_sub(taken.all) {
            return None;
        }
        taken.all += 1;
        taken.by_share.insert(share, own + 1);
        Some(HashingPermit { places: Arc::clone(self), share })
    }

    fn taken(&self) -> MutexGuard<'_, PermitCounts> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for HashingPermit {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all = taken.all.saturating_sub(1);
        let left = taken.by_share.get(&self.share).copied().unwrap_or(0).saturating_sub(1);
        if left == 0 {
            taken.by_share.remove(&self.share);
        } else {
            taken.by_share.insert(self.share, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn one_address_takes_half_however_often_it_asks_and_the_next_one_half_of_the_rest() {
        let places = Arc::new(HashingSemaphore::new(64));
        let flood = |last| std::iter::from_fn(|| places.take(address(last))).collect::<Vec<_>>();
        let first = flood(1);
        assert_eq!(first.len(), 32);
        let second = flood(2);
        assert_eq!(second.len(), 16);
        assert!(places.take(address(1)).is_none());
        assert!(places.take(address(3)).is_some(), "whoever comes next is let in");
        drop(first);
        assert!(places.take(address(2)).is_some(), "what is given back is shared out again");
    }

    #[test]
    fn what_is_given_back_leaves_nothing_behind() {
        let places = Arc::new(HashingSemaphore::new(8));
        for last in 0..=255 {
            drop((places.take(address(last)), places.take(address(last))));
        }
        assert_eq!(places.taken().all, 0);
        assert!(places.taken().by_share.is_empty());
        let only = Arc::new(HashingSemaphore::new(1));
        let held = only.take(address(1));
        assert!(held.is_some() && only.take(address(2)).is_none());
    }
}
