//! "This was not me": the link of an alert that was mailed to the holder of an account.
//!
//! Each alert has a link of its own. It ends every session, blocks the account, and mails a link that
//! resets the password, which lifts the block. So a thief with the password, a session or a second
//! factor has nothing left, and the holder needs the mailbox only.
//!
//! A thief may have replaced the address of the account before. The alert about that goes to the
//! former address, whose holder gets the account back: the link restores the address that it was
//! sent to. Addresses that replaced it, and with them the links that were sent to these, have no
//! power over it. So in a dispute the earlier address wins, whichever link is followed
//! first.

use std::sync::Arc;

use portcullis_audit::{Details, EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{Account, AccountId, Ambient, ExposeSecret, SecretString};
use portcullis_token::Digest;

use crate::StoreError;
use crate::effects::{Effects, EffectsOf, event_now};
use crate::node::mail::Mail;
use crate::node::revocation::Revoked;
use crate::sign_in::session_tokens::{SessionEnd, TokenIssuer};

/// The port of disavowals.
pub trait DisavowalStore: Send + Sync {
    /// The account of a valid link, which stays valid.
    fn account_of_alert(&self, secret: &Digest) -> Result<Option<AccountId>, StoreError>;

    /// Spends the link, blocks the account, ends every session, invalidates every other link that
    /// changes the account, and restores the address that the alert was sent to, unless another
    /// account has it. The result is recorded in every case.
    fn disavow(&self, disavowal: &DisavowalUpdate<'_>) -> Result<DisavowalResult, StoreError>;

    /// Records a refusal that changes nothing.
    fn refuse_disavowal(&self, effects: &Effects) -> Result<(), StoreError>;
}

/// A disavowal about to be stored.
pub struct DisavowalUpdate<'a> {
    /// The digest of the secret in the link.
    pub secret: &'a Digest,
    /// The account.
    pub account: AccountId,
    /// The end of every session of the account: reason and time.
    pub ending: SessionEnd,
    /// The effects to record.
    pub effects: EffectsOf<'a, DisavowalResult>,
}

/// The result of a disavowal.
#[derive(Debug, PartialEq, Eq)]
pub enum DisavowalResult {
    /// The account is blocked.
    Done {
        /// The account before.
        before: Box<Account>,
        /// The account afterwards.
        after: Box<Account>,
        /// True if the account has the address that the alert was sent to.
        has_address: bool,
        /// The ended sessions.
        revoked: Revoked,
    },
    /// Refused, with the outcome to record.
    Refused(Outcome),
}

/// The reason why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum DisavowalError {
    /// The link is unknown, used, expired, of a deactivated account, or was sent to an address that
    /// has no power over the account any more: not distinguished.
    #[error("the link is not valid")]
    InvalidLink,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Blocks accounts whose holders disavow an action.
pub struct Disavowals {
    store: Arc<dyn DisavowalStore>,
    issuer: TokenIssuer,
    ambient: Ambient,
}

impl Disavowals {
    /// Creates the use case from its dependencies.
    pub fn new(store: Arc<dyn DisavowalStore>, issuer: TokenIssuer, ambient: Ambient) -> Self {
        Self { store, issuer, ambient }
    }

    /// Blocks the account of the link, and mails a link that resets its password.
    ///
    /// # Errors
    ///
    /// If the link is not valid, or the database fails.
    pub fn disavow(&self, token: &SecretString, origin: &Origin) -> Result<(), DisavowalError> {
        let secret = Digest::of(token.expose_secret());
        let kind = EventKind::Disavowal;
        let event = |outcome| event_now(kind, outcome, origin, &self.ambient);
        let Some(account) = self.store.account_of_alert(&secret)? else {
            self.store.refuse_disavowal(&event(Outcome::Invalid).into())?;
            return Err(DisavowalError::InvalidLink);
        };
        let event = event(Outcome::Success).about(account);
        let disavowed = self.store.disavow(&DisavowalUpdate {
            secret: &secret,
            account,
            ending: self.issuer.ending(kind, event.at),
            effects: &|result| self.effects(&event, account, result),
        })?;
        match disavowed {
            DisavowalResult::Done { revoked, .. } => {
                self.issuer.revocations().enforce(revoked);
                Ok(())
            }
            DisavowalResult::Refused(_) => Err(DisavowalError::InvalidLink),
        }
    }

    fn effects(
        &self,
        event: &SecurityEvent,
        account: AccountId,
        result: &DisavowalResult,
    ) -> Effects {
        match result {
            DisavowalResult::Done { before, after, has_address, revoked } => {
                let details = Details::of_account(Some(before), after);
                let event = event.clone().with(details).ending(revoked.session_count());
                if *has_address {
                    let mail = Mail::ResetPassword;
                    Effects::with_mail(event, account, mail, &*self.ambient.random)
                } else {
                    // A link to the present address would give the account to the thief.
                    event.into()
                }
            }
            DisavowalResult::Refused(outcome) => {
                SecurityEvent { outcome: *outcome, ..event.clone() }.into()
            }
        }
    }
}
