//! Outcomes of sign-ins on this node: each one is counted, and written to the log as one line.
//!
//! [`ObservedStore`] stands before the store of sign-ins and observes the event that a transaction has
//! committed. So a count and a line are never about a sign-in that was not recorded, and no step of the
//! pipeline can omit them. The line has ids: the event in the audit log has the address.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use portcullis_audit::{Details, EventKind, Outcome, SecurityEvent};
use portcullis_domain::{AccountId, NetworkPrefix};
use portcullis_rate_limit::LockoutPolicy;
use portcullis_token::{DeviceId, Digest};

use super::pipeline::{
    ChallengeResult, HashReplacement, Identifier, NewChallenge, OpenChallenge, Proof,
    SessionOpening, SessionOpeningResult, SignInStore, StoredCredentials,
};
use crate::StoreError;
use crate::effects::{Effects, EffectsOf};
use crate::node::revocation::Revoked;
use crate::sign_in::device::{DeviceRecord, DeviceStore};
use crate::sign_in::lockout::{CounterState, FailureCounter};
use crate::sign_in::session_tokens::SessionEnd;

/// The factor that decided a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SignInFactor {
    /// The password.
    Password,
    /// A code of an authenticator app.
    Totp,
    /// A passkey, alone or as the second factor.
    Passkey,
    /// A backup code.
    BackupCodes,
    /// A code that was mailed because of a high risk.
    MailedCode,
    /// None: the second step was refused before its factor was verified.
    Unverified,
}

impl SignInFactor {
    /// The name, as a label of a metric.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Totp => "totp",
            Self::Passkey => "passkey",
            Self::BackupCodes => "backup_codes",
            Self::MailedCode => "mailed_code",
            Self::Unverified => "unverified",
        }
    }

    fn of(factor: portcullis_domain::Factor) -> Self {
        match factor {
            portcullis_domain::Factor::Totp => Self::Totp,
            portcullis_domain::Factor::Passkey => Self::Passkey,
            portcullis_domain::Factor::BackupCodes => Self::BackupCodes,
            _ => Self::Unverified,
        }
    }
}

/// The numbers of sign-ins on this node since the start, by outcome and factor.
#[derive(Debug, Default)]
pub struct SignInOutcomes {
    counts: Mutex<BTreeMap<(&'static str, SignInFactor), u64>>,
}

impl SignInOutcomes {
    /// The outcomes that occurred.
    pub fn counts(&self) -> Vec<(&'static str, SignInFactor, u64)> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().map(|((outcome, factor), count)| (*outcome, *factor, *count)).collect()
    }

    fn observe(&self, event: &SecurityEvent, factor: SignInFactor) {
        let is_challenge = event.kind == EventKind::ChallengeIssued;
        let outcome = if is_challenge { Outcome::Challenged } else { event.outcome }.as_str();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((outcome, factor)).or_default() += 1;
        drop(counts);
        let account = event.subject.map(tracing::field::display);
        // A refused sign-in has the id of a session that does not exist.
        let session = event.session.filter(|_| event.outcome == Outcome::Success);
        let session = session.map(tracing::field::display);
        let request_id = event.origin.request_id.as_deref();
        let factor = factor.as_str();
        tracing::info!(outcome, factor, account, session, request_id, event = %event.id, "sign-in");
    }
}

/// The store of sign-ins, with the outcomes observed.
pub struct ObservedStore {
    store: Arc<dyn SignInStore>,
    outcomes: Arc<SignInOutcomes>,
    /// The factor of events that name none.
    unnamed: SignInFactor,
}

impl ObservedStore {
    /// The store for sign-ins that begin with a password or a passkey.
    pub fn of_first_step(store: Arc<dyn SignInStore>, outcomes: Arc<SignInOutcomes>) -> Self {
        Self { store, outcomes, unnamed: SignInFactor::Password }
    }

