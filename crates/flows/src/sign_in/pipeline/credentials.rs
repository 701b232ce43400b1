use portcullis_audit::Outcome;
use portcullis_domain::{Account, PasswordEpoch};
use portcullis_password::{HashError, PasswordHash};

/// An account and what proves it.
#[derive(Clone, Debug)]
pub struct StoredCredentials {
    /// The account as stored.
    pub account: Account,
    /// What its password is checked against.
    pub password: StoredPassword,
    /// Which password of the account that is, read together with the hash.
    pub epoch: PasswordEpoch,
}

impl StoredCredentials {
    /// The hash to check a password against, or how a sign-in is recorded that has none.
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

/// What a password is checked against.
#[derive(Clone, Debug)]
pub enum StoredPassword {
    /// A hash.
    Hash(PasswordHash),
    /// Nothing: the account has no password.
    None,
    /// A text that is no hash, or none that may be verified. No password matches it.
    Damaged(HashError),
}
