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

/// A counter of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureCounter {
    /// Its key.
    pub key: Digest,
    /// The account that it locks; `None` for a name that no account has, and for a session, whose
    /// counter locks nothing else.
    pub owner: Option<CounterOwner>,
}

/// The account that a counter locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterOwner {
    /// The account.
    pub account: AccountId,
    /// What the counter locks.
    pub kind: CounterKind,
    /// The epoch of the password that the counter ends with, if it does.
    pub epoch: Option<PasswordEpoch>,
}

/// The callers or proofs that a counter of an account locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CounterKind {
    /// Callers that have proven nothing.
    Strangers,
    /// Devices that have used the present password before.
    KnownDevices,
    /// Codes of second factors.
    Factors,
}

impl CounterKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Strangers, Self::KnownDevices, Self::Factors];

    /// The stable word, as stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Strangers => "strangers",
            Self::KnownDevices => "known_devices",
            Self::Factors => "factors",
        }
    }

    /// The kind of this word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A counter without an account.
impl From<Digest> for FailureCounter {
    fn from(key: Digest) -> Self {
        Self { key, owner: None }
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
    pub fn of_name(&self, name: &str) -> FailureCounter {
        self.named(&format!("name:{name}")).into()
    }

    /// The counter of an account for strangers.
    pub fn of_strangers(&self, account: AccountId) -> FailureCounter {
        let key = self.named(&format!("account:{account}"));
        let owner = CounterOwner { account, kind: CounterKind::Strangers, epoch: None };
        FailureCounter { key, owner: Some(owner) }
    }

    /// The counter of an account for devices that have used this password before: one for all of
    /// them, so that an attacker gains no guesses by collecting devices while the password is
    /// known.
    pub fn of_known_devices(&self, account: AccountId, epoch: PasswordEpoch) -> FailureCounter {
        let key = self.named(&format!("account:{account}:known-devices:{}", epoch.number()));
        let owner = CounterOwner { account, kind: CounterKind::KnownDevices, epoch: Some(epoch) };
        FailureCounter { key, owner: Some(owner) }
    }

    /// The keys of the counters that can lock an account: those of strangers, of known devices with this password, and of
    /// codes.
    pub fn of_account(&self, account: AccountId, epoch: PasswordEpoch) -> [Digest; 3] {
        [
            self.of_strangers(account),
            self.of_known_devices(account, epoch),
            self.of_factors(account),
        ]
        .map(|counter| counter.key)
    }

    /// The counter of the password for this device.
    pub(crate) fn of_device(
        &self,
        account: AccountId,
        epoch: PasswordEpoch,
        device: SignInDevice,
    ) -> FailureCounter {
        match device.known() {
            None => self.of_strangers(account),
            Some(_) => self.of_known_devices(account, epoch),
        }
    }

    /// The counter of a session, for passwords that are required inside it.
    pub fn of_session(&self, session: SessionId) -> FailureCounter {
        self.named(&format!("session:{session}")).into()
    }

    /// The counter of the mails with reset links to an address.
    pub(crate) fn of_reset_mails(&self, email_key: &str) -> Digest {
        self.named(&format!("reset-mails:{email_key}"))
    }

    /// The counter of an account for codes of its second factors.
    pub fn of_factors(&self, account: AccountId) -> FailureCounter {
        let key = self.named(&format!("account:{account}:factors"));
        let owner = CounterOwner { account, kind: CounterKind::Factors, epoch: None };
        FailureCounter { key, owner: Some(owner) }
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
