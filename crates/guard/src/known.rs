//! What is known of revocations, and how old that knowledge is.
//!
//! Its age is the larger of two: the time since the last word arrived, by a clock that never jumps,
//! and the time since the moment that word speaks of, by the time of day. The first notices a cut
//! connection whatever the clocks of the two machines say; the second notices a server that talks
//! on although it no longer hears its database, and a machine that slept.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use portcullis_domain::{Clock, Timestamp};
#[cfg(feature = "follow")]
use portcullis_token::REVOCATION_MARGIN;
use portcullis_token::RevocationSet;

pub(crate) struct Known {
    pub(crate) revocations: RevocationSet,
    clock: Arc<dyn Clock>,
    /// Nobody's word is awaited without one.
    word: Option<Word>,
    /// The minute of the monotonic clock in which what has expired was dropped.
    #[cfg(feature = "follow")]
    forgotten_in: AtomicU64,
}

/// The last word from the server. While it is being replaced, readers may see one half of it: the
/// knowledge then looks as old as before.
struct Word {
    /// When it arrived: microseconds of the monotonic clock.
    heard: AtomicU64,
    /// The moment up to which it tells everything: microseconds since 1970.
    as_of: AtomicI64,
}

impl Known {
    /// Knowledge that nobody adds to from outside, and that does not age.
    pub(crate) fn offline(clock: Arc<dyn Clock>) -> Self {
        Self {
            revocations: RevocationSet::new(),
            clock,
            word: None,
            #[cfg(feature = "follow")]
            forgotten_in: AtomicU64::new(0),
        }
    }

    /// Knowledge that is as old as time itself until the first word.
    #[cfg(feature = "follow")]
    pub(crate) fn following(clock: Arc<dyn Clock>) -> Self {
        let word = Word { heard: AtomicU64::new(0), as_of: AtomicI64::new(0) };
        let revocations = RevocationSet::new();
        Self { revocations, clock, word: Some(word), forgotten_in: AtomicU64::new(0) }
    }

    /// Takes note that everything up to `as_of` is known.
    #[cfg(feature = "follow")]
    pub(crate) fn hear(&self, as_of: Timestamp) {
        if let Some(word) = &self.word {
            word.heard.store(micros(self.clock.monotonic()), Ordering::Relaxed);
            word.as_of.store(as_of.as_micros(), Ordering::Relaxed);
        }
    }

    /// Drops what no living token needs any more; cheap when called often.
    #[cfg(feature = "follow")]
    pub(crate) fn forget_expired(&self) {
        let minute = self.clock.monotonic().as_secs() / 60;
        if self.forgotten_in.swap(minute, Ordering::Relaxed) != minute {
            let horizon = self.clock.now() - REVOCATION_MARGIN;
            self.revocations.forget_before(horizon);
        }
    }

    pub(crate) fn staleness(&self) -> Duration {
        self.word.as_ref().map_or(Duration::ZERO, |word| {
            let heard = Duration::from_micros(word.heard.load(Ordering::Relaxed));
            let as_of = Timestamp::from_micros(word.as_of.load(Ordering::Relaxed));
            let silence = self.clock.monotonic().saturating_sub(heard);
            silence.max(self.clock.now().since(as_of))
        })
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known")
            .field("revocations", &self.revocations)
            .field("staleness", &self.staleness())
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "follow")]
fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
