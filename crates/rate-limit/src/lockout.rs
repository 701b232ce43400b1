//! Lockout: computes wait times from failure counters. No state, no storage.
//!
//! NIST SP 800-63B-4 section 3.2.2 sets the ceiling of 100 consecutive failures.

use std::time::Duration;

use portcullis_domain::Timestamp;

/// The policy of the lockout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockoutPolicy {
    /// Failures before the first wait.
    pub free_failures: u32,
    /// The first wait; each further failure doubles it.
    pub first_wait: Duration,
    /// The maximum wait.
    pub longest_wait: Duration,
    /// Failures are reset after this time without another.
    pub forget_after: Duration,
    /// So many consecutive failures, with no success between them, close the counter for good.
    pub ceiling: u32,
}

impl Default for LockoutPolicy {
    fn default() -> Self {
        Self {
            free_failures: 5,
            first_wait: Duration::from_secs(60),
            longest_wait: Duration::from_secs(15 * 60),
            forget_after: Duration::from_secs(60 * 60),
            ceiling: 100,
        }
    }
}

impl LockoutPolicy {
    /// The end of the wait of a counter after `recent` failures, `in_a_row` of them since the last
    /// success. `now` if the counter stays open.
    pub fn closed_until(&self, recent: u32, in_a_row: u32, now: Timestamp) -> Timestamp {
        if in_a_row >= self.ceiling {
            return Timestamp::NEVER;
        }
        match recent.checked_sub(self.free_failures) {
            None => now,
            Some(doublings) => now + self.wait(doublings),
        }
    }

    fn wait(&self, doublings: u32) -> Duration {
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        self.first_wait.saturating_mul(factor).min(self.longest_wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000);

    fn wait(recent: u32) -> u64 {
        LockoutPolicy::default().closed_until(recent, recent, NOW).since(NOW).as_secs()
    }

    #[test]
    fn the_fifth_failure_waits_a_minute_and_each_further_one_twice_as_long() {
        let waits: Vec<u64> = (1..=12).map(wait).collect();
        assert_eq!(waits, [0, 0, 0, 0, 60, 120, 240, 480, 900, 900, 900, 900]);
    }

    #[test]
    fn a_hundred_failures_in_a_row_close_the_counter_for_good() {
        let policy = LockoutPolicy::default();
        assert_eq!(policy.closed_until(99, 99, NOW), NOW + policy.longest_wait);
        assert_eq!(policy.closed_until(1, 100, NOW), Timestamp::NEVER);
    }

    #[test]
    fn no_number_of_failures_overflows() {
        assert_eq!(wait(99), 900);
        let policy = LockoutPolicy { ceiling: u32::MAX, ..LockoutPolicy::default() };
        assert_eq!(policy.closed_until(u32::MAX - 1, 0, NOW), NOW + policy.longest_wait);
    }
}
