//! Self-registration: a person creates an account.

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

/// Registers accounts.
pub struct Registration {
    store: Arc<dyn RegistrationStore>,
    candidates: Arc<AccountChecker>,
    matrix: Arc<ActiveMatrix>,
}

impl Registration {
    /// Creates the use case from its dependencies.
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
