//! Someone creates an account for themselves.

use std::sync::Arc;

use portcullis_audit::EventKind;
use portcullis_domain::Account;
use portcullis_password::PasswordHash;

use crate::StoreError;
use crate::access::matrix::ActiveMatrix;
use crate::effects::Effects;
use crate::identity::account_request::{
    AccountChecker, AccountRequest, CheckedAccount, NameRules, RegistrationError, RegistrationMode,
};

/// What creating an account needs from storage.
pub trait RegistrationStore: Send + Sync {
    /// Creates the account unless its name, a look-alike of it or its email is taken, or another
    /// matrix is in force by then.
    fn create(&self, new: &NewAccount<'_>) -> Result<Creation, StoreError>;
}

/// An account about to be created.
#[derive(Clone, Copy, Debug)]
pub struct NewAccount<'a> {
    /// The account.
    pub account: &'a Account,
    /// The hash of its password, if it has one.
    pub password_hash: Option<&'a PasswordHash>,
    /// The activation of the matrix that its role is from. Under another one nobody might be able to
    /// decide about the account, for want of the role.
    pub revision: u64,
    /// What is recorded if it is created.
    pub effects: &'a Effects,
}

/// Whether an account could be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creation {
    /// It was.
    Done,
    /// Another account has that name, or one that looks like it.
    UsernameTaken,
    /// Another account has that email.
    EmailTaken,
    /// Another matrix has come into force; nothing was looked at.
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

/// The use case: somebody registers.
pub struct Registration {
    store: Arc<dyn RegistrationStore>,
    candidates: Arc<AccountChecker>,
    matrix: Arc<ActiveMatrix>,
}

impl Registration {
    /// A use case over these parts.
    pub fn new(
        store: Arc<dyn RegistrationStore>,
        candidates: Arc<AccountChecker>,
        matrix: Arc<ActiveMatrix>,
    ) -> Self {
        Self { store, candidates, matrix }
    }

    /// Creates an account with the self-registration role, where registration is open.
    pub fn register(&self, request: &AccountRequest) -> Result<Account, RegistrationError> {
        let rules = self.candidates.rules();
        if rules.mode != RegistrationMode::Open {
            return Err(RegistrationError::NotOpen);
        }
        let matrix = self.matrix.load();
        let role = matrix.self_registration_role.clone();
        let CheckedAccount { account, password_hash } =
            self.candidates.admit(request, role, NameRules::Strict)?;
        let event = self.candidates.event(EventKind::Registration, &account, &request.origin);
        let creation = self.store.create(&NewAccount {
            account: &account,
            password_hash: Some(&password_hash),
            revision: matrix.revision,
            effects: &event.into(),
        })?;
        Result::from(creation)?;
        Ok(account)
    }
}
