//! Creation of accounts: the port that every way to create an account uses.

use portcullis_domain::Account;
use portcullis_password::PasswordHash;

use crate::StoreError;
use crate::effects::Effects;
use crate::identity::account_request::RegistrationError;

/// The port of account creation.
pub trait RegistrationStore: Send + Sync {
    /// Creates the account unless its name, a look-alike of it or its email is taken, or another
    /// matrix was activated meanwhile.
    fn create(&self, new: &NewAccount<'_>) -> Result<Creation, StoreError>;
}

/// An account about to be created.
#[derive(Clone, Copy, Debug)]
pub struct NewAccount<'a> {
    /// The account.
    pub account: &'a Account,
    /// The hash of its password, if it has one.
    pub password_hash: Option<&'a PasswordHash>,
    /// The activation of the matrix of its role. Under another matrix the role could be missing,
    /// and then few principals could change the account.
    pub revision: u64,
    /// True if a server that requires a verified address refuses sign-ins to the account until its
    /// address is verified. An operator vouches for the addresses of other accounts.
    pub must_verify_email: bool,
    /// The effects to record if it is created.
    pub effects: &'a Effects,
}

/// The result of creating an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creation {
    /// Created.
    Done,
    /// Another account has that name, or one that looks like it.
    UsernameTaken,
    /// Another account has that email.
    EmailTaken,
    /// Another matrix was activated; nothing was checked.
    Superseded,
}

impl From<Creation> for Result<(), RegistrationError> {
    fn from(creation: Creation) -> Self {
        match creation {
            Creation::Done => Ok(()),
            Creation::UsernameTaken => Err(RegistrationError::UsernameTaken),
            Creation::EmailTaken => Err(RegistrationError::EmailTaken),
            Creation::Superseded => Err(RegistrationError::Superseded),
        }
    }
}
