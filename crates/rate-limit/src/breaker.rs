//! A circuit breaker: a pure state machine that stops calls to a service that fails.
//!
//! Closed, it admits every call. After a number of consecutive failures it is open and admits none
//! for a time. Then it is half-open and admits one call, the probe: a success closes it, and a
//! failure opens it for twice the time, up to a maximum. A probe without an answer, because its
//! caller was cancelled, counts as lost after the first wait, and the next call is the next probe.

use std::num::NonZeroU32;
use std::time::Duration;

/// The numbers of a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// The number of consecutive failures that open it.
    pub failures: NonZeroU32,
    /// The time before the first probe.
    pub first_wait: Duration,
    /// The maximum time between two probes.
    pub longest_wait: Duration,
}

impl Default for BreakerSettings {
    /// One failure, 1 s, 4 s.
    ///
    /// One failure is enough, because the fallback counts with the same numbers: every further one
    /// would only be another request that waits for a timeout. The sum of both waits is 5 s, so the
    /// shared limiter is used again within 5 s of its return even if one probe is lost.
    fn default() -> Self {
        Self {
            failures: NonZeroU32::MIN,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(4),
        }
    }
}

/// The circuit breaker.
#[derive(Clone, Debug)]
pub struct Breaker {
    settings: BreakerSettings,
    state: State,
    /// The number of changes of the state. A permit of an earlier state has no effect.
    changes: u64,
}

#[derive(Clone, Debug)]
enum State {
    Closed { failures: u32 },
    Open { until: Duration, wait: Duration },
    HalfOpen { lost_at: Duration, wait: Duration },
}

/// The state of a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls are admitted.
    Closed,
    /// No call is admitted.
    Open,
    /// A probe is under way, or the next call is one.
    HalfOpen,
}

/// The permission for one call. Its outcome belongs to [`Breaker::succeeded`] or
/// [`Breaker::failed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Permit {
    changes: u64,
}

impl Breaker {
    /// A closed breaker.
    pub const fn new(settings: BreakerSettings) -> Self {
        Self { settings, state: State::Closed { failures: 0 }, changes: 0 }
    }

    /// Admits a call, or `None`.
    pub fn admit(&mut self, now: Duration) -> Option<Permit> {
        match self.state {
            State::Closed { .. } => {}
            State::Open { until: at, wait } | State::HalfOpen { lost_at: at, wait } => {
                if now < at {
                    return None;
                }
                let lost_at = now.saturating_add(self.settings.first_wait);
                self.change(State::HalfOpen { lost_at, wait });
            }
        }
        Some(Permit { changes: self.changes })
    }

    /// Reports the success of a call.
    pub fn succeeded(&mut self, permit: Permit) {
        if permit.changes != self.changes {
            return;
        }
        match &mut self.state {
            State::Closed { failures } => *failures = 0,
            State::Open { .. } | State::HalfOpen { .. } => {
                self.change(State::Closed { failures: 0 });
            }
        }
    }

    /// Reports the failure of a call.
    pub fn failed(&mut self, permit: Permit, now: Duration) {
        if permit.changes != self.changes {
            return;
        }
        let BreakerSettings { failures: most, first_wait, longest_wait } = self.settings;
        let wait = match &mut self.state {
            State::Closed { failures } => {
                *failures = failures.saturating_add(1);
                if *failures < most.get() {
                    return;
                }
                first_wait
            }
            State::Open { wait, .. } | State::HalfOpen { wait, .. } => {
                wait.saturating_mul(2).min(longest_wait)
            }
        };
        self.change(State::Open { until: now.saturating_add(wait), wait });
    }

    /// The state.
    pub fn state(&self, now: Duration) -> BreakerState {
        match self.state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { until, .. } if now < until => BreakerState::Open,
            State::Open { .. } | State::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    fn change(&mut self, state: State) {
        self.state = state;
        self.changes = self.changes.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn breaker(failures: u32) -> Breaker {
        let failures = NonZeroU32::new(failures).unwrap();
        Breaker::new(BreakerSettings { failures, ..BreakerSettings::default() })
    }

    fn fail(breaker: &mut Breaker, now: Duration) {
        let permit = breaker.admit(now).unwrap();
        breaker.failed(permit, now);
    }

    #[test]
    fn consecutive_failures_open_it_and_a_success_between_them_does_not() {
        let mut breaker = breaker(3);
        for _ in 0..2 {
            fail(&mut breaker, millis(0));
        }
        let permit = breaker.admit(millis(0)).unwrap();
        breaker.succeeded(permit);
        for _ in 0..2 {
            fail(&mut breaker, millis(0));
        }
        assert_eq!(breaker.state(millis(0)), BreakerState::Closed);
        fail(&mut breaker, millis(0));
        assert_eq!(breaker.state(millis(0)), BreakerState::Open);
        assert_eq!(breaker.admit(millis(999)), None);
    }

    #[test]
    fn one_probe_at_a_time_closes_it_again() {
        let mut breaker = breaker(1);
        fail(&mut breaker, millis(0));
        let probe = breaker.admit(millis(1_000)).unwrap();
        assert_eq!(breaker.state(millis(1_000)), BreakerState::HalfOpen);
        assert_eq!(breaker.admit(millis(1_500)), None);
        breaker.succeeded(probe);
        assert_eq!(breaker.state(millis(1_500)), BreakerState::Closed);
        assert!(breaker.admit(millis(1_500)).is_some());
    }

    #[test]
    fn the_wait_doubles_up_to_four_seconds() {
        let (mut breaker, mut now, mut waits) = (breaker(1), millis(0), Vec::new());
        for _ in 0..5 {
            fail(&mut breaker, now);
            let failed_at = now;
            while breaker.state(now) == BreakerState::Open {
                now += millis(100);
            }
            waits.push(now.saturating_sub(failed_at).as_secs());
        }
        assert_eq!(waits, [1, 2, 4, 4, 4]);
    }

    #[test]
    fn a_lost_probe_is_followed_by_another_within_five_seconds() {
        let mut breaker = breaker(1);
        fail(&mut breaker, millis(0));
        let lost = breaker.admit(millis(1_000)).unwrap();
        assert_eq!(breaker.admit(millis(1_999)), None);
        let probe = breaker.admit(millis(2_000)).unwrap();
        breaker.failed(lost, millis(2_001));
        assert_eq!(breaker.state(millis(2_001)), BreakerState::HalfOpen);
        breaker.succeeded(probe);
        assert_eq!(breaker.state(millis(2_002)), BreakerState::Closed);
    }

    #[test]
    fn late_failures_of_calls_before_the_opening_extend_no_wait() {
        let mut breaker = breaker(1);
        let permits: Vec<_> = (0..50).map(|_| breaker.admit(millis(0)).unwrap()).collect();
        for permit in permits {
            breaker.failed(permit, millis(10));
        }
        assert!(breaker.admit(millis(1_010)).is_some());
    }
}
