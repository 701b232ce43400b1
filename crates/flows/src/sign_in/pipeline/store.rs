//! The port of signing in.

use portcullis_audit::{Origin, Outcome};
use portcullis_domain::{AccountId, DisplayName, Session, TokenId};
use portcullis_password::PasswordHash;
use portcullis_token::Digest;

use super::credentials::StoredCredentials;
use super::identifier::Identifier;
use super::password::PasswordProof;
use super::proof::Proof;
use crate::StoreError;
use crate::effects::{Effects, EffectsOf};
use crate::node::revocation::Revoked;
use crate::sign_in::lockout::{CounterState, LockoutPolicy};
use crate::sign_in::session_tokens::{AccountSnapshot, Ending};

/// What signing in needs from storage.
pub trait SignInStore: Send + Sync {
    /// The account with that name, and the hash of its password if it has one.
    fn credentials(&self, identifier: &Identifier)
    -> Result<Option<StoredCredentials>, StoreError>;

    /// Opens a session, unless at this very moment the counter is closed, the account deactivated
    /// or one of the proofs void. Forgets the failures of the counter and ends the oldest sessions
    /// beyond the limit. The outcome is recorded either way.
    fn open(&self, opening: &SessionOpening<'_>) -> Result<SessionOpeningResult, StoreError>;

    /// Puts a stronger hash of the same password in the place of the one that was checked, and records
    /// it, unless somebody else has replaced that since.
    fn renew_hash(&self, renewal: &HashReplacement<'_>) -> Result<(), StoreError>;

    /// Counts a failure against a counter that is open, and records the refusal.
    fn refuse(
        &self,
        counter: &Digest,
        policy: &LockoutPolicy,
        effects: EffectsOf<'_, CounterState>,
    ) -> Result<(), StoreError>;
}

/// A hash about to take the place of another of the same password.
#[derive(Debug)]
pub struct HashReplacement<'a> {
    /// Whose.
    pub account: AccountId,
    /// The proof whose hash is weak.
    pub proof: &'a PasswordProof,
    /// The new one.
    pub renewed: &'a PasswordHash,
    /// What is recorded, unless the hash was replaced since.
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
    /// What the person calls the device.
    pub device_name: Option<&'a DisplayName>,
    /// What was proven, each proof to be validated again.
    pub proofs: &'a [Proof],
    /// Whose failures are forgotten.
    pub counter: &'a Digest,
    /// Sessions the account may have at once.
    pub most_sessions: u32,
    /// How sessions end that make room.
    pub displacement: Ending,
    /// Where the request came from, for the family tree.
    pub origin: &'a Origin,
    /// What is recorded.
    pub effects: EffectsOf<'a, SessionOpeningResult>,
}

/// How opening a session ended.
#[derive(Debug, PartialEq, Eq)]
pub enum SessionOpeningResult {
    /// The session is open.
    Done {
        /// Whose session it is.
        snapshot: Box<AccountSnapshot>,
        /// Sessions that ended to make room.
        displaced: Revoked,
    },
    /// It is not; how that is recorded.
    Refused(Outcome),
}
