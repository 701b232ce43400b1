//! The sign-in pipeline: verify proofs, assess the sign-in, challenge for a second factor, open a
//! session (*prove*, *assess*, *challenge*, *open*).
//!
//! `password` verifies a credential and returns a proof; `assessment` allows or refuses the
//! sign-in, or requires a second factor, for which `challenge` stores a challenge and takes the answer;
//! `opening` takes the proofs, and storage validates each again in the one transaction
//! that opens the session. Methods (`amr`) and assurance level (`acr`) of the proofs are stored
//! with the session; every access token states the methods. A factor is a file that returns a proof, a
//! variant in `proof`, its method in `portcullis-domain`, and its condition in [`SignInStore`].
//!
//! An unknown name, a wrong password, a locked and a deactivated account get the same answer after
//! the same work: every refusal hashes once and writes once. The lockout is checked in the
//! transaction that opens the session, so parallel guesses count like sequential guesses.

use std::sync::Arc;

use portcullis_audit::{EventKind, Origin, Outcome, RiskOutcome, SecurityEvent};
use portcullis_domain::{
    AccountId, Ambient, Delivery, DisplayName, ExposeSecret, NetworkPrefix, SecretString,
};
use portcullis_password::{HashingPool, Overloaded, Password};
use portcullis_rate_limit::LockoutPolicy;

use self::assessment::{Assessment, SecondStep, admit, assess};
pub use self::challenge::{
    CHALLENGE_LIFETIME, ChallengeAnswer, ChallengeError, IssuedChallenge, MAX_CHALLENGE_TRIES,
    SecondFactor,
};
use self::challenge::{ChallengedSignIn, Challenger};
pub use self::credentials::{StoredCredentials, StoredPassword};
pub use self::identifier::Identifier;
pub use self::opening::{BrowserCookies, SignedIn};
use self::opening::{Opened, SessionOpener, VerifiedSignIn};
pub use self::passkey::{
    PasskeySignIn, PasskeySignInError, PasskeySignInOptions, PasskeySignInRequest,
};
pub use self::password::PasswordProof;
use self::password::PasswordProver;
pub(crate) use self::password::verify;
pub use self::proof::{MailedCode, Proof};
use self::rehash::Rehash;
use self::risk::AssessedRisk;
pub use self::risk::{RiskAssessor, RiskFiles, RiskInputs, RiskQuery, RiskStore};
pub use self::store::{
    ChallengeResult, ChallengeUse, HashReplacement, NewChallenge, NewMailedCode, OpenChallenge,
    SessionOpening, SessionOpeningResult, SignInStore,
};
use crate::StoreError;
use crate::effects::event_now;
use crate::identity::breach_review::BreachReviews;
use crate::sign_in::device::{self, SignInDevice};
use crate::sign_in::hash_cost::HashCosts;
use crate::sign_in::lockout::{CounterState, FailureCounter, Lockout};
use crate::sign_in::passkey_challenge::PasskeyOffer;
use crate::sign_in::session_tokens::TokenIssuer;

mod assessment;
mod challenge;
mod code_limit;
mod credentials;
mod identifier;
mod opening;
mod passkey;
mod password;
mod proof;
mod rehash;
mod risk;
mod store;

/// A request to sign in.
#[derive(Debug)]
pub struct SignInRequest {
    /// User name or email address, as typed.
    pub identifier: String,
    /// The password, as typed.
    pub password: SecretString,
    /// The delivery of the tokens.
    pub delivery: Delivery,
    /// The name that the person gives the device.
    pub device_name: Option<DisplayName>,
    /// The cookies of the browser.
    pub browser: BrowserCookies,
    /// The source of the request.
    pub origin: Origin,
}

/// The result of a right password.
#[derive(Debug)]
pub enum SignInResult {
    /// A session is open.
    SignedIn(Box<SignedIn>),
    /// A second factor is required; no session exists yet.
    ChallengeIssued(IssuedChallenge),
}

/// The reason why no session was opened.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Unknown name, wrong password, too many failures, or a deactivated account: not
    /// distinguished.
    #[error("the name or the password is not right")]
    Refused,
    /// The password is right, and the address must be verified first.
    #[error("the email address is not verified")]
    Unverified,
    /// More than 1,024 bytes; no account was looked up.
    #[error("the password is longer than 1,024 bytes")]
    PasswordTooLong,
    /// Too many passwords are being checked already.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A sign-in whose password is verified.
