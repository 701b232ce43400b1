//! Password reset with a link from a mail.
//!
//! The link proves control of the mailbox, and nothing else: a reset opens no session, replaces no
//! second factor, and activates no account. The new password is checked before the link is spent, so
//! that a rejected password leaves it valid. The transaction that spends the link changes the hash,
//! ends every session, invalidates every device cookie and every other link of the account, and
//! resets its failure counters: a reset is the way out of a permanent lockout.
//!
//! Every reason why a link is not valid has the same answer.

use std::sync::Arc;

use portcullis_audit::{Details, EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{Account, AccountId, Ambient, ExposeSecret, SecretString};
use portcullis_password::{HashingError, Password, PasswordHash};
use portcullis_token::Digest;

use crate::StoreError;
use crate::effects::{Effects, EffectsOf, event_now};
use crate::identity::account_request::FieldError;
use crate::identity::new_password::{About, NewPasswords, PasswordCheckMode};
use crate::node::mail::Mail;
use crate::node::revocation::Revoked;
use crate::sign_in::StoredCredentials;
use crate::sign_in::lockout::FailureCounters;
use crate::sign_in::session_tokens::{SessionEnd, TokenIssuer};

/// The port of password resets.
pub trait PasswordResetStore: Send + Sync {
    /// The account of a valid link, which stays valid.
    fn account_of_reset_link(
        &self,
        secret: &Digest,
    ) -> Result<Option<StoredCredentials>, StoreError>;

    /// Spends the link and replaces the hash, unless the link is no longer valid, the account is
    /// deactivated, or its address is no longer the one that the link was sent to. Ends every
    /// session. The result is recorded in every case.
    fn reset_password(
        &self,
        reset: &PasswordResetUpdate<'_>,
    ) -> Result<PasswordResetResult, StoreError>;

    /// Records a refusal that changes nothing.
    fn refuse_password_reset(&self, effects: &Effects) -> Result<(), StoreError>;
}

/// A reset about to be stored.
pub struct PasswordResetUpdate<'a> {
    /// The digest of the secret in the link.
    pub secret: &'a Digest,
    /// The account.
    pub account: AccountId,
    /// The hash of the new password.
    pub new: &'a PasswordHash,
    /// The counters whose failures are reset.
    pub counters: &'a [Digest],
    /// The counter of codes. Only a permanent lockout of it ends, so that resets shorten no wait.
    pub factors: &'a Digest,
    /// The end of every session of the account: reason and time.
    pub ending: SessionEnd,
    /// The effects to record.
    pub effects: EffectsOf<'a, PasswordResetResult>,
}

/// The result of a reset.
#[derive(Debug, PartialEq, Eq)]
pub enum PasswordResetResult {
    /// The account has the new password.
    Done {
        /// The account before the reset.
        before: Box<Account>,
        /// The account after it.
        after: Box<Account>,
        /// The ended sessions.
        revoked: Revoked,
    },
    /// Refused, with the outcome to record.
    Refused(Outcome),
}

/// A request to reset a password.
#[derive(Debug)]
pub struct PasswordResetRequest {
    /// The secret in the link.
    pub token: SecretString,
    /// The new password, as typed.
    pub new: SecretString,
    /// The source of the request.
    pub origin: Origin,
}

/// The reason why the password was not reset.
#[derive(Debug, thiserror::Error)]
pub enum PasswordResetError {
    /// The link is unknown, used, expired, superseded, sent to a former address, or of a deactivated
    /// account: not distinguished.
    #[error("the link is not valid")]
    InvalidLink,
    /// The new password is not acceptable. The link stays valid.
    #[error("the new password has {} faults", .0.len())]
    Invalid(Vec<FieldError>),
    /// The new password has more than 1,024 bytes; nothing else was checked.
    #[error("the password is longer than 1,024 bytes")]
    PasswordTooLong,
    /// The password could not be hashed now. The link stays valid.
    #[error(transparent)]
    Hashing(#[from] HashingError),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Resets passwords.
pub struct PasswordResets {
    store: Arc<dyn PasswordResetStore>,
    new_passwords: NewPasswords,
    issuer: TokenIssuer,
    counters: FailureCounters,
    ambient: Ambient,
}

impl PasswordResets {
    /// Creates the use case from its dependencies.
    pub fn new(
        store: Arc<dyn PasswordResetStore>,
        new_passwords: NewPasswords,
        issuer: TokenIssuer,
        counters: FailureCounters,
        ambient: Ambient,
    ) -> Self {
        Self { store, new_passwords, issuer, counters, ambient }
    }

    /// Checks the new password, and only then spends the link.
    pub fn reset(&self, request: &PasswordResetRequest) -> Result<(), PasswordResetError> {
        let new = Password::parse(request.new.expose_secret())
            .map_err(|_| PasswordResetError::PasswordTooLong)?;
        let secret = Digest::of(request.token.expose_secret());
        let kind = EventKind::PasswordReset;
        let event = |outcome| event_now(kind, outcome, &request.origin, &self.ambient);
        let Some(found) = self.store.account_of_reset_link(&secret)? else {
            self.store.refuse_password_reset(&event(Outcome::Invalid).into())?;
            return Err(PasswordResetError::InvalidLink);
        };
        let new = self.hashed(request, &found, new)?;
        let StoredCredentials { account, epoch, .. } = found;
        let event = event(Outcome::Success).about(account.id);
        let changed = self.store.reset_password(&PasswordResetUpdate {
            secret: &secret,
            account: account.id,
            new: &new,
            counters: &[
                self.counters.of_strangers(account.id).key,
                self.counters.of_known_devices(account.id, epoch).key,
            ],
            factors: &self.counters.of_factors(account.id).key,
            ending: self.issuer.ending(kind, event.at),
            effects: &|result| self.effects(&event, account.id, result),
        })?;
        match changed {
            PasswordResetResult::Done { revoked, .. } => {
                self.issuer.revocations().enforce(revoked);
                Ok(())
            }
            PasswordResetResult::Refused(_) => Err(PasswordResetError::InvalidLink),
        }
    }

    fn hashed(
        &self,
        request: &PasswordResetRequest,
        found: &StoredCredentials,
        new: Password,
    ) -> Result<PasswordHash, PasswordResetError> {
        let (address, about) = (request.origin.address, About::with_password(found));
        match self.new_passwords.judge(address, new, about, PasswordCheckMode::Hash)? {
            Ok(Some(hash)) => Ok(hash),
            Ok(None) => Err(PasswordResetError::Invalid(Vec::new())),
            Err(faults) => Err(PasswordResetError::Invalid(faults)),
        }
    }

    fn effects(
        &self,
        event: &SecurityEvent,
        account: AccountId,
        result: &PasswordResetResult,
    ) -> Effects {
        match result {
            PasswordResetResult::Done { before, after, revoked } => {
                let details = Details::of_account(Some(before), after);
                let event = event.clone().with(details).ending(revoked.session_count());
                let mail = Mail::PasswordReset { address: event.origin.address };
                Effects::with_mail(event, account, mail, &*self.ambient.random)
            }
            PasswordResetResult::Refused(outcome) => {
                SecurityEvent { outcome: *outcome, ..event.clone() }.into()
            }
        }
    }
}
