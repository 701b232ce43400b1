//! Someone creates an account for themselves.

use std::sync::Arc;

use portcullis_audit::{EventKind, SecurityEvent};
use portcullis_domain::Account;
use portcullis_password::PasswordHash;

use crate::StoreError;
use crate::candidate::{
    Candidate, CandidateRequest, Candidates, NameRules, RegistrationError, RegistrationMode,
};
use crate::matrix::ActiveMatrix;

/// What creating an account needs from storage.
pub trait RegistrationStore: Send + Sync {
    /// Creates the account unless its name, a look-alike of it or its email is taken.
    fn create(
        &self,
        account: &Account,
        password_hash: Option<&PasswordHash>,
        event: &SecurityEvent,
    ) -> Result<Creation, StoreError>;
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
}

impl From<Creation> for Result<(), RegistrationError> {
    fn from(creation: Creation) -> Self {
        match creation {
            Creation::Done => Ok(()),
            Creation::UsernameTaken => Err(RegistrationError::UsernameTaken),
            Creation::EmailTaken => Err(RegistrationError::EmailTaken),
        }
    }
}

/// The use case: somebody registers.
pub struct Registration {
    store: Arc<dyn RegistrationStore>,
    candidates: Arc<Candidates>,
    matrix: Arc<ActiveMatrix>,
}

impl Registration {
    /// A use case over these parts.
    pub fn new(
        store: Arc<dyn RegistrationStore>,
        candidates: Arc<Candidates>,
        matrix: Arc<ActiveMatrix>,
    ) -> Self {
        Self { store, candidates, matrix }
    }

    /// Creates an account with the self-registration role, where registration is open.
    pub fn register(&self, request: &CandidateRequest) -> Result<Account, RegistrationError> {
        let rules = self.candidates.rules();
        if rules.mode != RegistrationMode::Open {
            return Err(RegistrationError::NotOpen);
        }
        let role = self.matrix.load().self_registration_role.clone();
        let Candidate { account, password_hash } =
            self.candidates.admit(request, role, NameRules::Strict)?;
        let event = self.candidates.event(EventKind::Registration, &account, &request.origin);
        Result::from(self.store.create(&account, Some(&password_hash), &event)?)?;
        Ok(account)
    }
}
