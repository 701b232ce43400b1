//! A password becomes a session.
//!
//! Unknown, wrong, locked and deactivated are one answer after one amount of work: every refusal
//! hashes once and writes once. The lockout is judged in the transaction that opens the session, so
//! any number of guesses at the same moment are worth no more than the same guesses in a row. A weak
//! hash is renewed only after that: the time it takes would tell somebody who guesses during a wait,
//! which counts no guesses, that this one was right.

use std::net::IpAddr;
use std::sync::Arc;

use portcullis_audit::{Details, EventKind, HashParameters, Origin, Outcome, SecurityEvent};
use portcullis_domain::{
    Account, AccountId, Clock, Delivery, DisplayName, Email, ExposeSecret, PasswordEpoch,
    SecretString, SecureRandom, Session, SessionId, TokenId, Username,
};
use portcullis_password::{
    HashCost, HashError, HashingPool, Overloaded, Password, PasswordHash, Verdict,
};
use portcullis_token::{DeviceId, Digest, OpaqueSecret};
use unicode_normalization::UnicodeNormalization;

use crate::StoreError;
use crate::device;
use crate::effects::{Effects, EffectsOf};
use crate::grant::{Ending, Grant, Grantee, Issuer};
use crate::hash_cost::HashCosts;
use crate::lockout::{CounterState, FailureCounters, LockoutPolicy};
use crate::revocation::Revoked;

/// What signing in needs from storage.
pub trait SignInStore: Send + Sync {
    /// The account with that name, and the hash of its password if it has one.
    fn credentials(&self, identifier: &Identifier) -> Result<Option<Credentials>, StoreError>;

    /// Opens a session, unless at this very moment the counter is closed, the account deactivated
    /// or its password no longer the one that was checked. Forgets the failures of the counter and
    /// ends the oldest sessions beyond the limit. The outcome is recorded either way.
    fn open(&self, opening: &Opening<'_>) -> Result<Opened, StoreError>;

    /// Puts a stronger hash of the same password in the place of the one that was checked, and records
    /// it, unless somebody else has replaced that since.
    fn renew_hash(&self, renewal: &Renewal<'_>) -> Result<(), StoreError>;

    /// Counts a failure against a counter that is open, and records the refusal.
    fn refuse(
        &self,
        counter: &Digest,
        policy: &LockoutPolicy,
        effects: EffectsOf<'_, CounterState>,
    ) -> Result<(), StoreError>;
}

/// An account and what proves it.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The account as stored.
    pub account: Account,
    /// What its password is checked against.
    pub password: StoredPassword,
    /// Which password of the account that is, read together with the hash.
    pub epoch: PasswordEpoch,
}

/// What a password is checked against.
#[derive(Clone, Debug)]
pub enum StoredPassword {
    /// A hash.
    Hash(PasswordHash),
    /// Nothing: the account has no password.
    None,
    /// A text that is no hash, or none that may be verified. No password matches it.
    Damaged(HashError),
}

/// A hash about to take the place of another of the same password.
#[derive(Debug)]
pub struct Renewal<'a> {
    /// Whose.
    pub account: AccountId,
    /// The hash that the password matched.
    pub checked: &'a PasswordHash,
    /// The new one.
    pub renewed: &'a PasswordHash,
    /// What is recorded, unless the hash was replaced since.
    pub effects: &'a Effects,
}

/// A session about to be opened.
pub struct Opening<'a> {
    /// The session.
    pub session: &'a Session,
    /// Its first refresh token.
    pub refresh: TokenId,
    /// Digest of the binding cookie, for sessions that have one.
    pub binding: Option<Digest>,
    /// What the person calls the device.
    pub device_name: Option<&'a DisplayName>,
    /// The hash the password matched.
    pub password_hash: &'a PasswordHash,
    /// Whose failures are forgotten.
    pub counter: &'a Digest,
    /// Sessions the account may have at once.
    pub most_sessions: u32,
    /// How sessions end that make room.
    pub displacement: Ending,
    /// Where the request came from, for the family tree.
    pub origin: &'a Origin,
    /// What is recorded.
    pub effects: EffectsOf<'a, Opened>,
}

