//! Challenges: the second step of a sign-in.
//!
//! A challenge is stored. It belongs to one account and, for clients with cookies, to one browser; it
//! lives five minutes, or fifteen with a mailed code, allows five tries and is answered once. Its
//! token is an opaque secret that no route but the second step takes. Wrong codes of a second factor are
//! counted for the account, whatever challenge they were sent for. Mailed codes are not: a code has 80
//! random bits, so the tries of its challenge are enough, and a thief of the password could close a counter
//! of the account for its holder. The first step ends with the password proven and no session: the password
//! is validated again by its epoch when the session opens.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::{EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{
    Account, Ambient, Delivery, DisplayName, ExposeSecret, NetworkPrefix, PasswordEpoch,
    SecretString,
};
use portcullis_mfa::passkey::{RequestOptions, UserVerification};
use portcullis_password::HashingError;
use portcullis_token::{Digest, OpaqueSecret};

use super::assessment::{SecondStep, is_new_device};
use super::code_limit;
use super::opening::{BrowserCookies, Opened, SessionOpener, SignedIn, VerifiedSignIn};
use super::password::PasswordProof;
use super::proof::{MailedCode, Proof};
use super::risk::{AssessedRisk, RiskAssessor};
use super::store::{
    ChallengeResult, ChallengeUse, NewChallenge, NewMailedCode, OpenChallenge, SignInStore,
};
use crate::StoreError;
use crate::effects::{Effects, Message, Recipient, event_now};
use crate::node::mail::Mail;
use crate::sign_in::device::{self, DeviceEpochs, SignInDevice};
use crate::sign_in::factor::{FactorAnswer, FactorProver, PasskeyChallenge, ProverError};
use crate::sign_in::lockout::Lockout;
use crate::sign_in::passkey_challenge::PasskeyOffer;
use crate::sign_in::session_tokens::TokenIssuer;

/// The lifetime of a challenge.
pub const CHALLENGE_LIFETIME: Duration = Duration::from_secs(5 * 60);

/// The lifetime of a challenge that a mailed code answers: mail takes longer than an app.
const MAILED_CHALLENGE_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// The maximum of tries of a challenge.
pub const MAX_CHALLENGE_TRIES: u32 = 5;

/// A challenge as the client gets it.
#[derive(Debug)]
pub struct IssuedChallenge {
    /// Its token.
    pub token: OpaqueSecret,
    /// The cookie that binds it to the browser, for [`Delivery::Cookie`].
    pub binding: Option<OpaqueSecret>,
    /// The request for an assertion, if the account has passkeys.
    pub passkey: Option<RequestOptions>,
    /// True if the answer is a code that was mailed.
    pub is_mailed: bool,
    /// Until the challenge expires.
    pub lifetime: Duration,
}

/// A sign-in whose password is verified, and that needs a second factor.
pub(super) struct ChallengedSignIn<'a> {
    pub(super) account: &'a Account,
    pub(super) step: SecondStep,
    pub(super) risk: Option<AssessedRisk>,
    pub(super) epoch: PasswordEpoch,
    pub(super) proof: &'a PasswordProof,
    pub(super) counter: &'a Digest,
    pub(super) delivery: Delivery,
    pub(super) device_name: Option<&'a DisplayName>,
    pub(super) origin: &'a Origin,
}

/// Issues challenges.
pub(super) struct Challenger {
    pub(super) store: Arc<dyn SignInStore>,
    pub(super) passkeys: Option<PasskeyOffer>,
    pub(super) ambient: Ambient,
}