struct VerifiedPassword<'r> {
    request: &'r SignInRequest,
    password: Password,
    found: StoredCredentials,
    proof: PasswordProof,
    counter: FailureCounter,
    device: SignInDevice,
    risk: Option<AssessedRisk>,
}

/// Signs in with a password.
pub struct SignIn {
    store: Arc<dyn SignInStore>,
    passwords: PasswordProver,
    opener: SessionOpener,
    challenger: Challenger,
    rehash: Rehash,
    reviews: BreachReviews,
    lockout: LockoutPolicy,
    risk: Option<RiskAssessor>,
    ambient: Ambient,
}

impl SignIn {
    /// Creates the use case from its dependencies.
    pub fn new(
        store: Arc<dyn SignInStore>,
        hashing: Arc<HashingPool>,
        issuer: TokenIssuer,
        costs: Arc<HashCosts>,
        reviews: BreachReviews,
        lockout: Lockout,
        ambient: Ambient,
    ) -> Self {
        let Lockout { counters, policy: lockout } = lockout;
        let passwords = PasswordProver { hashing: hashing.clone(), costs, counters };
        let opener = SessionOpener {
            store: store.clone(),
            issuer,
            requires_verified_email: false,
            ambient: ambient.clone(),
        };
        let challenger =
            Challenger { store: store.clone(), passkeys: None, ambient: ambient.clone() };
        let rehash = Rehash { store: store.clone(), hashing, ambient: ambient.clone() };
        Self { store, passwords, opener, challenger, rehash, reviews, lockout, risk: None, ambient }
    }

    /// Offers passkeys as second factors.
    #[must_use]
    pub fn offering_passkeys(mut self, offer: PasskeyOffer) -> Self {
        self.challenger.passkeys = Some(offer);
        self
    }

    /// Refuses sessions to accounts that must verify their address first. The refusal is told only
    /// to the right password, while the counter of failures is open.
    #[must_use]
    pub fn requiring_verified_email(mut self, is_required: bool) -> Self {
        self.opener.requires_verified_email = is_required;
        self
    }

    /// Assesses the risk of each sign-in.
    #[must_use]
    pub fn assessing_risk(mut self, assessor: Option<RiskAssessor>) -> Self {
        self.risk = assessor;
        self
    }

    /// Verifies the password, and opens a session or issues a challenge for a second factor.
    pub fn sign_in(&self, request: &SignInRequest) -> Result<SignInResult, SignInError> {
        let password = Password::parse(request.password.expose_secret())
            .map_err(|_| SignInError::PasswordTooLong)?;
        let identifier = Identifier::parse(&request.identifier);
        let found = self.store.credentials(&identifier)?;
        let subject = found.as_ref().map(|found| found.account.id);
        let device = match &found {
            Some(found) => self.device(found, request)?,
            None => SignInDevice::Unknown,
        };
        let counter = self.counter(&identifier, found.as_ref(), device);
        let (address, typed) = (request.origin.address, password.clone());
        let proven = self.passwords.prove(address, typed, &identifier, found)?;
        // After the wait for a hashing thread, in which earlier attempts have failed. For each outcome, so that
        // the time tells nothing.
        let read = |assessor: &RiskAssessor| assessor.read(subject, &request.origin);
        let inputs = self.risk.as_ref().map(read).transpose()?;
        let networks = self.opener.issuer.networks();
        let admitted = proven.and_then(|(found, proof)| {
            admit(&found.account, networks, address).map(|()| (found, proof))
        });
        let (found, proof) = match admitted {
            Ok(admitted) => admitted,
            Err(outcome) => return Err(self.refuse(request, subject, &counter, outcome, None)),
        };
        let risk = self.risk.as_ref().zip(inputs);
        let risk = risk.map(|(assessor, inputs)| assessor.assess(&inputs, device, &request.origin));
        let outcome = risk.map_or(RiskOutcome::Allowed, |risk| risk.outcome);
        let assessment = assess(&found.account, device, outcome);
        let verified = VerifiedPassword { request, password, found, proof, counter, device, risk };
        match assessment {
            Assessment::Allow { is_new_device } => self.open(verified, is_new_device),
            Assessment::Challenge(step) => self.challenge(verified, step),
            Assessment::Refuse(outcome) => {
                Err(self.refuse(request, subject, &verified.counter, outcome, risk))
            }
        }
    }

