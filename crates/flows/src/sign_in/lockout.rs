//! Lockout: computes wait times from failure counters. No state, no storage.
//!
//! Each path that takes a password or a code counts its failures with one of three counters. What
//! the caller has proven already, and nothing else, selects the counter:
//!
//! - a **stranger** has proven nothing: one counter for each account, however its name was typed,
//!   or for each name that no account has;
//! - a **known device** has used the present password before: one counter for all devices of an
//!   account, a new one with each password;
//! - a **session** was opened with the password: one counter for each session.
//!
//! Only a caller of the same kind can close a counter. So a stranger closes neither the counter of
//! the owner's devices nor the way to a new password, a stolen cookie closes nothing once the
//! password is changed, and a stolen session closes only itself: an account that must change its
//! password can sign in again for that. NIST SP 800-63B-4 section 3.2.2 sets the ceiling of 100
//! consecutive failures.

use std::time::Duration;

use portcullis_audit::{Outcome, SecurityEvent};
use portcullis_domain::{AccountId, PasswordEpoch, SessionId, Timestamp};
use portcullis_token::Digest;

use crate::effects::Effects;

/// The lockout of every path that takes a password: its counters and its policy.
#[derive(Clone)]
pub struct Lockout {
    /// The keys of the counters.
    pub counters: FailureCounters,
    /// The policy: when a counter closes, and for how long.
    pub policy: LockoutPolicy,
}

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

/// The state of a counter after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CounterState {
    /// Open, and has counted this failure.
    Open,
    /// Closed, and has counted nothing.
    Closed,
}

impl CounterState {
    /// The effects of a refusal; the event says if the counter was closed.
    pub(crate) fn refusal(self, event: &SecurityEvent) -> Effects {
        let outcome = match self {
            Self::Open => event.outcome,
            Self::Closed => Outcome::Locked,
        };
        SecurityEvent { outcome, ..event.clone() }.into()
    }
}

/// Computes the keys of failure counters, with a secret key, so that stored counters reveal no
/// typed name.
#[derive(Clone)]
pub struct FailureCounters([u8; 32]);

impl FailureCounters {
    /// Uses the key derived for [`portcullis_token::Purpose::SignInFailures`].
    pub const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The counter of a name that no account has.
    pub fn of_name(&self, name: &str) -> Digest {
        self.named(&format!("name:{name}"))
    }

    /// The counter of an account for strangers.
    pub fn of_strangers(&self, account: AccountId) -> Digest {
        self.named(&format!("account:{account}"))
    }

    /// The counter of an account for devices that have used this password before: one for all of
    /// them, so that an attacker gains no guesses by collecting devices while the password is
    /// known.
    pub fn of_known_devices(&self, account: AccountId, epoch: PasswordEpoch) -> Digest {
        self.named(&format!("account:{account}:known-devices:{}", epoch.number()))
    }

    /// The counter of a session, for passwords that are required inside it.
    pub fn of_session(&self, session: SessionId) -> Digest {
        self.named(&format!("session:{session}"))
    }

    /// The key that draws the hash cost of an unknown name, or of an account without a verifiable
    /// hash; see [`crate::sign_in::hash_cost`].
    pub(crate) fn cost_of(&self, name: &str, account: Option<AccountId>) -> Digest {
        match account {
            None => self.named(&format!("cost:name:{name}")),
            Some(account) => self.named(&format!("cost:account:{account}")),
        }
    }

    fn named(&self, name: &str) -> Digest {
        Digest::keyed(&self.0, name.as_bytes())
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
