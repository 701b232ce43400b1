//! A new password in the place of the current one.
//!
//! The current password is asked for although the caller is signed in, and failures close the session's
//! own counter: a stolen session is no free place to guess at, and nobody outside it can close the way to
//! a new password. A change ends every session of the account and voids every device cookie; the client
//! that asks goes on in a new session with new tokens, so that nothing it had before is worth anything.

use std::sync::Arc;

use portcullis_audit::{Details, EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{
    Account, AccountId, Ambient, Delivery, ExposeSecret, PasswordEpoch, SecretString, Session,
    SessionId, TokenId,
};
use portcullis_password::{HashingError, HashingPool, Password, PasswordHash};
use portcullis_token::{Digest, OpaqueSecret};

use crate::StoreError;
use crate::effects::EffectsOf;
use crate::identity::account_request::FieldError;
use crate::identity::new_password::{About, NewPasswords, Wanted};
use crate::node::revocation::Revoked;
use crate::sign_in::device;
use crate::sign_in::lockout::Lockout;
use crate::sign_in::session_tokens::{AccountSnapshot, Ending, SessionTokens, TokenIssuer};
use crate::sign_in::{PasswordProof, SignInStore, StoredCredentials, verify};

/// What changing a password needs from storage, besides what signing in does.
pub trait PasswordChangeStore: SignInStore {
    /// The account and the hash of its password.
    fn credentials_of(&self, account: AccountId) -> Result<Option<StoredCredentials>, StoreError>;

    /// Replaces the hash, unless at this very moment the counter is closed or the hash no longer the
    /// one that was checked. Ends every session, opens the successor of the one that asks, and records
    /// the change.
    fn change_password(
        &self,
        change: &PasswordUpdate<'_>,
    ) -> Result<PasswordUpdateResult, StoreError>;
}

/// A password about to be changed.
pub struct PasswordUpdate<'a> {
    /// Whose.
    pub account: AccountId,
    /// The session that asks.
    pub session: SessionId,
    /// What goes on in its place.
    pub successor: &'a ReplacementSession,
    /// The proof of the current password, to be validated again.
    pub current: &'a PasswordProof,
    /// The hash of the new one.
    pub new: &'a PasswordHash,
    /// Whose failures are forgotten.
    pub counter: &'a Digest,
    /// How every session of the account ends.
    pub ending: Ending,
    /// Where the request came from, for the family tree.
    pub origin: &'a Origin,
    /// What is recorded.
    pub effects: EffectsOf<'a, PasswordUpdateResult>,
}

/// The session that goes on in the place of the one that asks: with the same device, delivery and
/// end, and the same time of sign-in.
#[derive(Clone, Copy, Debug)]
pub struct ReplacementSession {
    /// Its name.
    pub session: SessionId,
    /// Its first refresh token.
    pub refresh: TokenId,
    /// Digest of its binding cookie, if it is to have one as its predecessor has.
    pub binding: Digest,
}

/// How changing a password ended.
#[derive(Debug, PartialEq, Eq)]
pub enum PasswordUpdateResult {
    /// It is changed.
    Done {
        /// Whose it is.
        snapshot: Box<AccountSnapshot>,
        /// The successor of the session that asked.
        session: Box<Session>,
        /// The sessions that ended, that one among them.
        revoked: Revoked,
        /// The epoch of the new password.
        epoch: PasswordEpoch,
    },
    /// It is not; how that is recorded.
    Refused(Outcome),
    /// It is not, because the session that asked has ended meanwhile.
    SessionEnded,
}

/// A request to change a password.
#[derive(Debug)]
pub struct PasswordChangeRequest {
    /// Whose.
    pub account: AccountId,
    /// The session that asks.
    pub session: SessionId,
    /// The current password, as typed.
    pub current: SecretString,
    /// The new password, as typed.
    pub new: SecretString,
    /// The device cookie, if the browser has one.
    pub device_token: Option<SecretString>,
    /// Where the request came from.
    pub origin: Origin,
}

/// What the client goes on with after a change.
#[derive(Debug)]
pub struct PasswordChanged {
    /// The new session and its tokens.
    pub tokens: SessionTokens,
    /// The binding cookie, for [`Delivery::Cookie`].
    pub binding: Option<OpaqueSecret>,
    /// The device cookie in the place of the one that the device has shown.
    pub device_token: Option<SecretString>,
}

