//! The bans that a node enforces: those of the database, and those that are not yet in it.
//!
//! A request reads two maps without a lock. The ends are times of the monotonic clock, so a step of the
//! clock of the node changes nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use portcullis_rate_limit::AddressPrefix;

/// The end of each ban on the monotonic clock.
pub(super) type Ends = HashMap<AddressPrefix, Duration>;

/// The maximum number of bans that wait for the database.
const MAX_PENDING: usize = 1_000;

/// The bans that a node enforces.
#[derive(Default)]
pub(super) struct ActiveBans {
    stored: ArcSwap<Ends>,
    /// The ends of `queue`.
    pending: ArcSwap<Ends>,
    queue: Mutex<Vec<PendingBan>>,
}

/// A ban that the database does not have yet, or that the node has not read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PendingBan {
    pub(super) addresses: AddressPrefix,
    /// The address of the last offence.
    pub(super) offender: IpAddr,
    /// The start on the monotonic clock.
    pub(super) since: Duration,
    /// The end on the monotonic clock, until the database says another.
    pub(super) until: Duration,
    /// True once the database has it.
    pub(super) is_stored: bool,
}

impl ActiveBans {
    /// The time to the end of the ban of this address.
    pub(super) fn time_left(&self, address: IpAddr, now: Duration) -> Option<Duration> {
        let (stored, pending) = (self.stored.load(), self.pending.load());
        if stored.is_empty() && pending.is_empty() {
            return None;
        }
        let addresses = AddressPrefix::new(address);
        let end = stored.get(&addresses).max(pending.get(&addresses))?;
        end.checked_sub(now).filter(|left| !left.is_zero())
    }

    /// The number of bans that have not ended.
    pub(super) fn count(&self, now: Duration) -> usize {
        let (stored, pending) = (self.stored.load(), self.pending.load());
        let others = pending.iter().filter(|(addresses, _)| !stored.contains_key(addresses));
        stored.iter().chain(others).filter(|(_, end)| **end > now).count()
    }

    /// Enforces a ban at once. Returns the number of those that wait for the database, or `None`, and
    /// nothing changes, if too many do.
    pub(super) fn add(&self, ban: PendingBan) -> Option<usize> {
        let mut queue = self.queue();
        queue.retain(|other| other.addresses != ban.addresses);
        if queue.len() >= MAX_PENDING {
            return None;
        }
        queue.push(ban);
        self.publish(&queue);
        Some(queue.iter().filter(|ban| !ban.is_stored).count())
    }

    /// The bans that wait for the database, in the order of their start.
    pub(super) fn waiting(&self) -> Vec<PendingBan> {
        self.queue().iter().filter(|ban| !ban.is_stored).copied().collect()
    }

    /// The database has this ban now. It is enforced from the queue until it is read back.
    pub(super) fn set_stored(&self, stored: &PendingBan) {
        for ban in self.queue().iter_mut().filter(|ban| *ban == stored) {
            ban.is_stored = true;
        }
    }

    /// Replaces the bans of the database by others that were read after every stored one.
    pub(super) fn replace(&self, stored: Ends) {
        self.stored.store(Arc::new(stored));
        self.forget_stored();
    }

    /// Ends the enforcement from the queue of the bans that are in the database and have been read.
    pub(super) fn forget_stored(&self) {
        let mut queue = self.queue();
        if queue.iter().any(|ban| ban.is_stored) {
            queue.retain(|ban| !ban.is_stored);
            self.publish(&queue);
        }
    }

    fn publish(&self, queue: &[PendingBan]) {
        let ends = queue.iter().map(|ban| (ban.addresses, ban.until)).collect();
        self.pending.store(Arc::new(ends));
    }

    fn queue(&self) -> MutexGuard<'_, Vec<PendingBan>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
