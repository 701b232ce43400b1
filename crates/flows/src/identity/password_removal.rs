//! Removal of the password: an account with passkeys only has no password that could be guessed or stolen.
//!
//! It takes the password once more, and a passkey that signs in alone. Every other session ends, and so does the
//! power of device cookies and of mailed links. A reset link by mail gives the account a password again.

use std::sync::Arc;

use portcullis_audit::{Details, EventKind, Outcome, SecurityEvent};
use portcullis_domain::{Ambient, SessionId};

use crate::StoreError;
use crate::effects::{Effects, EffectsOf, event_now};
use crate::node::mail::Mail;
use crate::node::revocation::Revoked;
use crate::sign_in::reauthentication::{
    Reauthenticated, Reauthentication, ReauthenticationError, ReauthenticationRequest,
};
use crate::sign_in::session_tokens::{SessionEnd, TokenIssuer};

/// The port of the removal.
pub trait PasswordRemovalStore: Send + Sync {
    /// Removes the password, if it is still the verified one and the account has a passkey that signs in alone.
    /// Ends every session but the calling one.
    fn remove_password(&self, removal: &PasswordRemoval<'_>)
    -> Result<PasswordRemoved, StoreError>;
}

/// A removal about to be stored.
pub struct PasswordRemoval<'a> {
    /// The verified password.
    pub reauthenticated: &'a Reauthenticated,
    /// The calling session.
    pub session: SessionId,
    /// The end of the other sessions.
    pub ending: SessionEnd,
    /// The effects to record.
    pub effects: EffectsOf<'a, PasswordRemoved>,
}

/// The result of a removal.
#[derive(Debug, PartialEq, Eq)]
pub enum PasswordRemoved {
    /// The account has no password any more. The other sessions have ended.
    Done(Revoked),
    /// Refused, with the outcome to record.
    Refused(Outcome),
    /// The account has no passkey that signs in alone.
    NoPasskey,
}

/// The reason why the password stays.
#[derive(Debug, thiserror::Error)]
pub enum PasswordRemovalError {
    /// The password was not accepted.
    #[error(transparent)]
    Reauthentication(#[from] ReauthenticationError),
    /// The account has no passkey that signs in alone.
    #[error("the account has no passkey that signs in alone")]
    NoPasskey,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Removes passwords.
pub struct PasswordRemovals {
    store: Arc<dyn PasswordRemovalStore>,
    reauthentication: Reauthentication,
    issuer: TokenIssuer,
    ambient: Ambient,
}

impl PasswordRemovals {
    /// Creates the use case from its dependencies.
    pub const fn new(
        store: Arc<dyn PasswordRemovalStore>,
        reauthentication: Reauthentication,
        issuer: TokenIssuer,
        ambient: Ambient,
    ) -> Self {
        Self { store, reauthentication, issuer, ambient }
    }

    /// Removes the password of the caller.
    pub fn remove(&self, request: &ReauthenticationRequest) -> Result<(), PasswordRemovalError> {
        let kind = EventKind::PasswordRemoved;
        let reauthenticated = self.reauthentication.verify(request, kind, &Details::None)?;
        let event = event_now(kind, Outcome::Success, &request.origin, &self.ambient)
            .about(request.account)
            .in_session(request.session);
        let effects = |removed: &PasswordRemoved| {
            let outcome = match removed {
                PasswordRemoved::Done(revoked) => {
                    let event = event.clone().ending(revoked.session_count());
                    let mail = Mail::PasswordRemoved { address: request.origin.address };
                    return Effects::with_mail(event, request.account, mail, &*self.ambient.random);
                }
                PasswordRemoved::Refused(outcome) => *outcome,
                PasswordRemoved::NoPasskey => Outcome::AgainstRules,
            };
            SecurityEvent { outcome, ..event.clone() }.into()
        };
        let removed = self.store.remove_password(&PasswordRemoval {
            reauthenticated: &reauthenticated,
            session: request.session,
            ending: self.issuer.ending(kind, event.at),
            effects: &effects,
        })?;
        match removed {
            PasswordRemoved::Done(revoked) => {
                self.issuer.revocations().enforce(revoked);
                Ok(())
            }
            PasswordRemoved::Refused(_) => Err(ReauthenticationError::WrongPassword.into()),
            PasswordRemoved::NoPasskey => Err(PasswordRemovalError::NoPasskey),
        }
    }
}
