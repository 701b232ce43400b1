//! The exact sliding window: the times of all accepted requests.
//!
//! A request is accepted if fewer than `limit` requests were accepted during the last window. So
//! no half-open interval `[t, t + window)` contains more than `limit` of them. Refused requests are
//! not stored: a client that repeats refused requests neither extends its wait nor uses memory.

use std::time::Duration;

use crate::quota::{Quota, nanos};
use crate::state::QuotaState;

/// The log of one subject: at most `limit` times, oldest first. A new log is empty.
///
/// A `now` before the newest time counts as the newest time: after a backward step of the clock,
/// time stands still until the clock has caught up, and nobody gains a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlidingLog {
    /// Exactly as long as needed. An accepted request copies it, and a limit is at most
    /// [`MAX_SLIDING_LIMIT`](crate::MAX_SLIDING_LIMIT).
    times: Box<[u64]>,
}

impl SlidingLog {
    /// The state without a further request: `is_allowed` says whether a request would be accepted.
    pub fn state(&self, quota: &Quota, now: Duration) -> QuotaState {
        let live = self.live(quota, now);
        let free = limit(quota).saturating_sub(live.len());
        // With a full log one request is permitted when so many remain that one fits.
        let next = live.get(live.len().saturating_sub(limit(quota)));
        let reset =
            next.map_or(0, |at| at.saturating_add(quota.window_nanos()).saturating_sub(nanos(now)));
        QuotaState {
            quota: *quota,
            is_allowed: free > 0,
            remaining: u32::try_from(free).unwrap_or(u32::MAX),
            reset: Duration::from_nanos(reset),
        }
    }

    /// Records an accepted request. In a full log it replaces the oldest one.
    pub fn record(&mut self, quota: &Quota, now: Duration) {
        let live = self.live(quota, now);
        let surplus = (live.len() + 1).saturating_sub(limit(quota));
        let kept = live.get(surplus..).unwrap_or_default();
        let mut times = Vec::with_capacity(kept.len() + 1);
        times.extend_from_slice(kept);
        times.push(self.effective(now));
        self.times = times.into_boxed_slice();
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

    /// Whether no accepted request counts any longer, so that the log can be forgotten.
    pub fn is_expired(&self, quota: &Quota, now: Duration) -> bool {
        self.live(quota, now).is_empty()
    }

    /// The number of stored times.
    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }

    fn live(&self, quota: &Quota, now: Duration) -> &[u64] {
        let now = self.effective(now);
        let is_over = |at: &u64| at.saturating_add(quota.window_nanos()) <= now;
        self.times.get(self.times.partition_point(is_over)..).unwrap_or_default()
    }

    fn effective(&self, now: Duration) -> u64 {
        self.times.last().copied().unwrap_or(0).max(nanos(now))
    }
}

fn limit(quota: &Quota) -> usize {
    usize::try_from(quota.limit().get()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn quota() -> Quota {
        Quota::sliding("signin", 3, seconds(60)).unwrap()
    }

    #[test]
    fn the_limit_returns_one_by_one_as_each_request_leaves_the_window() {
        let (quota, mut log) = (quota(), SlidingLog::default());
        let mut acquire = |at| {
            let state = log.acquire(&quota, seconds(at));
            (state.is_allowed, state.remaining, state.reset.as_secs())
        };
        assert_eq!(acquire(0), (true, 2, 60));
        assert_eq!(acquire(10), (true, 1, 50));
        assert_eq!(acquire(20), (true, 0, 40));
        assert_eq!(acquire(59), (false, 0, 1));
        assert_eq!(acquire(60), (true, 0, 10));
        assert_eq!(acquire(60), (false, 0, 10));
        assert_eq!(acquire(1_000), (true, 2, 60));
    }

    #[test]
    fn refused_requests_are_not_stored() {
        let (quota, mut log) = (quota(), SlidingLog::default());
        for second in 0..59 {
            log.acquire(&quota, seconds(second));
        }
        assert_eq!(log.len(), 3);
        assert!(log.acquire(&quota, seconds(60)).is_allowed);
    }

    #[test]
    fn a_backward_step_of_the_clock_frees_nothing() {
        let (quota, mut log) = (quota(), SlidingLog::default());
        for at in [100, 100, 40] {
            assert!(log.acquire(&quota, seconds(at)).is_allowed);
        }
        let refused = log.acquire(&quota, seconds(40));
        assert!(!refused.is_allowed);
        assert_eq!(refused.reset, seconds(120));
        assert!(!log.acquire(&quota, seconds(159)).is_allowed);
        assert!(log.acquire(&quota, seconds(160)).is_allowed);
    }

    #[test]
    fn a_record_beyond_the_limit_replaces_the_oldest() {
        let (quota, mut log) = (quota(), SlidingLog::default());
        (0..5).for_each(|at| log.record(&quota, seconds(at)));
        assert_eq!(log.len(), 3);
        assert_eq!(log.state(&quota, seconds(5)).reset, seconds(57));
    }

    #[test]
    fn the_end_of_time_overflows_nothing() {
        let (quota, mut log) = (quota(), SlidingLog::default());
        for _ in 0..5 {
            log.acquire(&quota, Duration::MAX);
        }
        assert_eq!(log.len(), 3);
    }
}
