//! Password change by the holder of the account.
//!
//! The current password is required although the caller is signed in, and failures close the
//! counter of the session: a stolen session cannot be used to guess passwords without limit, and no
//! other client can block the password change. A change ends every session of the account and
//! invalidates every device cookie and every link that was mailed to change the account. The client
//! continues in a replacement session with new tokens; its earlier tokens are invalid. A notice is
//! mailed to the holder.

use std::sync::Arc;

use portcullis_audit::{Details, EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{
    Account, AccountId, Ambient, Delivery, ExposeSecret, PasswordEpoch, SecretString, Session,
    SessionId,
};
use portcullis_password::{HashingError, HashingPool, Password, PasswordHash};
use portcullis_token::{Digest, OpaqueSecret};

use crate::StoreError;
use crate::effects::{Effects, EffectsOf, event_now};
use crate::identity::account_request::FieldError;
use crate::identity::new_password::{About, NewPasswords, PasswordCheckMode};
use crate::node::mail::Mail;
use crate::node::revocation::Revoked;
use crate::sign_in::device::{self, DeviceEpochs, SignInDevice};
use crate::sign_in::lockout::{FailureCounter, Lockout};
pub use crate::sign_in::replacement::ReplacementSession;
use crate::sign_in::session_tokens::{AccountSnapshot, SessionEnd, SessionTokens, TokenIssuer};
use crate::sign_in::{PasswordProof, SignInStore, verify};

/// The port of password changes, in addition to that of sign-in.
pub trait PasswordChangeStore: SignInStore {
    /// Replaces the hash, unless the counter is closed at that moment or the hash is no longer the
    /// checked one. Ends every session, opens the replacement of the calling session, and records
    /// the change.
    fn change_password(
        &self,
        change: &PasswordUpdate<'_>,
    ) -> Result<PasswordUpdateResult, StoreError>;
}

/// A password change about to be stored.
pub struct PasswordUpdate<'a> {
    /// The account.
    pub account: AccountId,
    /// The calling session.
    pub session: SessionId,
    /// Its replacement.
    pub successor: &'a ReplacementSession,
    /// The proof of the current password, to be validated again.
    pub current: &'a PasswordProof,
    /// The hash of the new one.
    pub new: &'a PasswordHash,
    /// The counter whose failures are reset.
    pub counter: &'a Digest,
    /// The end of every session of the account: reason and time.
    pub ending: SessionEnd,
    /// The source of the request, for the token family.
    pub origin: &'a Origin,
    /// The effects to record.
    pub effects: EffectsOf<'a, PasswordUpdateResult>,
}

/// The result of a password change.
#[derive(Debug, PartialEq, Eq)]
pub enum PasswordUpdateResult {
    /// Changed.
    Done {
        /// The account.
        snapshot: Box<AccountSnapshot>,
        /// The replacement of the calling session.
        session: Box<Session>,
        /// The ended sessions, including the calling one.
        revoked: Revoked,
        /// The epoch of the new password.
        epoch: PasswordEpoch,
    },
    /// Refused, with the outcome to record.
    Refused(Outcome),
    /// Refused: the calling session has ended meanwhile.
    SessionEnded,
}

/// A request to change a password.
#[derive(Debug)]
pub struct PasswordChangeRequest {
    /// The account.
    pub account: AccountId,
    /// The calling session.
    pub session: SessionId,
    /// The current password, as typed.
    pub current: SecretString,
    /// The new password, as typed.
    pub new: SecretString,
    /// The device cookie, if the browser has one.
    pub device_token: Option<SecretString>,
    /// The source of the request.
    pub origin: Origin,
}

/// The credentials of the client after a change.
#[derive(Debug)]
pub struct PasswordChanged {
    /// The new session and its tokens.
    pub tokens: SessionTokens,
    /// The binding cookie, for [`Delivery::Cookie`].
    pub binding: Option<OpaqueSecret>,
    /// The new device cookie, which replaces the one that was presented.
    pub device_token: Option<SecretString>,
}

