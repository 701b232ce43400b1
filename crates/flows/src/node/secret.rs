//! Secret fingerprint: proves that a program has the secret key under which the data was written.
//!
//! With another secret everything would seem to work: accounts are created, keys are made, events
//! are sealed. But no server accepts any of it, and the audit log reports it as forged permanently. So
//! each program proves its secret before it writes.

use std::sync::Arc;

use portcullis_audit::{Actor, EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{Ambient, Timestamp};
use portcullis_token::{Digest, SecretKey};

use crate::StoreError;
use crate::effects::Effects;

/// The port of the secret fingerprint.
pub trait FingerprintStore: Send + Sync {
    /// The fingerprint of the secret of the data; `None` before the first.
    fn fingerprint(&self) -> Result<Option<Digest>, StoreError>;

    /// Replaces the fingerprint if it is still `before`; returns whether it was. Then the effects
    /// are recorded, unless this is the first fingerprint.
    fn replace_fingerprint(
        &self,
        before: Option<&Digest>,
        after: &Digest,
        at: Timestamp,
        effects: &Effects,
    ) -> Result<bool, StoreError>;
}

/// The relation of the data to the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretState {
    /// The data has no secret yet.
    Unclaimed,
    /// The data was written under this secret.
    Own,
    /// The data was written under the secret that this one replaces.
    Previous,
}

/// The reason why the secret is not proven.
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

/// Proves the secret and replaces its fingerprint.
pub struct SecretProof {
    store: Arc<dyn FingerprintStore>,
    own: Digest,
    previous: Option<Digest>,
    ambient: Ambient,
}

impl SecretProof {
    /// Creates the use case from its dependencies. `previous` is the secret that this one replaces,
    /// if any.
    pub fn new(
        store: Arc<dyn FingerprintStore>,
        secret: &SecretKey,
        previous: Option<&SecretKey>,
        ambient: Ambient,
    ) -> Self {
        let (own, previous) = (secret.fingerprint(), previous.map(SecretKey::fingerprint));
        Self { store, own, previous, ambient }
    }

    /// The relation of the data to this secret.
    pub fn state(&self) -> Result<SecretState, SecretError> {
        self.known().map(|(state, _)| state)
    }

    /// Stores this secret as that of the data if there was none.
    pub fn claim(&self, origin: &Origin) -> Result<(), SecretError> {
        match self.known()? {
            (SecretState::Previous, _) => Err(SecretError::Previous),
            (_, known) => self.become_own(known, origin),
        }
    }

    /// Stores this secret as that of the data if there was none or the previous one. For servers
    /// only: a command that runs beside servers with another secret must not call it.
    pub fn take_over(&self, origin: &Origin) -> Result<(), SecretError> {
        let (_, known) = self.known()?;
        self.become_own(known, origin)
    }

    /// Stores this secret as that of the data, whatever was stored: for an operator that has lost
    /// the previous one.
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
        // Another program was first: with the same secret, or with another.
        if self.store.fingerprint()? == Some(self.own) { Ok(()) } else { Err(SecretError::Another) }
    }
}
