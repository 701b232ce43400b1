//! Reauthentication: the current password, or a passkey, for changes of the account and its factors.
//!
//! A stolen access token alone must change nothing about an account, however recent its sign-in is. So
//! each such change takes the current password, and failures close the counter of the session, as for a
//! change of the password. An account without a password signs a challenge of the session with a passkey
//! that verifies its user.

use std::sync::Arc;

use portcullis_audit::{Details, EventKind, Origin, Outcome};
use portcullis_domain::{Account, AccountId, Ambient, ExposeSecret, SecretString, SessionId};
use portcullis_mfa::passkey::{AssertionResponse, UserVerification};
use portcullis_password::{HashingPool, Overloaded, Password};
use portcullis_token::Digest;

use crate::StoreError;
use crate::effects::event_now;
use crate::sign_in::factor::{PasskeyChallenge, PasskeyProof, PasskeyVerifier};
use crate::sign_in::lockout::{FailureCounter, Lockout};
use crate::sign_in::{PasswordProof, SignInStore, StoredPassword, verify};

/// A credential that the holder of a session gives again.
#[derive(Clone, Debug)]
pub enum CurrentCredential {
    /// The current password, as typed.
    Password(SecretString),
    /// The assertion of a passkey, for an account without a password. Its challenge is that of a step-up.
    Passkey(Arc<AssertionResponse>),
}

/// A change that a signed-in account asks for.
#[derive(Debug)]
pub struct ReauthenticationRequest {
    /// The account.
    pub account: AccountId,
    /// The calling session.
    pub session: SessionId,
    /// The current credential.
    pub current: CurrentCredential,
    /// The source of the request.
    pub origin: Origin,
}

/// A verified credential, to be validated again in the transaction of the change.
#[derive(Debug)]
pub struct Reauthenticated {
    /// The account as it was when the credential was verified.
    pub account: Account,
    /// The proof.
    pub proof: CurrentProof,
    /// The counter whose failures are reset.
    pub counter: Digest,
}

/// The proof of a current credential.
#[derive(Clone, Debug)]
pub enum CurrentProof {
    /// The password.
    Password(PasswordProof),
    /// The passkey of an account without a password. The transaction verifies it.
    Passkey(PasskeyProof),
}

/// The reason why a credential was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum ReauthenticationError {
    /// The credential is wrong, or there are too many failures: not distinguished.
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

/// Verifies current credentials.
#[derive(Clone)]
pub struct Reauthentication {
    store: Arc<dyn SignInStore>,
    hashing: Arc<HashingPool>,
    passkeys: Arc<PasskeyVerifier>,
    lockout: Lockout,
    ambient: Ambient,
}

impl Reauthentication {
    /// Creates the use case from its dependencies.
    pub fn new(
        store: Arc<dyn SignInStore>,
        hashing: Arc<HashingPool>,
        passkeys: Arc<PasskeyVerifier>,
        lockout: Lockout,
        ambient: Ambient,
    ) -> Self {
        Self { store, hashing, passkeys, lockout, ambient }
    }

    /// Verifies the credential for an event of this kind with these details. A refusal is counted and
    /// recorded.
    pub(crate) fn verify(
        &self,
        request: &ReauthenticationRequest,
        kind: EventKind,
        details: &Details,
    ) -> Result<Reauthenticated, ReauthenticationError> {
        let typed = match &request.current {
            CurrentCredential::Password(typed) => {
                let typed = Password::parse(typed.expose_secret());
                Some(typed.map_err(|_| ReauthenticationError::PasswordTooLong)?)
            }
            CurrentCredential::Passkey(_) => None,
        };
        let counter = self.lockout.counters.of_session(request.session);
        let refuse = |outcome| self.refuse(request, &counter, kind, details, outcome);
        let Some(found) = self.store.credentials_of(request.account)? else {
            return Err(refuse(Outcome::UnknownAccount));
        };
        let stored = match (&found.password, &request.current) {
            (StoredPassword::None, CurrentCredential::Passkey(response)) => {
                let challenge = PasskeyChallenge::of_session(response, request.session);
                let (response, verification) = (response.clone(), UserVerification::Required);
                let proof = self.passkeys.proof(response, challenge, verification);
                let proof = CurrentProof::Passkey(proof);
                return Ok(Reauthenticated { account: found.account, proof, counter: counter.key });
            }
            (StoredPassword::None, _) => return Err(refuse(Outcome::WrongPassword)),
            _ => match found.password_hash() {
                Ok(stored) => stored.clone(),
                Err(outcome) => return Err(refuse(outcome)),
            },
        };
        let Some(typed) = typed else { return Err(refuse(Outcome::WrongPassword)) };
        match verify(&self.hashing, request.origin.address, typed, stored)? {
            Some(proof) => {
                let proof = CurrentProof::Password(proof);
                Ok(Reauthenticated { account: found.account, proof, counter: counter.key })
            }
            None => Err(refuse(Outcome::WrongPassword)),
        }
    }

    fn refuse(
        &self,
        request: &ReauthenticationRequest,
        counter: &FailureCounter,
        kind: EventKind,
        details: &Details,
        outcome: Outcome,
    ) -> ReauthenticationError {
        let event = event_now(kind, outcome, &request.origin, &self.ambient)
            .about(request.account)
            .in_session(request.session)
            .with(details.clone());
        let refused =
            self.store.refuse(counter, &self.lockout.policy, None, &|state| state.refusal(&event));
        refused.map_or_else(ReauthenticationError::from, |()| ReauthenticationError::WrongPassword)
    }
}
