//! Reset of second factors by the operator: for an account whose owner has lost them, also the last
//! administrator. Its sessions end, and the owner is informed.

use std::sync::Arc;

use portcullis_audit::{Actor, EventKind, Origin, Outcome};
use portcullis_domain::{Account, AccountId, Ambient};

use crate::StoreError;
use crate::effects::{Effects, EffectsOf, event_now};
use crate::node::mail::Mail;
use crate::node::revocation::{Enforcement, Revoked};
use crate::sign_in::backup_code::{BackupCodeSetStore, Factors};
use crate::sign_in::session_tokens::SessionEnd;
use crate::sign_in::{Identifier, SignInStore};

/// The port of the reset, in addition to those of sign-in and of backup codes.
pub trait FactorResetStore: SignInStore + BackupCodeSetStore {
    /// Removes all second factors of the account and ends its sessions.
    fn reset_factors(
        &self,
        account: AccountId,
        ending: SessionEnd,
        effects: EffectsOf<'_, Revoked>,
    ) -> Result<Revoked, StoreError>;
}

/// Shows and removes the second factors of an account.
pub struct FactorReset {
    store: Arc<dyn FactorResetStore>,
    enforcement: Enforcement,
    ambient: Ambient,
}

impl FactorReset {
    /// Creates the use case from its dependencies.
    pub fn new(
        store: Arc<dyn FactorResetStore>,
        enforcement: Enforcement,
        ambient: Ambient,
    ) -> Self {
        Self { store, enforcement, ambient }
    }

    /// The second factors of the account of that name; `None` if there is no such account.
    pub fn factors(&self, name: &str) -> Result<Option<Factors>, StoreError> {
        let Some(account) = self.account(name)? else { return Ok(None) };
        self.store.factors(account.id).map(Some)
    }

    /// Removes all second factors of the account of that name, and returns the number of sessions
    /// that ended; `None` if there is no such account.
    pub fn reset(&self, name: &str, origin: &Origin) -> Result<Option<usize>, StoreError> {
        let Some(account) = self.account(name)? else { return Ok(None) };
        let (kind, outcome) = (EventKind::FactorsReset, Outcome::Success);
        let event =
            event_now(kind, outcome, origin, &self.ambient).about(account.id).by(Actor::Operator);
        let revoked_until = event.at + self.enforcement.revoked_for();
        let ending = SessionEnd { reason: kind, at: event.at, revoked_until };
        let effects = |revoked: &Revoked| {
            let event = event.clone().ending(revoked.session_count());
            if !account.mfa_enabled {
                return event.into();
            }
            Effects::with_mail(event, account.id, Mail::FactorsReset, &*self.ambient.random)
        };
        let revoked = self.store.reset_factors(account.id, ending, &effects)?;
        let ended = revoked.session_count();
        self.enforcement.enforce(revoked);
        Ok(Some(ended))
    }

    fn account(&self, name: &str) -> Result<Option<Account>, StoreError> {
        let found = self.store.credentials(&Identifier::parse(name))?;
        Ok(found.map(|found| found.account))
    }
}
