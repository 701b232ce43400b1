//! Handshakes under way, with a maximum for the node.
//!
//! A handshake beyond the maximum ends the oldest one. A client that means it needs a few round
//! trips, so the oldest handshakes are those of clients that do not go on: a flood of them neither
//! grows the memory nor keeps others out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// The maximum of handshakes under way. Each holds at most 64 KiB of input.
pub(super) const MAX_HANDSHAKES: usize = 512;

/// The handshakes under way, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Handshakes(Mutex<UnderWay>);

#[derive(Debug, Default)]
struct UnderWay {
    next: u64,
    /// The oldest is the first. Dropping an entry ends the handshake.
    by_number: BTreeMap<u64, oneshot::Sender<()>>,
}

/// The permit of one handshake; dropped at its end.
pub(crate) struct Permit {
    handshakes: Arc<Handshakes>,
    number: u64,
    ended: oneshot::Receiver<()>,
}

impl Handshakes {
    pub(super) fn begin(self: &Arc<Self>) -> Permit {
        let (sender, ended) = oneshot::channel();
        let mut under_way = self.under_way();
        if under_way.by_number.len() >= MAX_HANDSHAKES {
            under_way.by_number.pop_first();
        }
        let number = under_way.next;
        under_way.next += 1;
        under_way.by_number.insert(number, sender);
        Permit { handshakes: Arc::clone(self), number, ended }
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.handshakes.under_way().by_number.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_handshake_ends_when_there_are_too_many() {
        let handshakes = Arc::<Handshakes>::default();
        let mut permits: Vec<_> = (0..MAX_HANDSHAKES).map(|_| handshakes.begin()).collect();
        let is_revoked = |permit: &mut Permit| {
            matches!(permit.ended.try_recv(), Err(oneshot::error::TryRecvError::Closed))
        };
        assert!(!permits.iter_mut().any(is_revoked));
        drop(permits.pop());
        permits.push(handshakes.begin());
        assert!(!permits.iter_mut().any(is_revoked), "one has ended");
        permits.push(handshakes.begin());
        let revoked: Vec<_> = permits.iter_mut().map(is_revoked).collect();
        assert!(revoked[0] && !revoked[1..].contains(&true));
        drop(permits);
        assert!(handshakes.under_way().by_number.is_empty());
    }
}
