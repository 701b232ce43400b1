//! Backup codes of an account: generate a set, and the state of its second factors.
//!
//! A set has ten codes, which are shown once. All hashes of a set have one salt, so that one
//! computation finds the typed code, in the same time whichever it is. They are stored sealed. A new
//! set replaces the earlier one.

use std::sync::Arc;

use portcullis_audit::{Details, EventKind, Outcome, SecurityEvent};
use portcullis_domain::{AccountId, Ambient, Factor};
use portcullis_mfa::BackupCode;
use portcullis_password::HashingPool;

use crate::StoreError;
use crate::effects::{Effects, EffectsOf, event_now};
use crate::node::mail::Mail;
use crate::sign_in::factor::{BackupCodeSeal, code_text, reseal_all};
use crate::sign_in::passkey::PasskeyRecord;
use crate::sign_in::reauthentication::{
    Reauthenticated, Reauthentication, ReauthenticationRequest,
};
use crate::sign_in::totp::{FactorChange, FactorError, TotpState};

/// The port of the sets of backup codes.
pub trait BackupCodeSetStore: Send + Sync {
    /// Replaces the backup codes of the account, if the password is still valid and the account has
    /// a second factor.
    fn replace_backup_codes(&self, set: &NewBackupCodes<'_>) -> Result<FactorChange, StoreError>;

    /// The second factors of the account.
    fn factors(&self, account: AccountId) -> Result<Factors, StoreError>;

    /// The sealed sets of all accounts after this one, at most `limit`, by account.
    fn sealed_backup_codes(
        &self,
        after: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<(AccountId, Vec<u8>)>, StoreError>;

    /// Replaces a sealed set, unless it has changed meanwhile.
    fn reseal_backup_codes(
        &self,
        account: AccountId,
        before: &[u8],
        after: &[u8],
    ) -> Result<(), StoreError>;
}

/// A set of backup codes about to be stored.
pub struct NewBackupCodes<'a> {
    /// The verified password.
    pub reauthenticated: &'a Reauthenticated,
    /// The sealed hashes.
    pub sealed: &'a [u8],
    /// The effects to record.
    pub effects: EffectsOf<'a, FactorChange>,
}

/// The second factors of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Factors {
    /// Its authenticator app.
    pub totp: Option<TotpState>,
    /// Its passkeys, the oldest first.
    pub passkeys: Vec<PasskeyRecord>,
    /// The number of its unused backup codes.
    pub backup_codes_left: u32,
}

/// Generates backup codes, and lists the factors of an account.
pub struct BackupCodes {
    store: Arc<dyn BackupCodeSetStore>,
    reauthentication: Reauthentication,
    hashing: Arc<HashingPool>,
    seal: BackupCodeSeal,
    ambient: Ambient,
}

impl BackupCodes {
    /// Creates the use case from its dependencies.
    pub fn new(
        store: Arc<dyn BackupCodeSetStore>,
        reauthentication: Reauthentication,
        hashing: Arc<HashingPool>,
        seal: BackupCodeSeal,
        ambient: Ambient,
    ) -> Self {
        Self { store, reauthentication, hashing, seal, ambient }
    }

    /// The second factors of the account.
    pub fn factors(&self, account: AccountId) -> Result<Factors, StoreError> {
        self.store.factors(account)
    }

    /// Replaces the backup codes of the account.
    pub fn generate(
        &self,
        request: &ReauthenticationRequest,
    ) -> Result<Vec<BackupCode>, FactorError> {
        let (kind, factor) = (EventKind::FactorAdded, Factor::BackupCodes);
        let reauthenticated =
            self.reauthentication.verify(request, kind, &Details::of_factor(factor))?;
        let random = &*self.ambient.random;
        let codes: Vec<_> = (0..BackupCode::COUNT).map(|_| BackupCode::generate(random)).collect();
        let texts = codes.iter().map(code_text).collect::<Result<_, _>>()?;
        let hashes = self.hashing.hash_set(request.origin.address, texts, random)?;
        let event = event_now(kind, Outcome::Success, &request.origin, &self.ambient)
            .about(request.account)
            .in_session(request.session)
            .with(Details::of_factor(factor));
        let effects = |change: &FactorChange| {
            let event = SecurityEvent { outcome: change.outcome(), ..event.clone() };
            if *change != FactorChange::Done {
                return event.into();
            }
            let mail = Mail::FactorAdded { address: event.origin.address, factor };
            Effects::with_mail(event, request.account, mail, random)
        };
        let replaced = self.store.replace_backup_codes(&NewBackupCodes {
            reauthenticated: &reauthenticated,
            sealed: &self.seal.seal(request.account, &hashes, random),
            effects: &effects,
        })?;
        replaced.into_result()?;
        Ok(codes)
    }

    /// Seals the sets of the previous secret key again under the present one.
    pub fn reseal(&self) -> Result<(), StoreError> {
        let random = &*self.ambient.random;
        reseal_all(
            |after, limit| self.store.sealed_backup_codes(after, limit),
            |account, sealed| self.seal.reseal(account, sealed, random),
            |account, sealed, again| self.store.reseal_backup_codes(account, sealed, again),
        )
    }
}
