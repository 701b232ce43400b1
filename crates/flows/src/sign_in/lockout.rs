//! Lockout: the counters of failed attempts.
//!
//! Each path that takes a password or a code counts its failures with one of four counters. What
//! the caller has proven already, and nothing else, selects the counter:
//!
//! - a **stranger** has proven nothing: one counter for each account, however its name was typed,
//!   or for each name that no account has;
//! - a **known device** has used the present password before: one counter for all devices of an
//!   account, a new one with each password;
//! - a **second factor** is tried by a caller that has proven the password, or has a session: one
//!   counter for each account, whatever challenge, session or factor the code was for, without mailed
//!   codes, which are no factor;
//! - a **session** was opened with the password: one counter for each session.
//!
//! Only a caller of the same kind can close a counter. So a stranger closes neither the counter of
//! the owner's devices nor the way to a new password, a stolen cookie closes nothing once the
//! password is changed, and a stolen session closes only itself: an account that must change its
//! password can sign in again for that. The arithmetic of the waits is [`LockoutPolicy`].

use portcullis_audit::{Outcome, SecurityEvent};
use portcullis_domain::{AccountId, PasswordEpoch, SessionId};
use portcullis_rate_limit::LockoutPolicy;
use portcullis_token::Digest;

use crate::effects::Effects;
use crate::sign_in::device::SignInDevice;

/// The lockout of every path that takes a password: its counters and its policy.
#[derive(Clone)]
pub struct Lockout {
    /// The keys of the counters.
    pub counters: FailureCounters,
    /// The policy: when a counter closes, and for how long.
    pub policy: LockoutPolicy,
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

/// Computes the keys of failure counters, and of the counters of reset mails, with a secret key, so
/// that stored counters reveal no typed name.
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

    /// The counters that can lock an account: those of strangers, of known devices with this password, and of
    /// codes.
    pub fn of_account(&self, account: AccountId, epoch: PasswordEpoch) -> [Digest; 3] {
        [
            self.of_strangers(account),
            self.of_known_devices(account, epoch),
            self.of_factors(account),
        ]
    }

    /// The counter of the password for this device.
    pub(crate) fn of_device(
        &self,
        account: AccountId,
        epoch: PasswordEpoch,
        device: SignInDevice,
    ) -> Digest {
        match device.known() {
            None => self.of_strangers(account),
            Some(_) => self.of_known_devices(account, epoch),
        }
    }

    /// The counter of a session, for passwords that are required inside it.
    pub fn of_session(&self, session: SessionId) -> Digest {
        self.named(&format!("session:{session}"))
    }

    /// The counter of the mails with reset links to an address.
    pub(crate) fn of_reset_mails(&self, email_key: &str) -> Digest {
        self.named(&format!("reset-mails:{email_key}"))
    }

    /// The counter of an account for codes of its second factors.
    pub fn of_factors(&self, account: AccountId) -> Digest {
        self.named(&format!("account:{account}:factors"))
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
