//! Unlock by the operator: resets the failure counters of an account, which ends a lockout at its
//! ceiling, and lifts the block after a disavowal. A session at its own ceiling needs no operator: a new
//! sign-in opens another.

use std::sync::Arc;

use portcullis_audit::{Actor, Details, EventKind, Origin, Outcome};
use portcullis_domain::{Account, AccountId, Ambient};
use portcullis_token::Digest;

use crate::StoreError;
use crate::effects::{Effects, EffectsOf, event_now};
use crate::sign_in::lockout::FailureCounters;
use crate::sign_in::{Identifier, SignInStore};

/// The port of unlocking, in addition to that of sign-in.
pub trait UnlockStore: SignInStore {
    /// Resets these counters and lifts the block of the account. The effects depend on the account
    /// before and after it; nothing happens if it is gone.
    fn unlock(
        &self,
        account: AccountId,
        counters: &[Digest],
        effects: EffectsOf<'_, Option<(Account, Account)>>,
    ) -> Result<(), StoreError>;
}

/// Resets the failure counters of an account.
pub struct Unlock {
    store: Arc<dyn UnlockStore>,
    counters: FailureCounters,
    ambient: Ambient,
}

impl Unlock {
    /// Creates the use case from its dependencies.
    pub fn new(store: Arc<dyn UnlockStore>, counters: FailureCounters, ambient: Ambient) -> Self {
        Self { store, counters, ambient }
    }

    /// Resets the counters of the account of that name, for strangers, known devices and codes; returns
    /// whether the account exists.
    pub fn unlock(&self, name: &str, origin: &Origin) -> Result<bool, StoreError> {
        let Some(found) = self.store.credentials(&Identifier::parse(name))? else {
            return Ok(false);
        };
        let account = found.account.id;
        let (kind, outcome) = (EventKind::Unlock, Outcome::Success);
        let event =
            event_now(kind, outcome, origin, &self.ambient).about(account).by(Actor::Operator);
        let counters = [
            self.counters.of_strangers(account),
            self.counters.of_known_devices(account, found.epoch),
            self.counters.of_factors(account),
        ];
        self.store.unlock(account, &counters, &|unlocked| match unlocked {
            Some((before, after)) => {
                event.clone().with(Details::of_account(Some(before), after)).into()
            }
            None => Effects::default(),
        })?;
        Ok(true)
    }
}
