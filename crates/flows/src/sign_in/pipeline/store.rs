//! The port `SignInStore`: credentials, failure counters, challenges, and the transaction that opens a
//! session.

use std::net::IpAddr;
use std::time::Duration;

use portcullis_audit::{Origin, Outcome};
use portcullis_domain::{
    Account, AccountId, Delivery, DisplayName, FactorEpoch, MessageId, NetworkList, NetworkPrefix,
    PasswordEpoch, Session, SessionId, TokenId,
};
use portcullis_password::PasswordHash;
use portcullis_rate_limit::LockoutPolicy;
use portcullis_token::Digest;

use super::credentials::StoredCredentials;
use super::identifier::Identifier;
use super::password::PasswordProof;
use super::proof::Proof;
use crate::StoreError;
use crate::effects::{Effects, EffectsOf};
use crate::identity::mail_limit::MailAllowance;
use crate::node::revocation::Revoked;
use crate::sign_in::device::{DeviceStore, DeviceUse, UsedDevice};
use crate::sign_in::factor::FactorUse;
use crate::sign_in::lockout::{CounterState, FailureCounter};
use crate::sign_in::session_tokens::{AccountSnapshot, SessionEnd};

/// The port of sign-in.
pub trait SignInStore: DeviceStore {
    /// The account with that name, and the hash of its password if it has one.
    fn credentials(&self, identifier: &Identifier)
    -> Result<Option<StoredCredentials>, StoreError>;

    /// The account, and the hash of its password if it has one.
    fn credentials_of(&self, account: AccountId) -> Result<Option<StoredCredentials>, StoreError>;

