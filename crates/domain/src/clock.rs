//! Clocks: the `Clock` trait and the clock of the operating system.

use std::time::{Duration, Instant, SystemTime};

use crate::Timestamp;

/// The only source of time. Tests pass a manual clock.
pub trait Clock: Send + Sync {
    /// The wall-clock time, for all stored and signed times.
    fn now(&self) -> Timestamp;

    /// The time since an arbitrary start, for deadlines. It never runs backwards.
    fn monotonic(&self) -> Duration;
}

/// The clock of the operating system.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time starts now.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_the_system_is_past_2026_and_never_runs_backwards() {
        let clock = SystemClock::default();
        assert!(clock.now() > Timestamp::from_seconds(1_767_225_600));
        let earlier = clock.monotonic();
        assert!(clock.monotonic() >= earlier);
    }
}