/// Why the password is still the same.
#[derive(Debug, thiserror::Error)]
pub enum PasswordChangeError {
    /// Not the current password, or too many failures: not told apart.
    #[error("the current password is not right")]
    WrongPassword,
    /// The session that asked has ended meanwhile.
    #[error("the session has ended")]
    SessionEnded,
    /// The new password is not acceptable.
    #[error("the new password has {} faults", .0.len())]
    Invalid(Vec<FieldError>),
    /// One of the passwords is over 1,024 bytes; nothing else was looked at.
    #[error("a password is longer than 1,024 bytes")]
    PasswordTooLong,
    /// The passwords could not be hashed now.
    #[error(transparent)]
    Hashing(#[from] HashingError),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The use case.
pub struct PasswordChange {
    store: Arc<dyn PasswordChangeStore>,
    hashing: Arc<HashingPool>,
    new_passwords: NewPasswords,
    issuer: TokenIssuer,
    lockout: Lockout,
    ambient: Ambient,
}

impl PasswordChange {
    /// A use case over these parts.
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

    /// Judges the new password, checks the current one, and only then replaces it.
    ///
    /// In this order, so that what is said of the new password, and how long that takes, tells
    /// nothing of the current one to somebody who guesses it during a wait.
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
        let StoredCredentials { account, epoch, .. } = found;
        let new = self.hashed(request, &account, new)?;
        let proof = verify(&self.hashing, request.origin.address, current, stored);
        let Some(proof) = proof.map_err(HashingError::from)? else {
            return Err(self.refuse(request, &counter, Outcome::WrongPassword));
        };
        let after = Account { password_must_change: false, ..account.clone() };
        let event =
            self.event(Outcome::Success, request).with(Details::of_account(Some(&account), &after));
        let effects = |changed: &PasswordUpdateResult| match changed {
            // The session that asked goes on in its successor.
            PasswordUpdateResult::Done { revoked, .. } => {
                event.clone().ending(revoked.session_count().saturating_sub(1)).into()
            }
            PasswordUpdateResult::Refused(outcome) => {
                SecurityEvent { outcome: *outcome, ..event.clone() }.into()
            }
            PasswordUpdateResult::SessionEnded => {
                SecurityEvent { outcome: Outcome::Superseded, ..event.clone() }.into()
            }
        };
        let binding = OpaqueSecret::mint(&*self.ambient.random);
        let successor = ReplacementSession {
            session: SessionId::generate(event.at, &*self.ambient.random),
            refresh: TokenId::generate(event.at, &*self.ambient.random),
            binding: binding.digest(),
        };
        let changed = self.store.change_password(&PasswordUpdate {
            account: request.account,
            session: request.session,
            successor: &successor,
            current: &proof,
            new: &new,
            counter: &counter,
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
        let (authority, cookie) = (self.issuer.authority(), request.device_token.as_ref());
        let device = device::known(authority, cookie, account.id, epoch, event.at);
        let device_token = device.map(|device| {
            device::cookie(
                authority,
                account.id,
                next,
                Some(device),
                event.at,
                &*self.ambient.random,
            )
        });
        let binding = (session.delivery == Delivery::Cookie).then_some(binding);
        let (refresh, now, random) = (successor.refresh, event.at, &*self.ambient.random);
        let tokens = self.issuer.issue(snapshot, session, refresh, now, now, random);
        Ok(PasswordChanged { tokens, binding, device_token })
    }

    fn refuse(
        &self,
        request: &PasswordChangeRequest,
        counter: &Digest,
        outcome: Outcome,
    ) -> PasswordChangeError {
        let event = self.event(outcome, request);
        let refused =
            self.store.refuse(counter, &self.lockout.policy, &|state| state.refusal(&event));
        refused.map_or_else(PasswordChangeError::from, |()| PasswordChangeError::WrongPassword)
    }

    fn hashed(
        &self,
        request: &PasswordChangeRequest,
        account: &Account,
        new: Password,
    ) -> Result<PasswordHash, PasswordChangeError> {
        let about = About {
            username: account.username.as_str().to_owned(),
            email: account.email.as_str().to_owned(),
            display_name: account.display_name.as_ref().map(|name| name.as_str().to_owned()),
        };
        let address = request.origin.address;
        match self.new_passwords.judge(address, new, about, Wanted::Hash)? {
            Ok(Some(hash)) => Ok(hash),
            Ok(None) => Err(PasswordChangeError::Invalid(Vec::new())),
            Err(faults) => Err(PasswordChangeError::Invalid(faults)),
        }
    }

    fn event(&self, outcome: Outcome, request: &PasswordChangeRequest) -> SecurityEvent {
        let (kind, now) = (EventKind::PasswordChange, self.ambient.now());
        SecurityEvent::new(kind, outcome, &request.origin, now, &*self.ambient.random)
            .about(request.account)
            .in_session(request.session)
    }
}