impl Challenger {
    /// The challenge; `None` if storage refuses it, which is recorded.
    pub(super) fn issue(
        &self,
        sign_in: &ChallengedSignIn<'_>,
    ) -> Result<Option<IssuedChallenge>, StoreError> {
        let (now, random) = (self.ambient.now(), &*self.ambient.random);
        let token = OpaqueSecret::mint(random);
        let uses_cookies = sign_in.delivery == Delivery::Cookie;
        let binding = uses_cookies.then(|| OpaqueSecret::mint(random));
        let account = sign_in.account.id;
        let event = |kind, outcome| {
            SecurityEvent::new(kind, outcome, sign_in.origin, now, random).about(account)
        };
        let issued = event(EventKind::ChallengeIssued, Outcome::Success);
        let is_mailed = sign_in.step == SecondStep::MailedCode;
        let code = is_mailed.then(|| {
            let mail = Mail::SignInCode { address: sign_in.origin.address };
            Message::about(&issued, Recipient::Holder(account), mail, random)
        });
        let lifetime = if is_mailed { MAILED_CHALLENGE_LIFETIME } else { CHALLENGE_LIFETIME };
        let assessed =
            sign_in.risk.map(|risk| risk.event(sign_in.origin, &self.ambient).about(account));
        let effects = |result: &ChallengeResult| match result {
            ChallengeResult::Issued | ChallengeResult::Limited => {
                let is_limited = *result == ChallengeResult::Limited;
                let outcome = if is_limited { Outcome::Limited } else { Outcome::Success };
                let messages = code.iter().filter(|_| !is_limited).cloned().collect();
                let mut events = vec![SecurityEvent { outcome, ..issued.clone() }];
                events.extend(assessed.clone());
                Effects { events, messages }
            }
            ChallengeResult::Refused(outcome) => event(EventKind::SignIn, *outcome).into(),
        };
        let is_familiar = sign_in.risk.is_some_and(AssessedRisk::is_familiar);
        let (email, address) = (&sign_in.account.email, sign_in.origin.address);
        let mailed_code = code.as_ref().map(|code| NewMailedCode {
            message: code.id,
            allowances: code_limit::allowances(email, address, is_familiar),
        });
        let result = self.store.issue_challenge(&NewChallenge {
            token: token.digest(),
            binding: binding.as_ref().map(OpaqueSecret::digest),
            account,
            proof: sign_in.proof,
            epoch: sign_in.epoch,
            counter: sign_in.counter,
            delivery: sign_in.delivery,
            device_name: sign_in.device_name,
            address: sign_in.origin.address,
            lifetime,
            mailed_code,
            effects: &effects,
        })?;
        if let ChallengeResult::Refused(_) = result {
            return Ok(None);
        }
        let passkey = match &self.passkeys {
            Some(offer) if !is_mailed => offer.of_second_step(account, &token)?,
            _ => None,
        };
        Ok(Some(IssuedChallenge { token, binding, passkey, is_mailed, lifetime }))
    }
}

/// The answer to a challenge.
#[derive(Debug)]
pub struct ChallengeAnswer {
    /// The token of the challenge.
    pub token: SecretString,
    /// The cookie that binds it to the browser, if one was sent.
    pub binding: Option<SecretString>,
    /// The second factor.
    pub factor: FactorAnswer,
    /// The cookies of the browser.
    pub browser: BrowserCookies,
    /// The source of the request.
    pub origin: Origin,
}

/// The reason why an answer opened no session.
#[derive(Debug, thiserror::Error)]
pub enum ChallengeError {
    /// The challenge is unknown, used, expired, of another browser, or has no try left.
    #[error("the challenge is over")]
    Over,
    /// The code is wrong or was used before, or there are too many failures: not distinguished.
    #[error("the code is not right")]
    WrongCode,
    /// Both factors are right, but the address of the account must be verified first.
    #[error("the address is not verified")]
    Unverified,
    /// The code could not be hashed now.
    #[error(transparent)]
    Hashing(#[from] HashingError),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ProverError> for ChallengeError {
    fn from(error: ProverError) -> Self {
        match error {
            ProverError::Hashing(error) => error.into(),
            ProverError::Store(error) => error.into(),
        }
    }
}

/// Signs in with the second factor.
pub struct SecondFactor {
    store: Arc<dyn SignInStore>,
    prover: FactorProver,
    opener: SessionOpener,
    lockout: Lockout,
    risk: Option<RiskAssessor>,
    ambient: Ambient,
}

impl SecondFactor {
    /// Creates the use case from its dependencies.
    pub fn new(
        store: Arc<dyn SignInStore>,
        prover: FactorProver,
        issuer: TokenIssuer,
        lockout: Lockout,
        ambient: Ambient,
    ) -> Self {
        let opener = SessionOpener {
            store: store.clone(),
            issuer,
            requires_verified_email: false,
            ambient: ambient.clone(),
        };
        Self { store, prover, opener, lockout, risk: None, ambient }
    }

    /// Refuses sessions to accounts that must verify their address first, as the first step does for
    /// accounts without a factor.
    #[must_use]
    pub fn requiring_verified_email(mut self, is_required: bool) -> Self {
        self.opener.requires_verified_email = is_required;
        self
    }

