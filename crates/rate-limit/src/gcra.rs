//! The generic cell rate algorithm: one time for each subject, whatever the limit.
//!
//! The theoretical arrival time (TAT) is the time at which the quota is unused again. Each accepted
//! request moves it one interval (window / limit) into the future, starting from now if it is in
//! the past. A request is accepted if the TAT stays within one burst, `limit` intervals, from now.
//!
//! The worst window begins with a whole burst after a pause. During the window the requests return
//! at the steady rate, `limit - 1` of them before its end. So `2 * limit - 1` are accepted in it.
//! The interval is rounded up, so rounding never adds a request.

use std::time::Duration;

use crate::quota::{Quota, nanos};
use crate::state::QuotaState;

/// The state of one subject. A new one is unused.
///
/// A `now` before earlier ones finds a TAT further in the future: after a backward step of the
/// clock, nobody gains a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gcra {
    /// The theoretical arrival time in nanoseconds.
    tat: u64,
}

impl Gcra {
    /// The state without a further request: `is_allowed` says whether a request would be accepted.
    pub fn state(self, quota: &Quota, now: Duration) -> QuotaState {
        let used = self.tat.saturating_sub(nanos(now));
        let (burst, interval) = (quota.burst_nanos(), quota.interval_nanos());
        let free = burst.saturating_sub(used) / interval;
        // The next request returns when one interval more of the burst is unused.
        let needed = free.saturating_add(1).saturating_mul(interval);
        let reset = used.saturating_sub(burst.saturating_sub(needed));
        QuotaState {
            quota: *quota,
            is_allowed: free > 0,
            remaining: u32::try_from(free).unwrap_or(u32::MAX),
            reset: Duration::from_nanos(reset),
        }
    }

    /// Records an accepted request. The TAT never passes one burst from now.
    pub fn record(&mut self, quota: &Quota, now: Duration) {
        let now = nanos(now);
        let latest = self.tat.max(now.saturating_add(quota.burst_nanos()));
        self.tat = self.tat.max(now).saturating_add(quota.interval_nanos()).min(latest);
    }

    /// Records the request if it is accepted.
    pub fn acquire(&mut self, quota: &Quota, now: Duration) -> QuotaState {
        let before = self.state(quota, now);
        if !before.is_allowed {
            return before;
        }
        self.record(quota, now);
        QuotaState { is_allowed: true, ..self.state(quota, now) }
    }

    /// Whether the quota is unused, so that the state can be forgotten.
    pub fn is_expired(self, now: Duration) -> bool {
        self.tat <= nanos(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn quota() -> Quota {
        Quota::gcra("general", 6, seconds(60)).unwrap()
    }

    #[test]
    fn a_burst_is_the_limit_and_returns_at_the_steady_rate() {
        let (quota, mut gcra) = (quota(), Gcra::default());
        let mut acquire = |at| {
            let state = gcra.acquire(&quota, seconds(at));
            (state.is_allowed, state.remaining, state.reset.as_secs())
        };
        for remaining in (0..6).rev() {
            assert_eq!(acquire(100), (true, remaining, 10));
        }
        assert_eq!(acquire(100), (false, 0, 10));
        assert_eq!(acquire(109), (false, 0, 1));
        assert_eq!(acquire(110), (true, 0, 10));
        assert_eq!(acquire(145), (true, 2, 5));
        assert_eq!(acquire(10_000), (true, 5, 10));
    }

    #[test]
    fn an_unused_quota_has_nothing_to_return() {
        let state = Gcra::default().state(&quota(), seconds(7));
        assert_eq!((state.remaining, state.reset), (6, Duration::ZERO));
    }

    #[test]
    fn the_worst_window_has_twice_the_limit_less_one() {
        let (quota, mut gcra) = (quota(), Gcra::default());
        let mut count = 0;
        for second in 100..160 {
            while gcra.acquire(&quota, seconds(second)).is_allowed {
                count += 1;
            }
        }
        assert_eq!(count, 11);
    }

    #[test]
    fn a_backward_step_of_the_clock_frees_nothing() {
        let (quota, mut gcra) = (quota(), Gcra::default());
        for at in [100, 100, 100, 100, 100, 100] {
            assert!(gcra.acquire(&quota, seconds(at)).is_allowed);
        }
        let refused = gcra.acquire(&quota, seconds(40));
        assert!(!refused.is_allowed);
        assert_eq!(refused.reset, seconds(70));
        assert!(gcra.acquire(&quota, seconds(110)).is_allowed);
    }

    #[test]
    fn records_beyond_the_limit_extend_no_wait() {
        let (quota, mut gcra) = (quota(), Gcra::default());
        (0..100).for_each(|_| gcra.record(&quota, seconds(0)));
        assert_eq!(gcra.state(&quota, seconds(0)).reset, seconds(10));
        assert!(gcra.is_expired(seconds(60)));
    }

    #[test]
    fn rounding_never_adds_a_request() {
        let quota = Quota::gcra("general", 7, seconds(60)).unwrap();
        let mut gcra = Gcra::default();
        let burst = (0..100).filter(|_| gcra.acquire(&quota, seconds(1)).is_allowed).count();
        assert_eq!(burst, 7);
    }
}
