//! Reauthentication: the current password for changes of second factors.
//!
//! A stolen access token alone must change nothing about the factors of an account, however recent
//! its sign-in is. So each change takes the current password, and failures close the counter of the
//! session, as for a change of the password. An account without a password has only its recent
//! sign-in.

use std::sync::Arc;

use portcullis_audit::{Details, EventKind, Origin, Outcome};
use portcullis_domain::{
    Account, AccountId, Ambient, ExposeSecret, Factor, SecretString, SessionId,
};
use portcullis_password::{HashingPool, Overloaded, Password};
use portcullis_token::Digest;

use crate::StoreError;
use crate::effects::event_now;
use crate::sign_in::lockout::Lockout;
use crate::sign_in::{PasswordProof, SignInStore, StoredPassword, verify};

/// A change of second factors that a signed-in account asks for.
#[derive(Debug)]
pub struct FactorRequest {
    /// The account.
    pub account: AccountId,
    /// The calling session.
    pub session: SessionId,
    /// The current password, as typed.
    pub password: Option<SecretString>,
    /// The source of the request.
    pub origin: Origin,
}

/// A verified password, to be validated again in the transaction of the change.
#[derive(Debug)]
pub struct Reauthenticated {
    /// The account as it was when the password was verified.
    pub account: Account,
    /// The proof; `None` if the account has no password.
    pub proof: Option<PasswordProof>,
    /// The counter whose failures are reset.
    pub counter: Digest,
}

/// The reason why a password was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum ReauthenticationError {
    /// The password is wrong or missing, or there are too many failures: not distinguished.
    #[error("the current password is not right")]
    WrongPassword,
    /// More than 1,024 bytes.
    #[error("the password is longer than 1,024 bytes")]
    PasswordTooLong,
    /// Too many passwords are being checked already.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Verifies current passwords.
#[derive(Clone)]
pub struct Reauthentication {
    store: Arc<dyn SignInStore>,
    hashing: Arc<HashingPool>,
    lockout: Lockout,
    ambient: Ambient,
}

impl Reauthentication {
    /// Creates the use case from its dependencies.
    pub fn new(
        store: Arc<dyn SignInStore>,
        hashing: Arc<HashingPool>,
        lockout: Lockout,
        ambient: Ambient,
    ) -> Self {
        Self { store, hashing, lockout, ambient }
    }

    /// Verifies the password for an event of this kind about this factor. A refusal is counted and
    /// recorded.
    pub(crate) fn verify(
        &self,
        request: &FactorRequest,
        kind: EventKind,
        factor: Factor,
    ) -> Result<Reauthenticated, ReauthenticationError> {
        let typed = request.password.as_ref().map(|typed| Password::parse(typed.expose_secret()));
        let typed = typed.transpose().map_err(|_| ReauthenticationError::PasswordTooLong)?;
        let counter = self.lockout.counters.of_session(request.session);
        let refuse = |outcome| self.refuse(request, &counter, kind, factor, outcome);
        let Some(found) = self.store.credentials_of(request.account)? else {
            return Err(refuse(Outcome::UnknownAccount));
        };
        if matches!(found.password, StoredPassword::None) {
            return Ok(Reauthenticated { account: found.account, proof: None, counter });
        }
        let Some(typed) = typed else { return Err(refuse(Outcome::WrongPassword)) };
        let stored = match found.password_hash() {
            Ok(stored) => stored.clone(),
            Err(outcome) => return Err(refuse(outcome)),
        };
        match verify(&self.hashing, request.origin.address, typed, stored)? {
            Some(proof) => {
                Ok(Reauthenticated { account: found.account, proof: Some(proof), counter })
            }
            None => Err(refuse(Outcome::WrongPassword)),
        }
    }

    fn refuse(
        &self,
        request: &FactorRequest,
        counter: &Digest,
        kind: EventKind,
        factor: Factor,
        outcome: Outcome,
    ) -> ReauthenticationError {
        let event = event_now(kind, outcome, &request.origin, &self.ambient)
            .about(request.account)
            .in_session(request.session)
            .with(Details::of_factor(factor));
        let refused =
            self.store.refuse(counter, &self.lockout.policy, &|state| state.refusal(&event));
        refused.map_or_else(ReauthenticationError::from, |()| ReauthenticationError::WrongPassword)
    }
}
