//! Somebody proves who they are, and a session is opened: *prove*, *assess*, *open*.
//!
//! `password` gives a proof; `assessment` says whether it suffices; `opening` takes the proofs, and storage
//! validates each again in the one transaction that opens the session. What the proofs are worth is stored
//! with the session, and every token of the session says it. A new kind of credential is a file that gives
//! a proof, and a line in `proof`.
//!
//! Unknown, wrong, locked and deactivated are one answer after one amount of work: every refusal hashes
//! once and writes once. The lockout is judged in the transaction that opens the session, so any number of
//! guesses at the same moment are worth no more than the same guesses in a row.

use std::sync::Arc;

use portcullis_audit::{EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{AccountId, Ambient, Delivery, DisplayName, ExposeSecret, SecretString};
use portcullis_password::{HashingPool, Overloaded, Password};
use portcullis_token::{DeviceId, Digest};

use self::assessment::{Assessment, assess};
pub use self::credentials::{StoredCredentials, StoredPassword};
pub use self::identifier::Identifier;
pub use self::opening::SignedIn;
use self::opening::{SessionOpener, VerifiedSignIn};
pub use self::password::PasswordProof;
use self::password::PasswordProver;
pub(crate) use self::password::verify;
pub use self::proof::Proof;
use self::rehash::Rehash;
pub use self::store::{HashReplacement, SessionOpening, SessionOpeningResult, SignInStore};
use crate::StoreError;
use crate::sign_in::device;
use crate::sign_in::hash_cost::HashCosts;
use crate::sign_in::lockout::{Lockout, LockoutPolicy};
use crate::sign_in::session_tokens::TokenIssuer;

mod assessment;
mod credentials;
mod identifier;
mod opening;
mod password;
mod proof;
mod rehash;
mod store;

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
    passwords: PasswordProver,
    opener: SessionOpener,
    rehash: Rehash,
    lockout: LockoutPolicy,
    ambient: Ambient,
}

impl SignIn {
    /// A use case over these parts.
    pub fn new(
        store: Arc<dyn SignInStore>,
        hashing: Arc<HashingPool>,
        issuer: TokenIssuer,
        costs: Arc<HashCosts>,
        lockout: Lockout,
        ambient: Ambient,
    ) -> Self {
        let Lockout { counters, policy: lockout } = lockout;
        let passwords = PasswordProver { hashing: hashing.clone(), costs, counters };
        let opener = SessionOpener { store: store.clone(), issuer, ambient: ambient.clone() };
        let rehash = Rehash { store: store.clone(), hashing, ambient: ambient.clone() };
        Self { store, passwords, opener, rehash, lockout, ambient }
    }

    /// Checks the password and opens a session.
    pub fn sign_in(&self, request: &SignInRequest) -> Result<SignedIn, SignInError> {
        let password = Password::parse(request.password.expose_secret())
            .map_err(|_| SignInError::PasswordTooLong)?;
        let identifier = Identifier::parse(&request.identifier);
        let found = self.store.credentials(&identifier)?;
        let subject = found.as_ref().map(|found| found.account.id);
        let device = found.as_ref().and_then(|found| self.known_device(found, request));
        let counter = self.counter(&identifier, found.as_ref(), device);

        let (address, typed) = (request.origin.address, password.clone());
        let proven = self.passwords.prove(address, typed, &identifier, found)?;
        let assessed = proven.and_then(|(found, proof)| match assess(&found.account, device) {
            Assessment::Allow { is_new_device } => Ok((found, proof, is_new_device)),
            Assessment::Refuse(outcome) => Err(outcome),
        });
        let (StoredCredentials { account, epoch, .. }, proof, is_new_device) = match assessed {
            Ok(allowed) => allowed,
            Err(outcome) => return Err(self.refuse(request, subject, &counter, outcome)),
        };
        let signed_in = self.opener.open(&VerifiedSignIn {
            account: &account,
            epoch,
            proofs: &[Proof::Password(proof.clone())],
            counter: &counter,
            device,
            is_new_device,
            delivery: request.delivery,
            device_name: request.device_name.as_ref(),
            origin: &request.origin,
        })?;
        let signed_in = signed_in.ok_or(SignInError::Refused)?;
        if proof.needs_rehash {
            self.rehash.renew(account.id, password, &proof, &request.origin);
        }
        Ok(signed_in)
    }

    fn refuse(
        &self,
        request: &SignInRequest,
        subject: Option<AccountId>,
        counter: &Digest,
        outcome: Outcome,
    ) -> SignInError {
        let (kind, now) = (EventKind::SignIn, self.ambient.now());
        let event = SecurityEvent::new(kind, outcome, &request.origin, now, &*self.ambient.random);
        let event = SecurityEvent { subject, ..event };
        let refused = self.store.refuse(counter, &self.lockout, &|state| state.refusal(&event));
        refused.map_or_else(SignInError::from, |()| SignInError::Refused)
    }

    fn known_device(&self, found: &StoredCredentials, request: &SignInRequest) -> Option<DeviceId> {
        let (authority, cookie) = (self.opener.issuer.authority(), request.device_token.as_ref());
        device::known(authority, cookie, found.account.id, found.epoch, self.ambient.now())
    }

    /// Which counter the attempt belongs to, see [`crate::sign_in::lockout`].
    fn counter(
        &self,
        identifier: &Identifier,
        found: Option<&StoredCredentials>,
        device: Option<DeviceId>,
    ) -> Digest {
        let counters = &self.passwords.counters;
        match (found, device) {
            (None, _) => counters.of_name(identifier.key()),
            (Some(found), None) => counters.of_strangers(found.account.id),
            (Some(found), Some(_)) => counters.of_known_devices(found.account.id, found.epoch),
        }
    }
}