/// How opening a session ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Opened {
    /// The session is open.
    Done {
        /// Whose session it is.
        grantee: Box<Grantee>,
        /// Sessions that ended to make room.
        displaced: Revoked,
    },
    /// It is not; how that is recorded.
    Refused(Outcome),
}

/// The name somebody signs in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identifier {
    /// Matches the normalised name exactly, never a look-alike.
    Username(Username),
    /// Matches however the address is spelled.
    Email {
        /// The [key](Email::key) of the address.
        key: String,
        /// What the key was under the former rule, where it differs: an account that keeps such a key,
        /// because another one has the present key, is still found by its address as it was typed.
        former_key: Option<String>,
    },
    /// Nothing any account could be called; kept for the failure counter, normalised.
    Unusable(String),
}

impl Identifier {
    /// Reads a user name or an email address; never fails, so that a strange name costs the same.
    pub fn parse(text: &str) -> Self {
        if let Ok(email) = Email::stored(text) {
            let former_key = Email::former_key(text);
            let former_key = (former_key != email.key()).then_some(former_key);
            return Self::Email { key: email.key().to_owned(), former_key };
        }
        match Username::parse(text) {
            Ok(username) => Self::Username(username),
            Err(_) => Self::Unusable(text.nfc().flat_map(char::to_lowercase).take(256).collect()),
        }
    }

    fn key(&self) -> &str {
        match self {
            Self::Username(username) => username.as_str(),
            Self::Email { key, .. } => key,
            Self::Unusable(text) => text,
        }
    }
}

/// A request to sign in.
#[derive(Debug)]
pub struct SignInRequest {
    /// User name or email address, as typed.
    pub identifier: String,
    /// The password, as typed.
    pub password: SecretString,
    /// How the tokens shall travel.
    pub delivery: Delivery,
    /// What the person calls the device.
    pub device_name: Option<DisplayName>,
    /// The device cookie, if the browser has one.
    pub device_token: Option<SecretString>,
    /// Where the request came from.
    pub origin: Origin,
}

/// A session, and what the browser shall keep.
#[derive(Debug)]
pub struct SignedIn {
    /// Session and tokens.
    pub grant: Grant,
    /// The binding cookie, for [`Delivery::Cookie`].
    pub binding: Option<OpaqueSecret>,
    /// The device cookie, for [`Delivery::Cookie`].
    pub device_token: Option<SecretString>,
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Unknown name, wrong password, too many failures, or a deactivated account: not told apart.
    #[error("the name or the password is not right")]
    Refused,
    /// Over 1,024 bytes; no account was looked up.
    #[error("the password is longer than 1,024 bytes")]
    PasswordTooLong,
    /// Too many passwords are being checked already.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The use case.
pub struct SignIn {
    store: Arc<dyn SignInStore>,
    hashing: Arc<HashingPool>,
    issuer: Issuer,
    costs: Arc<HashCosts>,
    counters: FailureCounters,
    lockout: LockoutPolicy,
    clock: Arc<dyn Clock>,
    random: Arc<dyn SecureRandom>,
}

impl SignIn {
    /// A use case over these parts.
    #[expect(clippy::too_many_arguments, reason = "parts are named where they are put together")]
    pub fn new(
        store: Arc<dyn SignInStore>,
        hashing: Arc<HashingPool>,
        issuer: Issuer,
        costs: Arc<HashCosts>,
        counters: FailureCounters,
        lockout: LockoutPolicy,
        clock: Arc<dyn Clock>,
        random: Arc<dyn SecureRandom>,
    ) -> Self {
        Self { store, hashing, issuer, costs, counters, lockout, clock, random }
    }