    fn challenge(
        &self,
        verified: VerifiedPassword<'_>,
        step: SecondStep,
    ) -> Result<SignInResult, SignInError> {
        let VerifiedPassword { request, password, found, proof, counter, risk, .. } = verified;
        let StoredCredentials { account, epoch, is_reviewed, .. } = found;
        let issued = self.challenger.issue(&ChallengedSignIn {
            account: &account,
            step,
            risk,
            epoch,
            proof: &proof,
            counter: &counter.key,
            delivery: request.delivery,
            device_name: request.device_name.as_ref(),
            origin: &request.origin,
        })?;
        let issued = issued.ok_or(SignInError::Refused)?;
        if !is_reviewed {
            self.reviews.review(&account, epoch, &password, &request.origin);
        }
        if proof.needs_rehash {
            self.rehash.renew(account.id, password, &proof, &request.origin);
        }
        Ok(SignInResult::ChallengeIssued(issued))
    }

    fn open(
        &self,
        verified: VerifiedPassword<'_>,
        is_new_device: bool,
    ) -> Result<SignInResult, SignInError> {
        let VerifiedPassword { request, password, found, proof, counter, device, risk } = verified;
        let epochs = found.device_epochs();
        let StoredCredentials { account, epoch, is_reviewed, .. } = found;
        let opened = self.opener.open(&VerifiedSignIn {
            account: &account,
            epochs,
            proofs: &[Proof::Password(proof.clone())],
            counter: Some(&counter.key),
            device,
            is_new_device,
            risk,
            delivery: request.delivery,
            review: &|| {
                !is_reviewed && self.reviews.review(&account, epoch, &password, &request.origin)
            },
            device_name: request.device_name.as_ref(),
            challenge: None,
            browser: &request.browser,
            origin: &request.origin,
        })?;
        let signed_in = match opened {
            Opened::Session(signed_in) => signed_in,
            Opened::Refused(Outcome::Unverified) => return Err(SignInError::Unverified),
            Opened::Refused(_) | Opened::ChallengeOver => return Err(SignInError::Refused),
        };
        if proof.needs_rehash {
            self.rehash.renew(account.id, password, &proof, &request.origin);
        }
        Ok(SignInResult::SignedIn(signed_in))
    }

    /// Counts and records a refusal. The holder is told of a right password whose risk is too high.
    fn refuse(
        &self,
        request: &SignInRequest,
        subject: Option<AccountId>,
        counter: &FailureCounter,
        outcome: Outcome,
        risk: Option<AssessedRisk>,
    ) -> SignInError {
        let (kind, origin) = (EventKind::SignIn, &request.origin);
        let event = event_now(kind, outcome, origin, &self.ambient);
        let event = SecurityEvent { subject, ..event };
        let network = self.risk.is_some().then(|| NetworkPrefix::of(origin.address));
        let effects = |state: &CounterState| {
            let mut effects = state.refusal(&event);
            let open = (*state == CounterState::Open).then_some(risk).flatten();
            if let (Some(risk), Some(account)) = (open, subject) {
                effects.extend(risk.refusal(account, origin, &self.ambient));
            }
            effects
        };
        let refused = self.store.refuse(counter, &self.lockout, network, &effects);
        refused.map_or_else(SignInError::from, |()| SignInError::Refused)
    }

    fn device(
        &self,
        found: &StoredCredentials,
        request: &SignInRequest,
    ) -> Result<SignInDevice, StoreError> {
        let (store, cookie, now) =
            (&*self.store, request.browser.device.as_ref(), self.ambient.now());
        let (account, epochs) = (found.account.id, found.device_epochs());
        device::find(store, &self.opener.issuer, cookie, account, epochs, now)
    }

    /// The counter of the attempt, see [`crate::sign_in::lockout`].
    fn counter(
        &self,
        identifier: &Identifier,
        found: Option<&StoredCredentials>,
        device: SignInDevice,
    ) -> FailureCounter {
        let counters = &self.passwords.counters;
        match found {
            None => counters.of_name(identifier.key()),
            Some(found) => counters.of_device(found.account.id, found.epoch, device),
        }
    }
}
