//! Second factors: the answer of a person, its proof, and the policy that requires factors.
//!
//! An answer is verified inside the transaction that accepts it, after the lock on its account. So all
//! attempts at one account are sequential, on any node, and an attempt that comes after the limit is
//! not evaluated. The time is that of the database.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use portcullis_audit::{EventKind, Outcome, SecurityEvent};
use portcullis_domain::{
    AccountId, AuthenticationMethod, ExposeSecret, Factor, Role, SecretString, SecureRandom,
    Timestamp,
};
use portcullis_mfa::passkey::{AssertionResponse, UserVerification};
use portcullis_mfa::{BackupCode, SeedKey, TotpStep};
use portcullis_password::{HashingError, HashingPool, Password};

pub use self::backup_code::{BackupCodeProof, BackupCodeSeal};
pub use self::passkey::{
    PasskeyChallenge, PasskeyProof, PasskeyVerifier, SealedPasskey, StoredChallenge,
};
pub(crate) use self::passkey::{claimed, digest, key_methods, user_handle};
pub(crate) use self::reseal::reseal_all;
use crate::StoreError;
use crate::effects::{Effects, Message, Recipient};
use crate::node::mail::Mail;

mod backup_code;
mod passkey;
mod reseal;

/// The port of backup codes, for their verification.
pub trait BackupCodeStore: Send + Sync {
    /// The sealed set of backup codes of the account, if it has one.
    fn backup_codes(&self, account: AccountId) -> Result<Option<Vec<u8>>, StoreError>;
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

/// An answer with a second factor.
#[derive(Clone, Debug)]
pub enum FactorAnswer {
    /// A code as typed: of an authenticator app, or a backup code.
    Code(SecretString),
    /// The assertion of a passkey.
    Passkey(Arc<AssertionResponse>),
}

impl FactorAnswer {
    /// The kind of the factor. A code of no known form counts as one of an authenticator app.
    pub fn factor(&self) -> Factor {
        match self {
            Self::Code(typed) => match BackupCode::parse(typed.expose_secret()) {
                Ok(_) => Factor::BackupCodes,
                Err(_) => Factor::Totp,
            },
            Self::Passkey(_) => Factor::Passkey,
        }
    }
}

/// A proof of a second factor. The transaction that accepts it verifies it.
#[derive(Clone, Debug)]
pub enum FactorProof {
    /// A code of an authenticator app.
    Totp(TotpProof),
    /// The hash of a typed backup code.
    BackupCode(BackupCodeProof),
    /// The assertion of a passkey.
    Passkey(PasskeyProof),
}

impl FactorProof {
    /// The kind of the factor.
    pub const fn factor(&self) -> Factor {
        match self {
            Self::Totp(_) => Factor::Totp,
            Self::BackupCode(_) => Factor::BackupCodes,
            Self::Passkey(_) => Factor::Passkey,
        }
    }

    pub(crate) fn methods(&self) -> Vec<AuthenticationMethod> {
        match self {
            Self::Totp(_) | Self::BackupCode(_) => vec![AuthenticationMethod::OneTimePassword],
            Self::Passkey(proof) => proof.methods().to_vec(),
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
    /// app or a passkey, and for each use of a backup code.
    pub is_notable: bool,
    /// True if the signature counter of a passkey has gone back: it may have been copied.
    pub has_counter_gone_back: bool,
}

impl FactorUse {
    /// The effects of the use beside those of `cause`, the event of the sign-in or the step-up.
    pub(crate) fn effects(self, cause: &SecurityEvent, random: &dyn SecureRandom) -> Effects {
        let address = cause.origin.address;
        let notice = |event: &SecurityEvent, mail| {
            let holder = event.subject.map(Recipient::Holder);
            holder.map(|holder| Message::about(event, holder, mail, random))
        };
        let mut effects = Effects::default();
        if self.is_notable {
            let mail = Mail::FactorUsed { address, factor: self.factor };
            effects.messages.extend(notice(cause, mail));
        }
        if self.has_counter_gone_back {
            let (kind, outcome) = (EventKind::PasskeyCounterWentBack, Outcome::Success);
            let event = SecurityEvent::new(kind, outcome, &cause.origin, cause.at, random);
            let event = SecurityEvent { subject: cause.subject, session: cause.session, ..event };
            effects.messages.extend(notice(&event, Mail::PasskeyCounterWentBack { address }));
            effects.events.push(event);
        }
        effects
    }
}

/// Turns answers into proofs.
#[derive(Clone)]
pub struct FactorProver {
    store: Arc<dyn BackupCodeStore>,
    hashing: Arc<HashingPool>,
    key: Arc<SeedKey>,
    seal: BackupCodeSeal,
    passkeys: Arc<PasskeyVerifier>,
}

/// The reason why an answer could not be turned into a proof.
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
    /// Creates a prover. `key` seals seeds, and `seal` backup codes.
    pub fn new(
        store: Arc<dyn BackupCodeStore>,
        hashing: Arc<HashingPool>,
        key: Arc<SeedKey>,
        seal: BackupCodeSeal,
        passkeys: Arc<PasskeyVerifier>,
    ) -> Self {
        Self { store, hashing, key, seal, passkeys }
    }

    /// The proof of an answer. A backup code costs one hash, whichever of the codes it is, or none. A passkey
    /// must have signed the challenge that `challenge` returns.
    pub(crate) fn prove(
        &self,
        address: IpAddr,
        account: AccountId,
        answer: FactorAnswer,
        verification: UserVerification,
        challenge: impl FnOnce(&AssertionResponse) -> PasskeyChallenge,
    ) -> Result<FactorProof, ProverError> {
        let typed = match answer {
            FactorAnswer::Code(typed) => typed,
            FactorAnswer::Passkey(response) => {
                let challenge = challenge(&response);
                let proof = self.passkeys.proof(response, challenge, verification);
                return Ok(FactorProof::Passkey(proof));
            }
        };
        let Ok(code) = BackupCode::parse(typed.expose_secret()) else {
            return Ok(FactorProof::Totp(TotpProof::new(typed, self.key.clone())));
        };
        let sealed = self.store.backup_codes(account)?;
        let set = sealed.map(|sealed| self.seal.open(account, &sealed)).unwrap_or_default();
        let hasher = self.hashing.hasher();
        // All hashes of a set have the same salt and cost.
        let other = set.into_iter().next().unwrap_or_else(|| hasher.decoy(hasher.cost()));
        let hash = self.hashing.hash_like(address, code_text(&code)?, other)?;
        Ok(FactorProof::BackupCode(self.seal.proof(hash)))
    }
}

/// The text of a backup code, to be hashed.
pub(crate) fn code_text(code: &BackupCode) -> Result<Password, HashingError> {
    Password::parse(code.expose())
        .map_err(|_| HashingError::Hash(portcullis_password::HashError::Malformed))
}