    /// The store for answers to challenges.
    pub fn of_second_step(store: Arc<dyn SignInStore>, outcomes: Arc<SignInOutcomes>) -> Self {
        Self { store, outcomes, unnamed: SignInFactor::Unverified }
    }

    /// Runs the call, and observes the sign-in that it has committed.
    fn observe<T, R>(
        &self,
        unnamed: SignInFactor,
        effects: EffectsOf<'_, T>,
        call: impl FnOnce(EffectsOf<'_, T>) -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        // A transaction may be repeated: the last attempt is the one that is committed.
        let last = Cell::new(None);
        let result = call(&|result: &T| {
            let effects = effects(result);
            last.set(sign_in(&effects).cloned());
            effects
        })?;
        if let Some(event) = last.into_inner() {
            self.outcomes.observe(&event, named(&event).unwrap_or(unnamed));
        }
        Ok(result)
    }
}

/// The event about a sign-in among these effects.
fn sign_in(effects: &Effects) -> Option<&SecurityEvent> {
    let kinds = [EventKind::SignIn, EventKind::ChallengeIssued];
    effects.events.iter().find(|event| kinds.contains(&event.kind))
}

fn named(event: &SecurityEvent) -> Option<SignInFactor> {
    match &event.details {
        Details::Factor { factor, .. } => Some(SignInFactor::of(*factor)),
        _ => None,
    }
}

impl SignInStore for ObservedStore {
    fn credentials(
        &self,
        identifier: &Identifier,
    ) -> Result<Option<StoredCredentials>, StoreError> {
        self.store.credentials(identifier)
    }

    fn credentials_of(&self, account: AccountId) -> Result<Option<StoredCredentials>, StoreError> {
        self.store.credentials_of(account)
    }

    fn issue_challenge(&self, challenge: &NewChallenge<'_>) -> Result<ChallengeResult, StoreError> {
        self.observe(self.unnamed, challenge.effects, |effects| {
            self.store.issue_challenge(&NewChallenge { effects, ..challenge.clone() })
        })
    }

    fn challenge(&self, token: &Digest) -> Result<Option<OpenChallenge>, StoreError> {
        self.store.challenge(token)
    }

    fn open(&self, opening: &SessionOpening<'_>) -> Result<SessionOpeningResult, StoreError> {
        let is_mailed = opening.proofs.iter().any(|proof| matches!(proof, Proof::MailedCode(_)));
        let unnamed = if is_mailed { SignInFactor::MailedCode } else { self.unnamed };
        self.observe(unnamed, opening.effects, |effects| {
            self.store.open(&SessionOpening { effects, ..*opening })
        })
    }

    fn renew_hash(&self, renewal: &HashReplacement<'_>) -> Result<(), StoreError> {
        self.store.renew_hash(renewal)
    }

    fn refuse(
        &self,
        counter: &FailureCounter,
        policy: &LockoutPolicy,
        network: Option<NetworkPrefix>,
        effects: EffectsOf<'_, CounterState>,
    ) -> Result<(), StoreError> {
        self.observe(self.unnamed, effects, |effects| {
            self.store.refuse(counter, policy, network, effects)
        })
    }

    fn record_refusal(&self, effects: &Effects) -> Result<(), StoreError> {
        self.observe(self.unnamed, &|(): &()| effects.clone(), |effects| {
            self.store.record_refusal(&effects(&()))
        })
    }
}

impl DeviceStore for ObservedStore {
    fn device(
        &self,
        account: AccountId,
        device: DeviceId,
    ) -> Result<Option<DeviceRecord>, StoreError> {
        self.store.device(account, device)
    }

    fn devices(&self, account: AccountId) -> Result<Vec<DeviceRecord>, StoreError> {
        self.store.devices(account)
    }

    fn forget_device(
        &self,
        account: AccountId,
        device: DeviceId,
        ending: SessionEnd,
        effects: EffectsOf<'_, Option<Revoked>>,
    ) -> Result<Option<Revoked>, StoreError> {
        self.store.forget_device(account, device, ending, effects)
    }
}
