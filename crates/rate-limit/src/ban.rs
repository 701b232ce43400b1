//! Bans: the offences that start one, and durations that grow from ban to ban. No storage.
//!
//! An offence is a request that is refused although an earlier refusal told the client to wait longer.
//! So a client that waits as long as `Retry-After` says commits none, however often it is refused. Two
//! rules spare clients with several requests under way: the first [`PAUSE`] after a refusal is free, and
//! then one offence at most is counted in each [`PAUSE`].
//!
//! The counter shares the memory of a [`LocalLimiter`], with its bound.

use std::time::Duration;

use portcullis_domain::Timestamp;

use crate::demand::Demand;
use crate::key::{AddressPrefix, Subject};
use crate::limiter::LocalLimiter;
use crate::quota::{Quota, QuotaError};

/// The policy of bans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BanPolicy {
    /// Offences of an address in the window that are tolerated; the next one starts a ban.
    pub offences: u32,
    /// The window of the offences.
    pub window: Duration,
    /// The first ban of an address; each further one takes twice as long.
    pub first: Duration,
    /// The maximum duration.
    pub longest: Duration,
    /// The former bans are forgotten so long after the end of the last one.
    pub forget_after: Duration,
}

impl Default for BanPolicy {
    fn default() -> Self {
        Self {
            offences: 120,
            window: Duration::from_secs(10 * 60),
            first: Duration::from_secs(10 * 60),
            longest: Duration::from_secs(24 * 60 * 60),
            forget_after: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// A ban that has ended, or whose end is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormerBan {
    /// The bans before it.
    pub former_bans: u32,
    /// Its end.
    pub ends_at: Timestamp,
}

impl BanPolicy {
    /// The number of former bans of an address that is banned at this time, given its last ban.
    pub fn former_bans(&self, last: Option<FormerBan>, now: Timestamp) -> u32 {
        let remembered = last.filter(|last| now.since(last.ends_at) < self.forget_after);
        remembered.map_or(0, |last| last.former_bans.saturating_add(1))
    }

    /// The duration of a ban after this number of former ones.
    pub fn duration(&self, former_bans: u32) -> Duration {
        let factor = 1_u32.checked_shl(former_bans).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.longest)
    }
}

/// Counts offences, and says when a ban is due.
#[derive(Clone, Debug)]
pub struct OffenceCounter {
    /// Longest first. A client that was told to wait is remembered under the longest of these that is
    /// not longer than its wait.
    waits: [Quota; 7],
    pause: Quota,
    offences: Quota,
}

/// The time after a refusal, and between two offences, in which no offence is counted. It is less than
/// one second, the shortest wait that a client is told.
pub const PAUSE: Duration = Duration::from_millis(900);

impl OffenceCounter {
    /// A counter with the numbers of the policy.
    ///
    /// # Errors
    ///
    /// If its numbers make no exact quota.
    pub fn new(policy: &BanPolicy) -> Result<Self, QuotaError> {
        let wait = |name, seconds| Quota::gcra(name, 1, Duration::from_secs(seconds));
        Ok(Self {
            waits: [
                wait("wait_60", 60)?,
                wait("wait_30", 30)?,
                wait("wait_15", 15)?,
                wait("wait_8", 8)?,
                wait("wait_4", 4)?,
                wait("wait_2", 2)?,
                wait("wait_1", 1)?,
            ],
            pause: Quota::gcra("offence_pause", 1, PAUSE)?,
            offences: Quota::sliding("offences", policy.offences, policy.window)?,
        })
    }

