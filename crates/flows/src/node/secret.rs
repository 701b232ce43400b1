//! Whether a program was given the secret that the data is written under.
//!
//! Under another one everything would seem to work: accounts come to be, keys are made, events are
//! sealed. But no server believes any of it, and the audit trail names it as forged for ever. So
//! whoever writes proves the secret first.

use std::sync::Arc;

use portcullis_audit::{Actor, EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{Ambient, Timestamp};
use portcullis_token::{Digest, SecretKey};

use crate::StoreError;
use crate::effects::Effects;

/// What proving the secret needs from storage.
pub trait FingerprintStore: Send + Sync {
    /// The fingerprint of the secret that the data is written under; `None` before the first.
    fn fingerprint(&self) -> Result<Option<Digest>, StoreError>;

    /// Notes the fingerprint if that of the data is still `before`; answers whether it was. The effects
    /// are recorded if it was, unless this is the first.
    fn replace_fingerprint(
        &self,
        before: Option<&Digest>,
        after: &Digest,
        at: Timestamp,
        effects: &Effects,
    ) -> Result<bool, StoreError>;
}

/// How the data stands to the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretState {
    /// Nothing has been written under any.
    Unclaimed,
    /// It is written under this one.
    Own,
    /// It is written under the one that this one is to replace.
    Previous,
}

/// Why the secret is not proved.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The data is written under another secret.
    #[error("the data was written under another SECRET_KEY")]
    Another,
    /// The servers have not been started with the new secret yet.
    #[error("the data is still written under the secret in SECRET_KEY_PREVIOUS")]
    Previous,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The use case.
pub struct SecretProof {
    store: Arc<dyn FingerprintStore>,
    own: Digest,
    previous: Option<Digest>,
    ambient: Ambient,
}

impl SecretProof {
    /// A use case over these parts. `previous` is the secret that this one replaces, if any.
    pub fn new(
        store: Arc<dyn FingerprintStore>,
        secret: &SecretKey,
        previous: Option<&SecretKey>,
        ambient: Ambient,
    ) -> Self {
        let (own, previous) = (secret.fingerprint(), previous.map(SecretKey::fingerprint));
        Self { store, own, previous, ambient }
    }

    /// How the data stands to this secret, if it is one that the data knows.
    pub fn state(&self) -> Result<SecretState, SecretError> {
        self.known().map(|(state, _)| state)
    }

    /// Makes this secret the one that the data is written under if there was none.
    pub fn claim(&self, origin: &Origin) -> Result<(), SecretError> {
        match self.known()? {
            (SecretState::Previous, _) => Err(SecretError::Previous),
            (_, known) => self.become_own(known, origin),
        }
    }

    /// Makes this secret the one that the data is written under if there was none or the one before
    /// it. For servers alone: what runs beside servers of another secret must not.
    pub fn take_over(&self, origin: &Origin) -> Result<(), SecretError> {
        let (_, known) = self.known()?;
        self.become_own(known, origin)
    }

    /// Makes this secret the one that the data is written under, whatever was before: for an operator
    /// who has lost that one.
    pub fn accept(&self, origin: &Origin) -> Result<(), SecretError> {
        let known = self.store.fingerprint()?;
        self.become_own(known, origin)
    }

    fn known(&self) -> Result<(SecretState, Option<Digest>), SecretError> {
        let known = self.store.fingerprint()?;
        let state = match known {
            None => SecretState::Unclaimed,
            Some(known) if known == self.own => SecretState::Own,
            Some(_) if known == self.previous => SecretState::Previous,
            Some(_) => return Err(SecretError::Another),
        };
        Ok((state, known))
    }

    fn become_own(&self, known: Option<Digest>, origin: &Origin) -> Result<(), SecretError> {
        if known == Some(self.own) {
            return Ok(());
        }
        let (kind, now) = (EventKind::SecretKeyChanged, self.ambient.now());
        let event = SecurityEvent::new(kind, Outcome::Success, origin, now, &*self.ambient.random)
            .by(Actor::Operator);
        if self.store.replace_fingerprint(known.as_ref(), &self.own, now, &event.into())? {
            return Ok(());
        }
        // Somebody was first: with the same secret, or with another.
        if self.store.fingerprint()? == Some(self.own) { Ok(()) } else { Err(SecretError::Another) }
    }
}