/// The reason why the password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum PasswordChangeError {
    /// The current password is wrong, or there are too many failures: not distinguished.
    #[error("the current password is not right")]
    WrongPassword,
    /// The calling session has ended meanwhile.
    #[error("the session has ended")]
    SessionEnded,
    /// The new password is not acceptable.
    #[error("the new password has {} faults", .0.len())]
    Invalid(Vec<FieldError>),
    /// One of the passwords has more than 1,024 bytes; nothing else was checked.
    #[error("a password is longer than 1,024 bytes")]
    PasswordTooLong,
    /// The passwords could not be hashed now.
    #[error(transparent)]
    Hashing(#[from] HashingError),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Changes the password of an account.
pub struct PasswordChange {
    store: Arc<dyn PasswordChangeStore>,
    hashing: Arc<HashingPool>,
    new_passwords: NewPasswords,
    issuer: TokenIssuer,
    lockout: Lockout,
    ambient: Ambient,
}

impl PasswordChange {
    /// Creates the use case from its dependencies.
    pub fn new(
        store: Arc<dyn PasswordChangeStore>,
        hashing: Arc<HashingPool>,
        new_passwords: NewPasswords,
        issuer: TokenIssuer,
        lockout: Lockout,
        ambient: Ambient,
    ) -> Self {
        Self { store, hashing, new_passwords, issuer, lockout, ambient }
    }

    /// Checks the new password, verifies the current one, and only then replaces it.
    ///
    /// With this order, neither the faults of the new password nor their timing tell an attacker,
    /// who guesses during a wait, whether the current password was right.
    pub fn change(
        &self,
        request: &PasswordChangeRequest,
    ) -> Result<PasswordChanged, PasswordChangeError> {
        let parse = |typed: &SecretString| {
            Password::parse(typed.expose_secret()).map_err(|_| PasswordChangeError::PasswordTooLong)
        };
        let (current, new) = (parse(&request.current)?, parse(&request.new)?);
        if current == new {
            return Err(PasswordChangeError::Invalid(vec![FieldError::PasswordUnchanged]));
        }
        let counter = self.lockout.counters.of_session(request.session);
        let found = self.store.credentials_of(request.account)?;
        let Some(found) = found else {
            return Err(self.refuse(request, &counter, Outcome::WrongPassword));
        };
        let stored = match found.password_hash() {
            Ok(stored) => stored.clone(),
            Err(outcome) => return Err(self.refuse(request, &counter, outcome)),
        };
        let epochs = found.device_epochs();
        let account = found.account;
        let (store, now, cookie) =
            (&*self.store, self.ambient.now(), request.device_token.as_ref());
        let device = device::find(store, &self.issuer, cookie, account.id, epochs, now)?;
        let new = self.hashed(request, &account, new)?;
        let proof = verify(&self.hashing, request.origin.address, current, stored);
        let Some(proof) = proof.map_err(HashingError::from)? else {
            return Err(self.refuse(request, &counter, Outcome::WrongPassword));
        };
        let after = Account { password_must_change: false, ..account.clone() };
        let event =
            self.event(Outcome::Success, request).with(Details::of_account(Some(&account), &after));
        let effects = |changed: &PasswordUpdateResult| match changed {
            // The calling session continues in its replacement.
            PasswordUpdateResult::Done { revoked, .. } => {
                let event = event.clone().ending(revoked.session_count().saturating_sub(1));
                let mail = Mail::PasswordChanged { address: request.origin.address };
                Effects::with_mail(event, request.account, mail, &*self.ambient.random)
            }
            PasswordUpdateResult::Refused(outcome) => {
                SecurityEvent { outcome: *outcome, ..event.clone() }.into()
            }
            PasswordUpdateResult::SessionEnded => {
                SecurityEvent { outcome: Outcome::Superseded, ..event.clone() }.into()
            }
        };
        let (successor, binding) = ReplacementSession::generate(event.at, &self.ambient);
        let changed = self.store.change_password(&PasswordUpdate {
            account: request.account,
            session: request.session,
            successor: &successor,
            current: &proof,
            new: &new,
            counter: &counter.key,
            ending: self.issuer.ending(event.kind, event.at),
            origin: &request.origin,
            effects: &effects,
        })?;
        let (snapshot, session, next) = match changed {
            PasswordUpdateResult::Done { snapshot, session, revoked, epoch } => {
                self.issuer.revocations().enforce(revoked);
                (*snapshot, *session, epoch)
            }
            PasswordUpdateResult::Refused(_) => return Err(PasswordChangeError::WrongPassword),
            PasswordUpdateResult::SessionEnded => return Err(PasswordChangeError::SessionEnded),
        };
        let device_token = match device {
            SignInDevice::Known { id, generation, rotates: true } => {
                let epochs = DeviceEpochs { password: next, ..epochs };
                let cookie = (id, generation);
                Some(device::cookie(&self.issuer, account.id, epochs, cookie, event.at))
            }
            _ => None,
        };
        let binding = (session.delivery == Delivery::Cookie).then_some(binding);
        let (refresh, now, random) = (successor.refresh, event.at, &*self.ambient.random);
        let tokens = self.issuer.issue(snapshot, session, refresh, now, now, random);
        Ok(PasswordChanged { tokens, binding, device_token })
    }

    fn refuse(
        &self,
        request: &PasswordChangeRequest,
        counter: &FailureCounter,
        outcome: Outcome,
    ) -> PasswordChangeError {
        let event = self.event(outcome, request);
        let refused =
            self.store.refuse(counter, &self.lockout.policy, None, &|state| state.refusal(&event));
        refused.map_or_else(PasswordChangeError::from, |()| PasswordChangeError::WrongPassword)
    }

    fn hashed(
        &self,
        request: &PasswordChangeRequest,
        account: &Account,
        new: Password,
    ) -> Result<PasswordHash, PasswordChangeError> {
        let about = About::account(account);
        let address = request.origin.address;
        match self.new_passwords.judge(address, new, about, PasswordCheckMode::Hash)? {
            Ok(Some(hash)) => Ok(hash),
            Ok(None) => Err(PasswordChangeError::Invalid(Vec::new())),
            Err(faults) => Err(PasswordChangeError::Invalid(faults)),
        }
    }

    fn event(&self, outcome: Outcome, request: &PasswordChangeRequest) -> SecurityEvent {
        let kind = EventKind::PasswordChange;
        event_now(kind, outcome, &request.origin, &self.ambient)
            .about(request.account)
            .in_session(request.session)
    }
}