    /// Notes that a request of this address was refused with this `Retry-After`, in seconds, at this
    /// time of a monotonic clock. Returns whether a ban is due; the count of offences is then zero.
    pub fn refused(
        &self,
        limiter: &LocalLimiter,
        now: Duration,
        address: AddressPrefix,
        retry_after: u64,
    ) -> bool {
        let subject = Subject::from(address);
        let accepts = |quota| {
            let states = limiter.acquire(now, &[Demand { quota, subject }]);
            states.is_ok_and(|states| states.is_allowed())
        };
        let waits = self.waits.each_ref().map(|quota| Demand { quota, subject });
        let was_told = limiter.check(now, &waits).is_ok_and(|states| !states.is_allowed());
        if !was_told {
            let told = Duration::from_secs(retry_after);
            if let Some(wait) = self.waits.iter().find(|wait| wait.window() <= told) {
                accepts(wait);
                accepts(&self.pause);
            }
            return false;
        }
        let is_due = accepts(&self.pause) && !accepts(&self.offences);
        if is_due {
            limiter.forget(&Demand { quota: &self.offences, subject });
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::*;
    use crate::headers;

    const START: Timestamp = Timestamp::from_seconds(1_000_000);

    fn address(last: u8) -> AddressPrefix {
        AddressPrefix::new(IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn each_ban_takes_twice_as_long_up_to_a_day() {
        let policy = BanPolicy::default();
        let minutes: Vec<u64> = (0..10).map(|n| policy.duration(n).as_secs() / 60).collect();
        assert_eq!(minutes, [10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440]);
    }

    #[test]
    fn former_bans_are_forgotten_a_day_after_the_last_one() {
        let policy = BanPolicy::default();
        let last = Some(FormerBan { former_bans: 3, ends_at: START });
        assert_eq!(policy.former_bans(None, START), 0);
        assert_eq!(policy.former_bans(last, START), 4);
        assert_eq!(policy.former_bans(last, START + policy.forget_after), 0);
        assert_eq!(policy.former_bans(last, START - policy.forget_after), 4, "it still lasts");
        let endless = Some(FormerBan { former_bans: u32::MAX, ends_at: START });
        assert_eq!(policy.former_bans(endless, START), u32::MAX);
    }

    /// Sends a request under the quota each `every`; returns the number of bans within `time`.
    fn bans_of(policy: &BanPolicy, quota: &Quota, every: Duration, time: Duration) -> u32 {
        let limiter = LocalLimiter::new(1 << 20);
        let counter = OffenceCounter::new(policy).unwrap();
        let (mut now, mut bans) = (Duration::ZERO, 0);
        while now < time {
            let demand = Demand { quota, subject: address(1).into() };
            let states = limiter.acquire(now, &[demand]).unwrap();
            if let Some(seconds) = headers::retry_after(&states) {
                bans += u32::from(counter.refused(&limiter, now, address(1), seconds));
            }
            now += every;
        }
        bans
    }

    #[test]
    fn a_client_that_ignores_every_refusal_is_banned_after_about_as_many_seconds_as_offences() {
        let policy = BanPolicy::default();
        let sign_in = Quota::sliding("sign_in", 5, Duration::from_secs(60)).unwrap();
        let general = Quota::gcra("general", 100, Duration::from_secs(10)).unwrap();
        let minute = Duration::from_secs(60);
        for (quota, every) in [(&sign_in, 1_000), (&sign_in, 100), (&general, 10)] {
            let every = Duration::from_millis(every);
            assert_eq!(bans_of(&policy, quota, every, minute), 0, "{quota:?} {every:?}");
            let bans = bans_of(&policy, quota, every, 5 * minute);
            assert!((1..=2).contains(&bans), "{quota:?} {every:?}: {bans}");
        }
    }

    #[test]
    fn the_count_is_of_one_address_and_of_one_window() {
        let policy = BanPolicy { offences: 3, ..BanPolicy::default() };
        let limiter = LocalLimiter::new(1 << 20);
        let counter = OffenceCounter::new(&policy).unwrap();
        let second = |n| Duration::from_secs(n);
        let refused = |at, last| counter.refused(&limiter, at, address(last), 3_600);
        for n in 0..4 {
            assert!(!refused(second(n), 1), "the first refusal and three offences");
            assert!(!refused(second(n), 2));
            assert!(!refused(second(n), 2), "the same second counts once");
        }
        assert!(refused(second(4), 1));
        assert!(!refused(second(5), 1), "the count begins again");
        assert!(!refused(second(604), 2), "the offences of before are out of the window");
    }

    proptest! {
        #[test]
        fn durations_grow_and_stay_within_the_longest(
            first in 1_u64..1_000_000,
            more in 0_u64..1_000_000,
            former in any::<u32>(),
        ) {
            let (first, longest) = (Duration::from_secs(first), Duration::from_secs(first + more));
            let policy = BanPolicy { first, longest, ..BanPolicy::default() };
            let (this, next) = (policy.duration(former), policy.duration(former.saturating_add(1)));
            prop_assert!(first <= this && this <= next && next <= longest);
            prop_assert!(next == longest || next == 2 * this);
        }

        /// The client sends bursts of many requests at once, and after a refusal it waits exactly as
        /// long as it was told, or longer.
        #[test]
        fn a_client_that_honours_retry_after_is_never_banned(
            limit in 1_u32..40,
            window in 1_u64..200,
            exact in any::<bool>(),
            burst in 1_u32..60,
            bursts in proptest::collection::vec((0_u64..900, 0_u64..1_500), 30),
        ) {
            let policy = BanPolicy { offences: 1, ..BanPolicy::default() };
            let make = if exact { Quota::sliding } else { Quota::gcra };
            let quota = make("quota", limit, Duration::from_secs(window)).unwrap();
            let (limiter, mut now) = (LocalLimiter::new(1 << 20), Duration::ZERO);
            let counter = OffenceCounter::new(&policy).unwrap();
            for (spread, extra) in bursts {
                let mut told = 0;
                for n in 0..burst {
                    let at = now + Duration::from_millis(spread) * n / burst;
                    let demand = Demand { quota: &quota, subject: address(1).into() };
                    let states = limiter.acquire(at, &[demand]).unwrap();
                    if let Some(seconds) = headers::retry_after(&states) {
                        told = told.max(seconds);
                        prop_assert!(!counter.refused(&limiter, at, address(1), seconds));
                    }
                }
                now += Duration::from_millis(spread + extra) + Duration::from_secs(told);
            }
        }
    }
}
