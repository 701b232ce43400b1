//! Unlock by the operator or an administrator: resets the failure counters of an account, which ends a lockout at its
//! ceiling, and lifts the block after a disavowal. A session at its own ceiling needs no operator: a new
//! sign-in opens another.

use std::sync::Arc;

use portcullis_audit::{Actor, Details, EventKind, Origin, Outcome};
use portcullis_domain::{Account, AccountId, Ambient};
use portcullis_token::Digest;

use crate::StoreError;
use crate::effects::{Effects, EffectsOf, event_now};
use crate::identity::account_change::{AccountChanges, ChangeError};
use crate::identity::account_directory::{AccountDetails, AccountDirectoryStore};
use crate::principal::Principal;
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
        let counters = self.counters.of_account(account, found.epoch);
        self.store.unlock(account, &counters, &|unlocked| match unlocked {
            Some((before, after)) => {
                event.clone().with(Details::of_account(Some(before), after)).into()
            }
            None => Effects::default(),
        })?;
        Ok(true)
    }
}

/// Shows and ends lockouts of accounts, for administrators.
pub struct Lockouts {
    store: Arc<dyn AccountDirectoryStore>,
    changes: AccountChanges,
    counters: FailureCounters,
    ambient: Ambient,
}

impl Lockouts {
    /// Creates the use case from its dependencies.
    pub const fn new(
        store: Arc<dyn AccountDirectoryStore>,
        changes: AccountChanges,
        counters: FailureCounters,
        ambient: Ambient,
    ) -> Self {
        Self { store, changes, counters, ambient }
    }

    /// The account with its failures and the end of its wait. The reading is recorded.
    ///
    /// # Errors
    ///
    /// [`ChangeError::Unknown`] if there is no such account, or if storage fails.
    pub fn read(
        &self,
        principal: &Principal,
        account: AccountId,
    ) -> Result<AccountDetails, ChangeError> {
        let counters = self.counters_of(account)?;
        let (kind, outcome) = (EventKind::AccountRead, Outcome::Success);
        let event = event_now(kind, outcome, &principal.origin, &self.ambient)
            .about(account)
            .by(principal.actor);
        let found = self.store.account_details(account, &counters, &event.into())?;
        found.ok_or(ChangeError::Unknown)
    }

    /// Resets the counters of the account, for strangers, known devices and codes, and lifts its block, by
    /// the rules of account changes.
    ///
    /// # Errors
    ///
    /// If there is no such account, a rule refuses it, or storage fails.
    pub fn unlock(&self, principal: &Principal, account: AccountId) -> Result<(), ChangeError> {
        self.changes.unlock(principal, account, &self.counters_of(account)?)
    }

    fn counters_of(&self, account: AccountId) -> Result<[Digest; 3], ChangeError> {
        let found = self.store.credentials_of(account)?.ok_or(ChangeError::Unknown)?;
        Ok(self.counters.of_account(account, found.epoch))
    }
}
