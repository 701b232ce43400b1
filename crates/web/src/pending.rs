//! Pending work: operations that wait for their clients, with a maximum of the node and of a client.
//!
//! An operation beyond a maximum ends the oldest one: that of the same client if the client has too
//! many, else that of the client that has most. A client that means it goes on within a few round
//! trips, so the oldest operations are those of clients that do not: a flood of them neither grows
//! the memory nor keeps others out.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis_rate_limit::AddressPrefix;
use tokio::sync::oneshot;

/// The operations of one kind that wait for their clients.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    operations: Mutex<Operations>,
    ended: AtomicU64,
}

/// The maximums of pending operations.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PendingBounds {
    /// The maximum of all clients.
    pub(crate) total: usize,
    /// The maximum of one client.
    pub(crate) per_client: usize,
}

/// The address of a client; `None` if it is unknown.
type Client = Option<AddressPrefix>;

/// The operations of one client by their numbers. The oldest is the first. Dropping an entry ends the
/// operation.
type OfClient = BTreeMap<u64, oneshot::Sender<()>>;

#[derive(Debug, Default)]
struct Operations {
    next: u64,
    total: usize,
    /// A client has an entry only while it has an operation.
    by_client: HashMap<Client, OfClient>,
}

/// The permit of one operation; dropped at its end.
pub(crate) struct PendingPermit {
    pending: Arc<Pending>,
    client: Client,
    number: u64,
    revocation: oneshot::Receiver<()>,
}

impl Pending {
    /// Begins an operation of this client. It may end another one.
    pub(crate) fn begin(self: &Arc<Self>, client: Client, bounds: PendingBounds) -> PendingPermit {
        let (sender, revocation) = oneshot::channel();
        let mut operations = self.operations();
        if operations.end_one(client, bounds) {
            self.ended.fetch_add(1, Ordering::Relaxed);
        }
        let number = operations.next;
        operations.next += 1;
        operations.total += 1;
        operations.by_client.entry(client).or_default().insert(number, sender);
        PendingPermit { pending: Arc::clone(self), client, number, revocation }
    }

    /// The present number.
    pub(crate) fn count(&self) -> usize {
        self.operations().total
    }

    /// The operations that newer ones have ended so far.
    pub(crate) fn ended(&self) -> u64 {
        self.ended.load(Ordering::Relaxed)
    }

    fn operations(&self) -> MutexGuard<'_, Operations> {
        self.operations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Operations {
    /// Ends an operation if a further one of this client is beyond a maximum.
    fn end_one(&mut self, client: Client, bounds: PendingBounds) -> bool {
        let own = self.by_client.get(&client).filter(|own| own.len() >= bounds.per_client);
        let oldest = match own {
            Some(own) => own.first_key_value().map(|(number, _)| (client, *number)),
            None if self.total >= bounds.total => self.oldest_of_most(),
            None => None,
        };
        if let Some((client, number)) = oldest {
            self.remove(client, number);
        }
        oldest.is_some()
    }

    /// The oldest operation of the client that has most; among equals, of the one that has waited
    /// longest.
    fn oldest_of_most(&self) -> Option<(Client, u64)> {
        let rank = |(_, own): &(&Client, &OfClient)| {
            (own.len(), Reverse(own.first_key_value().map(|(number, _)| *number)))
        };
        let (client, own) = self.by_client.iter().max_by_key(rank)?;
        own.first_key_value().map(|(number, _)| (*client, *number))
    }

    fn remove(&mut self, client: Client, number: u64) {
        let Some(own) = self.by_client.get_mut(&client) else { return };
        if own.remove(&number).is_some() {
            self.total = self.total.saturating_sub(1);
        }
        if own.is_empty() {
            self.by_client.remove(&client);
        }
    }
}

impl PendingPermit {
    /// Returns when newer operations need the place of this one.
    pub(crate) async fn revoked(&mut self) {
        // The sender sends nothing: it is dropped.
        let _ = (&mut self.revocation).await;
    }
}

impl Drop for PendingPermit {
    fn drop(&mut self) {
        self.pending.operations().remove(self.client, self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    const BOUNDS: PendingBounds = PendingBounds { total: 512, per_client: 512 };

    fn is_revoked(permit: &mut PendingPermit) -> bool {
        matches!(permit.revocation.try_recv(), Err(oneshot::error::TryRecvError::Closed))
    }

    fn begin(pending: &Arc<Pending>, last: u8, bounds: PendingBounds) -> PendingPermit {
        pending.begin(Some(IpAddr::from([192, 0, 2, last]).into()), bounds)
    }

    #[test]
    fn the_oldest_operation_ends_when_there_are_too_many() {
        let pending = Arc::<Pending>::default();
        let begin = || begin(&pending, 1, BOUNDS);
        let mut permits: Vec<_> = (0..BOUNDS.total).map(|_| begin()).collect();
        assert!(!permits.iter_mut().any(is_revoked));
        drop(permits.pop());
        permits.push(begin());
        assert!(!permits.iter_mut().any(is_revoked), "one has ended");
        permits.push(begin());
        let revoked: Vec<_> = permits.iter_mut().map(is_revoked).collect();
        assert!(revoked[0] && !revoked[1..].contains(&true));
        assert_eq!(pending.ended(), 1);
        drop(permits);
        assert_eq!((pending.count(), pending.operations().by_client.len()), (0, 0));
    }

    #[test]
    fn a_flood_of_one_client_ends_its_own_operations_and_no_other() {
        let pending = Arc::<Pending>::default();
        let mut patient = begin(&pending, 1, BOUNDS);
        let mut unknown = pending.begin(None, BOUNDS);
        let mut flood: Vec<_> = (0..2 * BOUNDS.total).map(|_| begin(&pending, 2, BOUNDS)).collect();
        assert!(!is_revoked(&mut patient) && !is_revoked(&mut unknown));
        let revoked = flood.iter_mut().filter_map(|permit| is_revoked(permit).then_some(()));
        assert_eq!(revoked.count(), BOUNDS.total + 2);
        let mut late = begin(&pending, 3, BOUNDS);
        assert!(!is_revoked(&mut late) && !is_revoked(&mut patient));
        assert_eq!(pending.count(), BOUNDS.total);
    }

    #[test]
    fn a_client_beyond_its_maximum_ends_its_own_oldest_although_more_is_free() {
        let pending = Arc::<Pending>::default();
        let bounds = PendingBounds { per_client: 2, ..BOUNDS };
        let mut other: Vec<_> = (0..2).map(|_| begin(&pending, 1, bounds)).collect();
        let mut own: Vec<_> = (0..3).map(|_| begin(&pending, 2, bounds)).collect();
        let revoked: Vec<_> = own.iter_mut().map(is_revoked).collect();
        assert_eq!(revoked, [true, false, false]);
        assert!(!other.iter_mut().any(is_revoked));
    }
}
