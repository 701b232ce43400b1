//! The revocation state of a guard and its age.
//!
//! The age is the larger of two times: the time since the last update arrived, by a monotonic
//! clock, and the time since the moment that the update describes, by the wall clock. The first
//! detects a broken connection, whatever the clocks of the two machines report. The second detects
//! a server that still sends although it no longer reaches its database, and a machine that was
//! suspended.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use portcullis_domain::{Clock, Timestamp};
#[cfg(feature = "follow")]
use portcullis_token::REVOCATION_MARGIN;
use portcullis_token::RevocationSet;

pub(crate) struct RevocationState {
    pub(crate) revocations: RevocationSet,
    clock: Arc<dyn Clock>,
    /// `None` if no updates are expected.
    last_update: Option<LastUpdate>,
    /// The minute of the monotonic clock in which expired entries were last deleted.
    #[cfg(feature = "follow")]
    forgotten_in: AtomicU64,
}

/// The last update from the server. While it is being replaced, readers may see one half of it: the
/// state then looks as old as before.
struct LastUpdate {
    /// The time of arrival: microseconds of the monotonic clock.
    heard: AtomicU64,
    /// The moment up to which the state is complete: microseconds since 1970.
    as_of: AtomicI64,
}

impl RevocationState {
    /// A state without external updates, which never becomes stale.
    pub(crate) fn offline(clock: Arc<dyn Clock>) -> Self {
        Self {
            revocations: RevocationSet::new(),
            clock,
            last_update: None,
            #[cfg(feature = "follow")]
            forgotten_in: AtomicU64::new(0),
        }
    }

    /// A state that is stale until the first update.
    #[cfg(feature = "follow")]
    pub(crate) fn following(clock: Arc<dyn Clock>) -> Self {
        let last_update = LastUpdate { heard: AtomicU64::new(0), as_of: AtomicI64::new(0) };
        let revocations = RevocationSet::new();
        Self { revocations, clock, last_update: Some(last_update), forgotten_in: AtomicU64::new(0) }
    }

    /// Records that all revocations up to `as_of` are known.
    #[cfg(feature = "follow")]
    pub(crate) fn record_update(&self, as_of: Timestamp) {
        if let Some(last_update) = &self.last_update {
            last_update.heard.store(micros(self.clock.monotonic()), Ordering::Relaxed);
            last_update.as_of.store(as_of.as_micros(), Ordering::Relaxed);
        }
    }

    /// Deletes entries that no unexpired token needs; cheap when called often.
    #[cfg(feature = "follow")]
    pub(crate) fn forget_expired(&self) {
        let minute = self.clock.monotonic().as_secs() / 60;
        if self.forgotten_in.swap(minute, Ordering::Relaxed) != minute {
            let horizon = self.clock.now() - REVOCATION_MARGIN;
            self.revocations.forget_before(horizon);
        }
    }

    pub(crate) fn staleness(&self) -> Duration {
        self.last_update.as_ref().map_or(Duration::ZERO, |last_update| {
            let heard = Duration::from_micros(last_update.heard.load(Ordering::Relaxed));
            let as_of = Timestamp::from_micros(last_update.as_of.load(Ordering::Relaxed));
            let silence = self.clock.monotonic().saturating_sub(heard);
            silence.max(self.clock.now().since(as_of))
        })
    }
}

impl fmt::Debug for RevocationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationState")
            .field("revocations", &self.revocations)
            .field("staleness", &self.staleness())
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "follow")]
fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