    /// Checks the password and opens a session.
    pub fn sign_in(&self, request: &SignInRequest) -> Result<SignedIn, SignInError> {
        let password = Password::parse(request.password.expose_secret())
            .map_err(|_| SignInError::PasswordTooLong)?;
        let identifier = Identifier::parse(&request.identifier);
        let credentials = self.store.credentials(&identifier)?;
        let subject = credentials.as_ref().map(|found| found.account.id);
        let device = credentials.as_ref().and_then(|found| self.known_device(found, request));
        let counter = self.counter(&identifier, credentials.as_ref(), device);
        let cost = self.counters.cost_of(identifier.key(), subject);
        match self.prove(request.origin.address, password.clone(), credentials, &cost)? {
            Ok(proven) => {
                let signed_in = self.open(request, &proven, &counter, device)?;
                if proven.needs_rehash {
                    self.renew_hash(&request.origin, password, &proven);
                }
                Ok(signed_in)
            }
            Err(outcome) => {
                let mut event = self.event(outcome, &request.origin);
                event.subject = subject;
                self.store.refuse(&counter, &self.lockout, &|state| refusal(&event, *state))?;
                Err(SignInError::Refused)
            }
        }
    }

    /// Does the same work whether there is an account, a password, both or neither.
    fn prove(
        &self,
        address: IpAddr,
        password: Password,
        credentials: Option<Credentials>,
        cost: &Digest,
    ) -> Result<Result<Proven, Outcome>, Overloaded> {
        let stored = credentials.as_ref().map(|found| &found.password);
        let compared = if let Some(StoredPassword::Hash(hash)) = stored {
            hash.clone()
        } else {
            let hasher = self.hashing.hasher();
            hasher.decoy(self.costs.draw(cost, hasher))
        };
        let verdict = self.hashing.verify(address, password, compared)?;
        let Some(Credentials { account, password, epoch }) = credentials else {
            return Ok(Err(Outcome::UnknownAccount));
        };
        Ok(match (password, verdict) {
            (StoredPassword::Damaged(error), _) => {
                tracing::error!(account = %account.id, %error, "a stored password hash is damaged");
                Err(Outcome::DamagedHash)
            }
            (StoredPassword::None, _) | (_, Verdict::Mismatch) => Err(Outcome::WrongPassword),
            _ if !account.is_active => Err(Outcome::Deactivated),
            (StoredPassword::Hash(password_hash), Verdict::Match { needs_rehash }) => {
                Ok(Proven { account, epoch, password_hash, needs_rehash })
            }
        })
    }

    /// Nothing depends on it: the session is open, and the next sign-in would try again.
    fn renew_hash(&self, origin: &Origin, password: Password, proven: &Proven) {
        let Proven { account, password_hash: checked, .. } = proven;
        let renewed = match self.hashing.hash(origin.address, password, &*self.random) {
            Ok(renewed) => renewed,
            Err(error) => {
                return tracing::warn!(%error, account = %account.id, "a weak hash stays");
            }
        };
        let (kind, now) = (EventKind::PasswordRehashed, self.clock.now());
        let (before, after) = (parameters(checked.cost()), parameters(renewed.cost()));
        let event = SecurityEvent::new(kind, Outcome::Success, origin, now, &*self.random)
            .about(account.id)
            .with(Details::Rehash { before, after });
        let effects = event.into();
        let renewal =
            Renewal { account: account.id, checked, renewed: &renewed, effects: &effects };
        if let Err(error) = self.store.renew_hash(&renewal) {
            tracing::warn!(%error, account = %account.id, "a weak hash stays");
        }
    }

