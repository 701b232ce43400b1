//! Sign-in with a passkey alone, without a name or a password.
//!
//! The authenticator must verify its user, so the passkey counts as two factors. It cannot be guessed, so no
//! failure is counted and no wait closes this way: failures of others never lock its owner out.

use std::sync::Arc;

use portcullis_audit::{Details, EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{
    AccountId, Ambient, Delivery, DisplayName, ExposeSecret, Factor, SecretString,
};
use portcullis_mfa::passkey::{AssertionResponse, RequestOptions, UserVerification};
use portcullis_token::{Digest, OpaqueSecret};

use super::assessment::{admit, is_new_device};
use super::opening::{BrowserCookies, Opened, SessionOpener, SignedIn, VerifiedSignIn};
use super::proof::Proof;
use super::risk::RiskAssessor;
use super::store::SignInStore;
use crate::StoreError;
use crate::effects::{Effects, event_now};
use crate::sign_in::device;
use crate::sign_in::factor::{FactorProof, PasskeyChallenge, claimed, digest};
use crate::sign_in::passkey_challenge::{ChallengePurpose, PasskeyOffer};
use crate::sign_in::session_tokens::TokenIssuer;

/// A started sign-in with a passkey.
#[derive(Debug)]
pub struct PasskeySignInOptions {
    /// The request for an assertion.
    pub options: RequestOptions,
    /// The cookie that binds it to the browser, for [`Delivery::Cookie`].
    pub binding: Option<OpaqueSecret>,
}

/// A request to sign in with a passkey.
#[derive(Debug)]
pub struct PasskeySignInRequest {
    /// The assertion.
    pub response: Arc<AssertionResponse>,
    /// The cookie that binds the challenge to the browser, if one was sent.
    pub binding: Option<SecretString>,
    /// The name that the person gives the device.
    pub device_name: Option<DisplayName>,
    /// The cookies of the browser.
    pub browser: BrowserCookies,
    /// The source of the request.
    pub origin: Origin,
}

/// The reason why no session was opened.
#[derive(Debug, thiserror::Error)]
pub enum PasskeySignInError {
    /// The server has no domain name, so it has no passkeys.
    #[error("the server has no passkeys")]
    Unavailable,
    /// The challenge is over, the passkey unknown, the assertion wrong or the account deactivated: not
    /// distinguished.
    #[error("the passkey is not accepted")]
    Refused,
    /// The passkey is right, and the address of the account must be verified first.
    #[error("the email address is not verified")]
    Unverified,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Signs in with a passkey.
pub struct PasskeySignIn {
    store: Arc<dyn SignInStore>,
    passkeys: PasskeyOffer,
    opener: SessionOpener,
    risk: Option<RiskAssessor>,
    ambient: Ambient,
}

impl PasskeySignIn {
    /// Creates the use case from its dependencies.
    pub fn new(
        store: Arc<dyn SignInStore>,
        passkeys: PasskeyOffer,
        issuer: TokenIssuer,
        ambient: Ambient,
    ) -> Self {
        let opener = SessionOpener {
            store: store.clone(),
            issuer,
            requires_verified_email: false,
            ambient: ambient.clone(),
        };
        Self { store, passkeys, opener, risk: None, ambient }
    }

    /// Refuses sessions to accounts that must verify their address first, as other sign-ins do.
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

    /// Starts a sign-in: the request for an assertion of any passkey. A browser keeps the cookie that it has,
    /// so that a second page does not end the sign-in of the first.
    pub fn start(
        &self,
        delivery: Delivery,
        present: Option<&SecretString>,
    ) -> Result<PasskeySignInOptions, PasskeySignInError> {
        let random = &*self.ambient.random;
        let present = present.and_then(|cookie| OpaqueSecret::parse(cookie.expose_secret()).ok());
        let binding = (delivery == Delivery::Cookie)
            .then(|| present.unwrap_or_else(|| OpaqueSecret::mint(random)));
        let digest = binding.as_ref().map(OpaqueSecret::digest);
        let purpose = ChallengePurpose::SignIn { binding: digest, delivery };
        let options = self.passkeys.of_sign_in(purpose, random)?;
        let options = options.ok_or(PasskeySignInError::Unavailable)?;
        Ok(PasskeySignInOptions { options, binding })
    }

    /// Verifies the assertion and opens the session.
    pub fn sign_in(&self, request: &PasskeySignInRequest) -> Result<SignedIn, PasskeySignInError> {
        let (response, store) = (&request.response, self.passkeys.store());
        if self.passkeys.verifier().relying_party().is_none() {
            return Err(PasskeySignInError::Unavailable);
        }
        let challenge = digest(&claimed(response.challenge()));
        let Some(delivery) = store.passkey_sign_in(&challenge)? else {
            return Err(self.refuse(request, None, Outcome::Superseded));
        };
        let found = match store.passkey_holder(response.credential_id())? {
            Some(account) => self.store.credentials_of(account)?,
            None => None,
        };
        let Some(found) = found else {
            return Err(self.refuse(request, None, Outcome::UnknownAccount));
        };
        let epochs = found.device_epochs();
        let account = found.account;
        // Without a name, the authenticator names the account (section 7.2, step 6).
        if response.user_handle().is_none() {
            return Err(self.refuse(request, Some(account.id), Outcome::Invalid));
        }
        let (issuer, cookie) = (&self.opener.issuer, request.browser.device.as_ref());
        let (store, now) = (&*self.store, self.ambient.now());
        let device = device::find(store, issuer, cookie, account.id, epochs, now)?;
        let (networks, address) = (self.opener.issuer.networks(), request.origin.address);
        if let Err(outcome) = admit(&account, networks, address) {
            return Err(self.refuse(request, Some(account.id), outcome));
        }
        // Two factors answer a challenge. A refusal follows the verification of the passkey.
        let risk = match &self.risk {
            Some(assessor) => {
                let inputs = assessor.read(Some(account.id), &request.origin)?;
                Some(assessor.assess(&inputs, device, &request.origin))
            }
            None => None,
        };
        let binding = request.binding.as_ref().map(|cookie| Digest::of(cookie.expose_secret()));
        let challenge = PasskeyChallenge::of_sign_in(response, binding);
        let verification = UserVerification::Required;
        let proof = self.passkeys.verifier().proof(response.clone(), challenge, verification);
        let opened = self.opener.open(&VerifiedSignIn {
            account: &account,
            epochs,
            proofs: &[Proof::Factor(FactorProof::Passkey(proof))],
            counter: None,
            device,
            is_new_device: is_new_device(&account, device),
            risk,
            delivery,
            review: &|| false,
            device_name: request.device_name.as_ref(),
            challenge: None,
            browser: &request.browser,
            origin: &request.origin,
        })?;
        match opened {
            Opened::Session(signed_in) => Ok(*signed_in),
            Opened::Refused(Outcome::Unverified) => Err(PasskeySignInError::Unverified),
            Opened::Refused(_) | Opened::ChallengeOver => Err(PasskeySignInError::Refused),
        }
    }

    /// Records a refusal.
    fn refuse(
        &self,
        request: &PasskeySignInRequest,
        subject: Option<AccountId>,
        outcome: Outcome,
    ) -> PasskeySignInError {
        let event = event_now(EventKind::SignIn, outcome, &request.origin, &self.ambient);
        let event = event.with(Details::of_factor(Factor::Passkey));
        let effects = Effects::from(SecurityEvent { subject, ..event });
        let recorded = self.store.record_refusal(&effects);
        recorded.map_or_else(PasskeySignInError::from, |()| PasskeySignInError::Refused)
    }
}
