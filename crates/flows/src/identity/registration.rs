//! Self-registration: a person creates an account, at once or by a mailed link.

use std::sync::Arc;

use portcullis_audit::{EventKind, Origin};
use portcullis_domain::{Account, Ambient};

use crate::access::matrix::ActiveMatrix;
use crate::effects::Effects;
use crate::identity::account_request::{
    AccountChecker, AccountRequest, CheckedAccount, NameRules, RegistrationError,
};
pub use crate::identity::creation::{Creation, NewAccount, RegistrationStore};
use crate::identity::pending_registration::PendingRegistrations;
use crate::node::mail::Mail;

/// The answer to a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationAnswer {
    /// The account is created at once; a taken name or address is an error.
    Immediate,
    /// The account is created when the mailed link is followed. The answer is always the same.
    Verified,
}

/// The result of a registration.
#[derive(Debug)]
pub enum Registered {
    /// The account exists.
    Created(Box<Account>),
    /// The address gets a mail.
    Requested,
}

/// Registers accounts.
pub struct Registration {
    store: Arc<dyn RegistrationStore>,
    candidates: Arc<AccountChecker>,
    matrix: Arc<ActiveMatrix>,
    pending: Arc<PendingRegistrations>,
    answer: RegistrationAnswer,
    ambient: Ambient,
}

impl Registration {
    /// Creates the use case from its dependencies.
    pub fn new(
        store: Arc<dyn RegistrationStore>,
        candidates: Arc<AccountChecker>,
        matrix: Arc<ActiveMatrix>,
        pending: Arc<PendingRegistrations>,
        answer: RegistrationAnswer,
        ambient: Ambient,
    ) -> Self {
        Self { store, candidates, matrix, pending, answer, ambient }
    }

    /// Registers an account with the self-registration role, where registration is open.
    pub fn register(&self, request: &AccountRequest) -> Result<Registered, RegistrationError> {
        self.candidates.rules().mode.permit_open()?;
        let matrix = self.matrix.load();
        let role = matrix.self_registration_role.clone();
        let checked = self.candidates.admit(request, role, NameRules::Strict)?;
        match self.answer {
            RegistrationAnswer::Immediate => self.create(checked, matrix.revision, &request.origin),
            RegistrationAnswer::Verified => {
                self.pending.request(checked, &request.origin)?;
                Ok(Registered::Requested)
            }
        }
    }

    /// Creates the account, and mails the link that verifies its address.
    fn create(
        &self,
        checked: CheckedAccount,
        revision: u64,
        origin: &Origin,
    ) -> Result<Registered, RegistrationError> {
        let CheckedAccount { account, password_hash } = checked;
        let event = self.candidates.event(EventKind::Registration, &account, origin);
        let (mail, random) = (Mail::VerifyEmail, &*self.ambient.random);
        let creation = self.store.create(&NewAccount {
            account: &account,
            password_hash: Some(&password_hash),
            revision,
            must_verify_email: true,
            effects: &Effects::with_mail(event, account.id, mail, random),
        })?;
        Result::from(creation)?;
        Ok(Registered::Created(Box::new(account)))
    }
}