    fn open(
        &self,
        request: &SignInRequest,
        proven: &Proven,
        counter: &Digest,
        device: Option<DeviceId>,
    ) -> Result<SignedIn, SignInError> {
        let Proven { account, epoch, password_hash, .. } = proven;
        let now = self.clock.now();
        let session = Session {
            id: SessionId::generate(now, &*self.random),
            account_id: account.id,
            delivery: request.delivery,
            authenticated_at: now,
            expires_at: now + self.issuer.lifetimes(&account.role).absolute,
        };
        let refresh = TokenId::generate(now, &*self.random);
        let uses_cookies = request.delivery == Delivery::Cookie;
        let binding = uses_cookies.then(|| OpaqueSecret::mint(&*self.random));
        // The first sign-in of all is from no known device either, and nobody need be told.
        let is_noteworthy = device.is_none() && account.last_sign_in_at.is_some();
        let event = |kind, outcome, session| {
            SecurityEvent::new(kind, outcome, &request.origin, now, &*self.random)
                .about(account.id)
                .in_session(session)
        };
        let effects = |opened: &Opened| match opened {
            Opened::Done { displaced, .. } => {
                let success = |kind, session| event(kind, Outcome::Success, session);
                let mut events = vec![success(EventKind::SignIn, session.id)];
                events.extend(is_noteworthy.then(|| success(EventKind::NewDevice, session.id)));
                let displaced = displaced.sessions();
                events.extend(displaced.map(|ended| success(EventKind::SessionDisplaced, ended)));
                events.into()
            }
            Opened::Refused(outcome) => event(EventKind::SignIn, *outcome, session.id).into(),
        };
        let opened = self.store.open(&Opening {
            session: &session,
            refresh,
            binding: binding.as_ref().map(OpaqueSecret::digest),
            device_name: request.device_name.as_ref(),
            password_hash,
            counter,
            most_sessions: self.issuer.policy().most_sessions,
            displacement: self.issuer.ending(EventKind::SessionDisplaced, now),
            origin: &request.origin,
            effects: &effects,
        })?;
        let Opened::Done { grantee, displaced } = opened else {
            return Err(SignInError::Refused);
        };
        self.issuer.revocations().enforce(displaced);
        let authority = self.issuer.authority();
        let device_token = uses_cookies
            .then(|| device::cookie(authority, account.id, *epoch, device, now, &*self.random));
        let grant = self.issuer.grant(*grantee, session, refresh, now, now, &*self.random);
        Ok(SignedIn { grant, binding, device_token })
    }

    fn event(&self, outcome: Outcome, origin: &Origin) -> SecurityEvent {
        let now = self.clock.now();
        SecurityEvent::new(EventKind::SignIn, outcome, origin, now, &*self.random)
    }

    fn known_device(&self, found: &Credentials, request: &SignInRequest) -> Option<DeviceId> {
        let (authority, cookie) = (self.issuer.authority(), request.device_token.as_ref());
        device::known(authority, cookie, found.account.id, found.epoch, self.clock.now())
    }

    /// Which counter the attempt belongs to, see [`crate::lockout`].
    fn counter(
        &self,
        identifier: &Identifier,
        found: Option<&Credentials>,
        device: Option<DeviceId>,
    ) -> Digest {
        match (found, device) {
            (None, _) => self.counters.of_name(identifier.key()),
            (Some(found), None) => self.counters.of_strangers(found.account.id),
            (Some(found), Some(_)) => self.counters.of_known_devices(found.account.id, found.epoch),
        }
    }
}

/// An account whose password was just shown, and the hash it matched.
struct Proven {
    account: Account,
    epoch: PasswordEpoch,
    password_hash: PasswordHash,
    needs_rehash: bool,
}

/// A refusal as it is recorded, which says so where the counter was closed.
pub(crate) fn refusal(event: &SecurityEvent, state: CounterState) -> Effects {
    let outcome = match state {
        CounterState::Open => event.outcome,
        CounterState::Closed => Outcome::Locked,
    };
    SecurityEvent { outcome, ..event.clone() }.into()
}

const fn parameters(cost: HashCost) -> HashParameters {
    match cost {
        HashCost::Bcrypt { cost } => HashParameters::Bcrypt { cost },
        HashCost::Argon2id { memory_kib, iterations, parallelism } => {
            HashParameters::Argon2id { memory_kib, iterations, parallelism }
        }
    }
}