    /// Stores a challenge, unless the counter is closed, the account deactivated or the password
    /// another one at that moment. Resets the failures of the counter. The outcome is recorded in
    /// both cases.
    fn issue_challenge(&self, challenge: &NewChallenge<'_>) -> Result<ChallengeResult, StoreError>;

    /// The challenge with this token, if it is still open.
    fn challenge(&self, token: &Digest) -> Result<Option<OpenChallenge>, StoreError>;

    /// Opens a session, unless the counter is closed, the account deactivated or one of the proofs
    /// invalid at that moment. Resets the failures of the counter and ends the oldest sessions
    /// beyond the limit. The outcome is recorded in both cases.
    ///
    /// A sign-in that answers a challenge first counts one try of it and checks the counter of
    /// codes, if it has one; only then the code is evaluated, and a wrong one is counted. A right one
    /// ends the challenge.
    fn open(&self, opening: &SessionOpening<'_>) -> Result<SessionOpeningResult, StoreError>;

    /// Replaces the verified hash by a stronger one of the same password, and records it, unless
    /// the hash was replaced meanwhile.
    fn renew_hash(&self, renewal: &HashReplacement<'_>) -> Result<(), StoreError>;

    /// Counts a failure on an open counter, and for the network if one is named, and records the refusal.
    fn refuse(
        &self,
        counter: &FailureCounter,
        policy: &LockoutPolicy,
        network: Option<NetworkPrefix>,
        effects: EffectsOf<'_, CounterState>,
    ) -> Result<(), StoreError>;

    /// Records a refusal that counts as no failure.
    fn record_refusal(&self, effects: &Effects) -> Result<(), StoreError>;
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

/// A challenge about to be stored.
#[derive(Clone)]
pub struct NewChallenge<'a> {
    /// Digest of its token.
    pub token: Digest,
    /// Digest of the cookie that binds it to a browser, for clients with cookies.
    pub binding: Option<Digest>,
    /// The account.
    pub account: AccountId,
    /// The proof of the password, to be validated again.
    pub proof: &'a PasswordProof,
    /// The epoch of the password; the challenge is void with another one.
    pub epoch: PasswordEpoch,
    /// The counter whose failures are reset.
    pub counter: &'a Digest,
    /// The delivery of the tokens.
    pub delivery: Delivery,
    /// The name that the person gives the device.
    pub device_name: Option<&'a DisplayName>,
    /// The client address that was assessed.
    pub address: IpAddr,
    /// The lifetime of the challenge.
    pub lifetime: Duration,
    /// The mail with the code that answers it; for an account without a second factor.
    pub mailed_code: Option<NewMailedCode>,
    /// The effects to record.
    pub effects: EffectsOf<'a, ChallengeResult>,
}

/// A mail with a code about to be stored.
#[derive(Clone)]
pub struct NewMailedCode {
    /// The mail.
    pub message: MessageId,
    /// Its allowances, which are taken in this order up to the first one that is used up: then nothing is
    /// mailed.
    pub allowances: Vec<MailAllowance>,
}

/// The result of issuing a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeResult {
    /// Stored.
    Issued,
    /// Stored, and nothing is mailed: a limit of codes to the address is reached.
    Limited,
    /// Refused, with the outcome to record.
    Refused(Outcome),
}

/// An open challenge, with its account.
#[derive(Clone, Debug)]
pub struct OpenChallenge {
    /// The account as stored.
    pub account: Account,
    /// The epoch of the password that was verified.
    pub epoch: PasswordEpoch,
    /// The epoch of the second factors at present.
    pub factor_epoch: FactorEpoch,
    /// The delivery of the tokens.
    pub delivery: Delivery,
    /// The name that the person gives the device.
    pub device_name: Option<DisplayName>,
    /// The client address that was assessed; `None` if an earlier release issued it.
    pub address: Option<IpAddr>,
    /// The mail with the code that answers it; `None` if a second factor does.
    pub message: Option<MessageId>,
}

/// The use of a challenge by an answer.
#[derive(Clone, Copy, Debug)]
pub struct ChallengeUse<'a> {
    /// Digest of its token.
    pub token: Digest,
    /// Digest of the cookie, if one was sent.
    pub binding: Option<Digest>,
    /// The counter of wrong codes of second factors; `None` for a mailed code.
    pub counter: Option<&'a FailureCounter>,
    /// The counter of wrong passwords, which the complete sign-in resets.
    pub password_counter: &'a Digest,
    /// When the counter of wrong codes closes.
    pub policy: &'a LockoutPolicy,
}

/// A session about to be opened.
pub struct SessionOpening<'a> {
    /// The session.
    pub session: &'a Session,
    /// Its first refresh token.
    pub refresh: TokenId,
    /// Digest of the binding cookie, for sessions that have one.
    pub binding: Option<Digest>,
    /// Digest of the binding cookie that the browser had so far. Its session ends: the cookie of the
    /// new one replaces it.
    pub former_binding: Option<Digest>,
    /// The name that the person gives the device.
    pub device_name: Option<&'a DisplayName>,
    /// The device, for a client with cookies.
    pub device: Option<DeviceUse>,
    /// The verified proofs; each is validated again.
    pub proofs: &'a [Proof],
    /// True if the sign-in is refused although its proofs are right: they are spent, and the refusal is told.
    pub is_too_risky: bool,
    /// True if an account that must verify its address gets no session before that.
    pub requires_verified_email: bool,
    /// The networks of the account that the client address was checked with; no session is opened if the
    /// account has others by then.
    pub networks: &'a NetworkList,
    /// The counter whose failures are reset; `None` for a proof that cannot be guessed.
    pub counter: Option<&'a Digest>,
    /// The challenge that the sign-in answers, if it has two steps.
    pub challenge: Option<ChallengeUse<'a>>,
    /// The maximum of sessions of the account.
    pub most_sessions: u32,
    /// The end of the earlier session of the browser, and of the sessions beyond the limit.
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
        /// The earlier session of the browser and the sessions beyond the limit, which have ended.
        displaced: Revoked,
        /// The earlier session of the browser, which may be one of another account.
        replaced: Option<(AccountId, SessionId)>,
        /// The factor that was used beside a password or instead of one.
        factor: Option<FactorUse>,
        /// The device, for a client with cookies.
        device: Option<UsedDevice>,
    },
    /// Refused: the challenge is used, expired, of another browser, or has no try left.
    ChallengeOver,
    /// Refused, with the outcome to record.
    Refused(Outcome),
}
