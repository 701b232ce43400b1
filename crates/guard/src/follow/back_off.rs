//! Exponential back-off with jitter for reconnects.

use std::time::Duration;

use portcullis_domain::{SecureRandom, SystemRandom};

/// The delay before the next attempt: a random part of a maximum that doubles, so that the services
/// of a site do not all reconnect at the same moment after a restart of the server.
#[derive(Debug, Default)]
pub(crate) struct BackOff {
    failures: u32,
}

const MIN_PAUSE: Duration = Duration::from_millis(500);
const MAX_PAUSE: Duration = Duration::from_secs(5);

impl BackOff {
    pub(crate) fn pause(&mut self) -> Duration {
        let ceiling = MIN_PAUSE.saturating_mul(2_u32.saturating_pow(self.failures)).min(MAX_PAUSE);
        self.failures = self.failures.saturating_add(1);
        let mut bytes = [0; 4];
        SystemRandom.fill(&mut bytes);
        ceiling.mul_f64(f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX))
    }

    /// Resets the delay after a success.
    pub(crate) const fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_differ_and_stay_under_the_longest() {
        let pauses = |tries| {
            let mut back_off = BackOff::default();
            (0..tries).map(|_| back_off.pause()).collect::<Vec<_>>()
        };
        assert!((0..50).all(|_| pauses(1)[0] <= MIN_PAUSE));
        let many = pauses(200);
        assert!(many.iter().all(|pause| *pause <= MAX_PAUSE));
        assert!(many.iter().any(|pause| *pause > MIN_PAUSE * 4));
        assert_ne!(pauses(8), pauses(8));
    }

    #[test]
    fn a_success_starts_it_over() {
        let mut back_off = BackOff::default();
        for _ in 0..50 {
            assert!((0..20).all(|_| back_off.pause() <= MAX_PAUSE));
            back_off.reset();
            assert!(back_off.pause() <= MIN_PAUSE);
            back_off.reset();
        }
    }
}
