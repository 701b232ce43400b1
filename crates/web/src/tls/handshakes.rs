//! Handshakes under way, with a maximum for the node.
//!
//! A handshake beyond the maximum ends the oldest one of the client address that has most of them. A
//! client that means it needs a few round trips, so the oldest handshakes are those of clients that do
//! not go on: a flood of them neither grows the memory nor keeps others out.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis_rate_limit::AddressPrefix;
use tokio::sync::oneshot;

/// The maximum of handshakes under way. Each holds at most 64 KiB of input.
pub(super) const MAX_HANDSHAKES: usize = 512;

/// The handshakes under way.
#[derive(Debug, Default)]
pub(super) struct Handshakes(Mutex<UnderWay>);

/// The address of a client; `None` if it is unknown.
type Client = Option<AddressPrefix>;

/// The handshakes of one client by their numbers. The oldest is the first. Dropping an entry ends the
/// handshake.
type OfClient = BTreeMap<u64, oneshot::Sender<()>>;

#[derive(Debug, Default)]
struct UnderWay {
    next: u64,
    total: usize,
    /// A client has an entry only while it has a handshake.
    by_client: HashMap<Client, OfClient>,
}

/// The permit of one handshake; dropped at its end.
pub(crate) struct Permit {
    handshakes: Arc<Handshakes>,
    client: Client,
    number: u64,
    ended: oneshot::Receiver<()>,
}

impl Handshakes {
    pub(super) fn begin(self: &Arc<Self>, client: Option<IpAddr>) -> Permit {
        let client = client.map(AddressPrefix::new);
        let (sender, ended) = oneshot::channel();
        let mut under_way = self.under_way();
        if under_way.total >= MAX_HANDSHAKES {
            under_way.end_one();
        }
        let number = under_way.next;
        under_way.next += 1;
        under_way.total += 1;
        under_way.by_client.entry(client).or_default().insert(number, sender);
        Permit { handshakes: Arc::clone(self), client, number, ended }
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UnderWay {
    /// Ends the oldest handshake of the client that has most; among equals, of the one that has waited
    /// longest.
    fn end_one(&mut self) {
        let rank = |(_, own): &(&Client, &OfClient)| {
            (own.len(), Reverse(own.first_key_value().map(|(number, _)| *number)))
        };
        let oldest =
            self.by_client.iter().max_by_key(rank).and_then(|(client, own)| {
                own.first_key_value().map(|(number, _)| (*client, *number))
            });
        if let Some((client, number)) = oldest {
            self.remove(client, number);
        }
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

impl Permit {
    /// Returns when newer handshakes need the place of this one.
    pub(crate) async fn revoked(&mut self) {
        // The sender sends nothing: it is dropped.
        let _ = (&mut self.ended).await;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.handshakes.under_way().remove(self.client, self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_revoked(permit: &mut Permit) -> bool {
        matches!(permit.ended.try_recv(), Err(oneshot::error::TryRecvError::Closed))
    }

    fn begin(handshakes: &Arc<Handshakes>, last: u8) -> Permit {
        handshakes.begin(Some(IpAddr::from([192, 0, 2, last])))
    }

    #[test]
    fn the_oldest_handshake_ends_when_there_are_too_many() {
        let handshakes = Arc::<Handshakes>::default();
        let begin = || begin(&handshakes, 1);
        let mut permits: Vec<_> = (0..MAX_HANDSHAKES).map(|_| begin()).collect();
        assert!(!permits.iter_mut().any(is_revoked));
        drop(permits.pop());
        permits.push(begin());
        assert!(!permits.iter_mut().any(is_revoked), "one has ended");
        permits.push(begin());
        let revoked: Vec<_> = permits.iter_mut().map(is_revoked).collect();
        assert!(revoked[0] && !revoked[1..].contains(&true));
        drop(permits);
        let under_way = handshakes.under_way();
        assert_eq!((under_way.total, under_way.by_client.len()), (0, 0));
    }

    #[test]
    fn a_flood_of_one_client_ends_its_own_handshakes_and_no_other() {
        let handshakes = Arc::<Handshakes>::default();
        let mut patient = begin(&handshakes, 1);
        let mut unknown = handshakes.begin(None);
        let mut flood: Vec<_> = (0..2 * MAX_HANDSHAKES).map(|_| begin(&handshakes, 2)).collect();
        assert!(!is_revoked(&mut patient) && !is_revoked(&mut unknown));
        let revoked = flood.iter_mut().filter_map(|permit| is_revoked(permit).then_some(()));
        assert_eq!(revoked.count(), MAX_HANDSHAKES + 2);
        let mut late = begin(&handshakes, 3);
        assert!(!is_revoked(&mut late) && !is_revoked(&mut patient));
        assert_eq!(handshakes.under_way().total, MAX_HANDSHAKES);
    }
}
