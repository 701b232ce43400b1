//! An operator makes the failures of an account forgotten: the way out of a lockout that has reached
//! its ceiling. A session that has reached its own needs no operator: signing in again opens another.

use std::sync::Arc;

use portcullis_audit::{Actor, EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::Ambient;
use portcullis_token::Digest;

use crate::StoreError;
use crate::effects::Effects;
use crate::sign_in::lockout::FailureCounters;
use crate::sign_in::{Identifier, SignInStore};

/// What unlocking needs from storage, besides what signing in does.
pub trait UnlockStore: SignInStore {
    /// Opens these counters and records it.
    fn unlock(&self, counters: &[Digest], effects: &Effects) -> Result<(), StoreError>;
}

/// The use case.
pub struct Unlock {
    store: Arc<dyn UnlockStore>,
    counters: FailureCounters,
    ambient: Ambient,
}

impl Unlock {
    /// A use case over these parts.
    pub fn new(store: Arc<dyn UnlockStore>, counters: FailureCounters, ambient: Ambient) -> Self {
        Self { store, counters, ambient }
    }

    /// Opens the account of that name, for strangers and known devices alike; answers whether there
    /// is one.
    pub fn unlock(&self, name: &str, origin: &Origin) -> Result<bool, StoreError> {
        let Some(found) = self.store.credentials(&Identifier::parse(name))? else {
            return Ok(false);
        };
        let (account, now) = (found.account.id, self.ambient.now());
        let (kind, outcome) = (EventKind::Unlock, Outcome::Success);
        let event = SecurityEvent::new(kind, outcome, origin, now, &*self.ambient.random)
            .about(account)
            .by(Actor::Operator);
        let counters = [
            self.counters.of_strangers(account),
            self.counters.of_known_devices(account, found.epoch),
        ];
        self.store.unlock(&counters, &event.into())?;
        Ok(true)
    }
}
