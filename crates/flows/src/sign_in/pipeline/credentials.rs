//! The stored credentials of an account: its password hash, or the reason why it has none.

use portcullis_audit::Outcome;
use portcullis_domain::{Account, FactorEpoch, PasswordEpoch};
use portcullis_password::{HashError, PasswordHash};

use crate::sign_in::device::DeviceEpochs;

/// An account with its stored credentials.
#[derive(Clone, Debug)]
pub struct StoredCredentials {
    /// The account as stored.
    pub account: Account,
    /// Its stored password.
    pub password: StoredPassword,
    /// The epoch of the password, read together with the hash.
    pub epoch: PasswordEpoch,
    /// The epoch of its second factors.
    pub factor_epoch: FactorEpoch,
    /// True if a list of breached passwords has answered for this password.
    pub is_reviewed: bool,
}

impl StoredCredentials {
    /// The epochs for the devices of the account.
    pub(crate) const fn device_epochs(&self) -> DeviceEpochs {
        DeviceEpochs { password: self.epoch, factors: self.factor_epoch }
    }

    /// The hash to verify a password with, or the outcome to record for a sign-in without one.
    pub(crate) fn password_hash(&self) -> Result<&PasswordHash, Outcome> {
        match &self.password {
            StoredPassword::Hash(hash) => Ok(hash),
            StoredPassword::None => Err(Outcome::WrongPassword),
            StoredPassword::Damaged(error) => {
                tracing::error!(
                    account = %self.account.id, %error, "a stored password hash is damaged"
                );
                Err(Outcome::DamagedHash)
            }
        }
    }
}

/// A stored password.
#[derive(Clone, Debug)]
pub enum StoredPassword {
    /// A hash.
    Hash(PasswordHash),
    /// The account has no password.
    None,
    /// The stored text is no hash, or none that may be verified. No password matches it.
    Damaged(HashError),
}
