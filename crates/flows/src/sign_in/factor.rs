//! Second factors: the typed code, its proof, the policy that requires them, and their state.
//!
//! A code is verified inside the transaction that accepts it, after the lock on its account. So all
//! attempts at one account are sequential, on any node, and an attempt that comes after the limit is
//! not evaluated. The time is that of the database.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use portcullis_domain::{
    AccountId, AuthenticationMethod, ExposeSecret, Factor, Role, SecretString, Timestamp,
};
use portcullis_mfa::{BackupCode, SeedKey, TotpStep};
use portcullis_password::{HashingError, HashingPool, Password, PasswordHash};

use crate::StoreError;
use crate::node::mail::Mail;

/// The port of backup codes, for their verification.
pub trait BackupCodeStore: Send + Sync {
    /// The hash of one backup code of the account, used or not: all have the same salt and cost.
    fn backup_code_hash(&self, account: AccountId) -> Result<Option<PasswordHash>, StoreError>;
}

/// The accounts that must have a second factor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FactorPolicy {
    /// Every account.
    pub everybody: bool,
    /// The accounts with the most senior role of the active matrix.
    pub administrators: bool,
    /// The accounts with one of these roles.
    pub roles: BTreeSet<Role>,
}

impl FactorPolicy {
    /// True if an account of this role must have a second factor.
    pub fn requires(&self, role: &Role, most_senior: &Role) -> bool {
        self.everybody || (self.administrators && role == most_senior) || self.roles.contains(role)
    }
}

/// A code of a second factor, as typed.
#[derive(Debug)]
pub enum FactorCode {
    /// A code of an authenticator app, or a text of no known form.
    Totp(SecretString),
    /// A backup code.
    BackupCode(BackupCode),
}

impl FactorCode {
    /// Recognises the factor of a code by its form.
    pub fn parse(typed: &SecretString) -> Self {
        match BackupCode::parse(typed.expose_secret()) {
            Ok(code) => Self::BackupCode(code),
            Err(_) => Self::Totp(typed.clone()),
        }
    }

    /// The kind of the factor.
    pub const fn factor(&self) -> Factor {
        match self {
            Self::Totp(_) => Factor::Totp,
            Self::BackupCode(_) => Factor::BackupCodes,
        }
    }
}

/// A proof of a second factor. The transaction that accepts it verifies it.
#[derive(Clone, Debug)]
pub enum FactorProof {
    /// A code of an authenticator app.
    Totp(TotpProof),
    /// The hash of a typed backup code.
    BackupCode(PasswordHash),
}

impl FactorProof {
    /// The kind of the factor.
    pub const fn factor(&self) -> Factor {
        match self {
            Self::Totp(_) => Factor::Totp,
            Self::BackupCode(_) => Factor::BackupCodes,
        }
    }

    pub(crate) const fn method(&self) -> AuthenticationMethod {
        match self {
            Self::Totp(_) | Self::BackupCode(_) => AuthenticationMethod::OneTimePassword,
        }
    }
}

/// A typed code of an authenticator app, with the key that opens stored seeds.
#[derive(Clone)]
pub struct TotpProof {
    code: SecretString,
    key: Arc<SeedKey>,
}

/// A stored seed, sealed, with the last accepted step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTotp {
    /// The sealed seed.
    pub sealed: Vec<u8>,
    /// The last accepted step; `None` before the first.
    pub last_step: Option<TotpStep>,
}

impl TotpProof {
    pub(crate) const fn new(code: SecretString, key: Arc<SeedKey>) -> Self {
        Self { code, key }
    }

    /// The step that the code belongs to, if the code is right at this time and the step is later
    /// than the last accepted one.
    pub fn verify(
        &self,
        account: AccountId,
        stored: &StoredTotp,
        now: Timestamp,
    ) -> Option<TotpStep> {
        match self.key.open(&stored.sealed, &seed_label(account)) {
            Ok((seed, _)) => seed.verify(self.code.expose_secret(), now, stored.last_step),
            Err(error) => {
                tracing::error!(%account, %error, "a stored TOTP seed is damaged");
                None
            }
        }
    }
}

impl fmt::Debug for TotpProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpProof([REDACTED])")
    }
}

/// The label under which the seed of an account is sealed.
pub(crate) fn seed_label(account: AccountId) -> String {
    format!("totp {account}")
}

/// The use of a factor in an accepted proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FactorUse {
    /// The kind of the factor.
    pub factor: Factor,
    /// True if the holder of the account must be informed: for the first use of an authenticator
    /// app, and for each use of a backup code.
    pub is_notable: bool,
}

impl FactorUse {
    /// The notice to the holder of the account, if one is due.
    pub(crate) fn mail(self, address: IpAddr) -> Option<Mail> {
        self.is_notable.then_some(Mail::FactorUsed { address, factor: self.factor })
    }
}

/// Turns typed codes into proofs.
#[derive(Clone)]
pub struct FactorProver {
    store: Arc<dyn BackupCodeStore>,
    hashing: Arc<HashingPool>,
    key: Arc<SeedKey>,
}

/// The reason why a typed code could not be turned into a proof.
#[derive(Debug, thiserror::Error)]
pub enum ProverError {
    /// The code could not be hashed now.
    #[error(transparent)]
    Hashing(#[from] HashingError),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl FactorProver {
    /// Creates a prover. Seeds are sealed under `key`.
    pub fn new(
        store: Arc<dyn BackupCodeStore>,
        hashing: Arc<HashingPool>,
        key: Arc<SeedKey>,
    ) -> Self {
        Self { store, hashing, key }
    }

    /// The proof of a code. A backup code costs one hash, whichever of the codes it is, or none.
    pub(crate) fn prove(
        &self,
        address: IpAddr,
        account: AccountId,
        code: FactorCode,
    ) -> Result<FactorProof, ProverError> {
        let code = match code {
            FactorCode::Totp(code) => {
                return Ok(FactorProof::Totp(TotpProof::new(code, self.key.clone())));
            }
            FactorCode::BackupCode(code) => code,
        };
        let stored = self.store.backup_code_hash(account)?;
        let hasher = self.hashing.hasher();
        let other = stored.unwrap_or_else(|| hasher.decoy(hasher.cost()));
        let hash = self.hashing.hash_like(address, code_text(&code)?, other)?;
        Ok(FactorProof::BackupCode(hash))
    }
}

/// The text of a backup code, to be hashed.
pub(crate) fn code_text(code: &BackupCode) -> Result<Password, HashingError> {
    Password::parse(code.expose())
        .map_err(|_| HashingError::Hash(portcullis_password::HashError::Malformed))
}
