//! The port `SignInStore`: credentials, failure counters, and the transaction that opens a session.

use portcullis_audit::{Origin, Outcome};
use portcullis_domain::{AccountId, DisplayName, Session, TokenId};
use portcullis_password::PasswordHash;
use portcullis_rate_limit::LockoutPolicy;
use portcullis_token::Digest;

use super::credentials::StoredCredentials;
use super::identifier::Identifier;
use super::password::PasswordProof;
use super::proof::Proof;
use crate::StoreError;
use crate::effects::{Effects, EffectsOf};
use crate::node::revocation::Revoked;
use crate::sign_in::lockout::CounterState;
use crate::sign_in::session_tokens::{AccountSnapshot, SessionEnd};

/// The port of sign-in.
pub trait SignInStore: Send + Sync {
    /// The account with that name, and the hash of its password if it has one.
    fn credentials(&self, identifier: &Identifier)
    -> Result<Option<StoredCredentials>, StoreError>;

    /// Opens a session, unless the counter is closed, the account deactivated or one of the proofs
    /// invalid at that moment. Resets the failures of the counter and ends the oldest sessions
    /// beyond the limit. The outcome is recorded in both cases.
    fn open(&self, opening: &SessionOpening<'_>) -> Result<SessionOpeningResult, StoreError>;

    /// Replaces the verified hash by a stronger one of the same password, and records it, unless
    /// the hash was replaced meanwhile.
    fn renew_hash(&self, renewal: &HashReplacement<'_>) -> Result<(), StoreError>;

    /// Counts a failure on an open counter, and records the refusal.
    fn refuse(
        &self,
        counter: &Digest,
        policy: &LockoutPolicy,
        effects: EffectsOf<'_, CounterState>,
    ) -> Result<(), StoreError>;
}

/// A replacement of a hash by another one of the same password.
#[derive(Debug)]
pub struct HashReplacement<'a> {
    /// The account.
    pub account: AccountId,
    /// The proof with the weak hash.
    pub proof: &'a PasswordProof,
    /// The new hash.
    pub renewed: &'a PasswordHash,
    /// The effects to record, unless the hash was replaced meanwhile.
    pub effects: &'a Effects,
}

/// A session about to be opened.
pub struct SessionOpening<'a> {
    /// The session.
    pub session: &'a Session,
    /// Its first refresh token.
    pub refresh: TokenId,
    /// Digest of the binding cookie, for sessions that have one.
    pub binding: Option<Digest>,
    /// The name that the person gives the device.
    pub device_name: Option<&'a DisplayName>,
    /// The verified proofs; each is validated again.
    pub proofs: &'a [Proof],
    /// True if an account that must verify its address gets no session before that.
    pub requires_verified_email: bool,
    /// The counter whose failures are reset.
    pub counter: &'a Digest,
    /// The maximum of sessions of the account.
    pub most_sessions: u32,
    /// The end of the sessions beyond the limit.
    pub displacement: SessionEnd,
    /// The source of the request, for the token family.
    pub origin: &'a Origin,
    /// The effects to record.
    pub effects: EffectsOf<'a, SessionOpeningResult>,
}

/// The result of opening a session.
#[derive(Debug, PartialEq, Eq)]
pub enum SessionOpeningResult {
    /// The session is open.
    Done {
        /// The account of the session.
        snapshot: Box<AccountSnapshot>,
        /// The sessions beyond the limit, which have ended.
        displaced: Revoked,
    },
    /// Refused, with the outcome to record.
    Refused(Outcome),
}
