//! `Ambient`: the clock and the random number generator that every use case needs.

use std::fmt;
use std::sync::Arc;

use crate::{Clock, SecureRandom, SystemClock, SystemRandom, Timestamp};

/// The clock and the source of randomness, passed to every use case together.
#[derive(Clone)]
pub struct Ambient {
    /// The source of time.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness.
    pub random: Arc<dyn SecureRandom>,
}

impl Ambient {
    /// The clock and the random number generator of the operating system.
    #[must_use]
    pub fn system() -> Self {
        Self { clock: Arc::new(SystemClock::new()), random: Arc::new(SystemRandom) }
    }

    /// The current time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl fmt::Debug for Ambient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ambient").finish_non_exhaustive()
    }
}