    /// Assesses the risk again of an answer from another network than the first step.
    #[must_use]
    pub fn assessing_risk(mut self, assessor: Option<RiskAssessor>) -> Self {
        self.risk = assessor;
        self
    }

    /// Verifies the factor and opens the session.
    pub fn answer(&self, answer: &ChallengeAnswer) -> Result<SignedIn, ChallengeError> {
        let secret = OpaqueSecret::parse(answer.token.expose_secret());
        let secret = secret.map_err(|_| ChallengeError::Over)?;
        let token = secret.digest();
        let found = self.store.challenge(&token)?.ok_or(ChallengeError::Over)?;
        let OpenChallenge { account, epoch, factor_epoch, delivery, device_name, message, .. } =
            found;
        let (address, factor) = (answer.origin.address, answer.factor.clone());
        if !self.opener.issuer.networks().admits(&account, address) {
            let is_mailed = message.is_some();
            return Err(self.refuse_outside(&account, is_mailed, &answer.origin));
        }
        let challenge = |_: &_| PasskeyChallenge::of_second_step(&secret);
        let proof = if let Some(message) = message {
            Proof::MailedCode(MailedCode::of(message, &factor))
        } else {
            let verification = UserVerification::Preferred;
            let proof = self.prover.prove(address, account.id, factor, verification, challenge)?;
            Proof::Factor(proof)
        };
        let epochs = DeviceEpochs { password: epoch, factors: factor_epoch };
        let (issuer, cookie) = (&self.opener.issuer, answer.browser.device.as_ref());
        let (store, now) = (&*self.store, self.ambient.now());
        let device = device::find(store, issuer, cookie, account.id, epochs, now)?;
        let counters = &self.lockout.counters;
        let counter = message.is_none().then(|| counters.of_factors(account.id));
        let opened = self.opener.open(&VerifiedSignIn {
            account: &account,
            epochs,
            proofs: &[Proof::EarlierPassword(epoch), proof],
            risk: self.assess_again(&account, found.address, device, &answer.origin)?,
            counter: counter.as_ref().map(|counter| &counter.key),
            device,
            is_new_device: is_new_device(&account, device),
            delivery,
            // The first step has reviewed the password.
            review: &|| false,
            device_name: device_name.as_ref(),
            challenge: Some(ChallengeUse {
                token,
                binding: answer.binding.as_ref().map(|cookie| Digest::of(cookie.expose_secret())),
                counter: counter.as_ref(),
                password_counter: &counters.of_device(account.id, epoch, device).key,
                policy: &self.lockout.policy,
            }),
            browser: &answer.browser,
            origin: &answer.origin,
        })?;
        match opened {
            Opened::Session(signed_in) => Ok(*signed_in),
            Opened::Refused(Outcome::Unverified) => Err(ChallengeError::Unverified),
            Opened::Refused(_) => Err(ChallengeError::WrongCode),
            Opened::ChallengeOver => Err(ChallengeError::Over),
        }
    }

    /// The risk of an answer from another network than that of the first step, which was assessed.
    fn assess_again(
        &self,
        account: &Account,
        assessed: Option<IpAddr>,
        device: SignInDevice,
        origin: &Origin,
    ) -> Result<Option<AssessedRisk>, StoreError> {
        let network = NetworkPrefix::of(origin.address);
        let is_assessed = assessed.map(NetworkPrefix::of) == Some(network);
        let Some(assessor) = self.risk.as_ref().filter(|_| !is_assessed) else { return Ok(None) };
        let inputs = assessor.read(Some(account.id), origin)?;
        Ok(Some(assessor.assess(&inputs, device, origin)))
    }

    /// Refuses an answer from outside the networks of the account, whatever its code is, and records it.
    fn refuse_outside(
        &self,
        account: &Account,
        is_mailed: bool,
        origin: &Origin,
    ) -> ChallengeError {
        let (kind, outcome) = (EventKind::SignIn, Outcome::OutsideNetworks);
        let event = event_now(kind, outcome, origin, &self.ambient).about(account.id);
        let refused = if is_mailed {
            self.store.record_refusal(&event.into())
        } else {
            let Lockout { counters, policy } = &self.lockout;
            let counter = counters.of_factors(account.id);
            self.store.refuse(&counter, policy, None, &|state| state.refusal(&event))
        };
        refused.map_or_else(ChallengeError::from, |()| ChallengeError::Over)
    }
}
