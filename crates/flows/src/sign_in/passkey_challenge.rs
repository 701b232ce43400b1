//! Challenges of passkeys: what an authenticator signs, for a registration, a sign-in or a step-up.
//!
//! A challenge is stored as a digest, lives five minutes and is spent by the transaction that accepts what was
//! signed, also if it refuses it. One of a registration or a step-up belongs to its session, one of a sign-in
//! to the browser that asked for it. The second step of a sign-in has none of its own: its challenge follows
//! from its token, which is stored with the same rules.

use std::sync::Arc;
use std::time::Duration;

use portcullis_domain::{AccountId, Delivery, SecureRandom, SessionId};
use portcullis_mfa::passkey::{
    Challenge, CredentialDescriptor, CredentialId, RequestOptions, UserVerification,
};
use portcullis_token::{Digest, OpaqueSecret};

use crate::StoreError;
use crate::sign_in::factor::{PasskeyChallenge, PasskeyVerifier, digest};

/// The port of challenges of passkeys.
pub trait PasskeyChallengeStore: Send + Sync {
    /// Stores a challenge.
    fn add_passkey_challenge(&self, challenge: &NewPasskeyChallenge) -> Result<(), StoreError>;

    /// The delivery of the sign-in with this challenge; `None` if there is no such valid challenge.
    fn passkey_sign_in(&self, challenge: &Digest) -> Result<Option<Delivery>, StoreError>;

    /// The account that has the passkey with this credential id.
    fn passkey_holder(&self, credential: &CredentialId) -> Result<Option<AccountId>, StoreError>;

    /// The passkeys of an account, as a browser needs them.
    fn passkey_descriptors(
        &self,
        account: AccountId,
    ) -> Result<Vec<CredentialDescriptor>, StoreError>;
}

/// A challenge about to be stored.
#[derive(Debug)]
pub struct NewPasskeyChallenge {
    /// Its digest.
    pub digest: Digest,
    /// What it is for.
    pub purpose: ChallengePurpose,
    /// Its lifetime.
    pub lifetime: Duration,
}

impl NewPasskeyChallenge {
    pub(crate) fn of(challenge: &Challenge, purpose: ChallengePurpose) -> Self {
        let (digest, lifetime) = (digest(challenge), PasskeyOffer::CHALLENGE_LIFETIME);
        Self { digest, purpose, lifetime }
    }
}

/// The purpose of a challenge, with the caller that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengePurpose {
    /// A sign-in without a name.
    SignIn {
        /// Digest of the cookie that binds it to the browser; `None` for a client without cookies.
        binding: Option<Digest>,
        /// The delivery of the tokens.
        delivery: Delivery,
    },
    /// A registration in this session.
    Registration(SessionId),
    /// A step-up of this session.
    StepUp(SessionId),
}

/// Offers the passkeys of an account to a browser.
#[derive(Clone)]
pub struct PasskeyOffer {
    store: Arc<dyn PasskeyChallengeStore>,
    verifier: Arc<PasskeyVerifier>,
}

impl PasskeyOffer {
    /// The lifetime of a challenge.
    pub const CHALLENGE_LIFETIME: Duration = Duration::from_secs(5 * 60);

    /// Creates the offer from its dependencies.
    pub const fn new(
        store: Arc<dyn PasskeyChallengeStore>,
        verifier: Arc<PasskeyVerifier>,
    ) -> Self {
        Self { store, verifier }
    }

    /// The request for the second step with this token; `None` if the account has no passkey.
    pub(crate) fn of_second_step(
        &self,
        account: AccountId,
        token: &OpaqueSecret,
    ) -> Result<Option<RequestOptions>, StoreError> {
        let challenge = PasskeyChallenge::of_second_step(token);
        self.to(account, challenge.challenge(), UserVerification::Preferred)
    }

    /// The request for a step-up of the session; `None` if the account has no passkey.
    pub(crate) fn of_session(
        &self,
        account: AccountId,
        session: SessionId,
        verification: UserVerification,
        random: &dyn SecureRandom,
    ) -> Result<Option<RequestOptions>, StoreError> {
        let challenge = Challenge::generate(random);
        let Some(options) = self.to(account, &challenge, verification)? else { return Ok(None) };
        self.add(&challenge, ChallengePurpose::StepUp(session))?;
        Ok(Some(options))
    }

    /// The request for a sign-in with any passkey; `None` if the server has no domain name.
    pub(crate) fn of_sign_in(
        &self,
        purpose: ChallengePurpose,
        random: &dyn SecureRandom,
    ) -> Result<Option<RequestOptions>, StoreError> {
        let Some(relying_party) = self.verifier.relying_party() else { return Ok(None) };
        let challenge = Challenge::generate(random);
        self.add(&challenge, purpose)?;
        Ok(Some(relying_party.request_options(&challenge, &[], UserVerification::Required)))
    }

    /// Stores a challenge.
    fn add(&self, challenge: &Challenge, purpose: ChallengePurpose) -> Result<(), StoreError> {
        self.store.add_passkey_challenge(&NewPasskeyChallenge::of(challenge, purpose))
    }

    /// The passkeys of an account, as a browser needs them.
    pub(crate) fn descriptors(
        &self,
        account: AccountId,
    ) -> Result<Vec<CredentialDescriptor>, StoreError> {
        self.store.passkey_descriptors(account)
    }

    /// The port.
    pub(crate) fn store(&self) -> &dyn PasskeyChallengeStore {
        &*self.store
    }

    /// The verifier.
    pub(crate) const fn verifier(&self) -> &Arc<PasskeyVerifier> {
        &self.verifier
    }

    fn to(
        &self,
        account: AccountId,
        challenge: &Challenge,
        verification: UserVerification,
    ) -> Result<Option<RequestOptions>, StoreError> {
        let Some(relying_party) = self.verifier.relying_party() else { return Ok(None) };
        let allowed = self.descriptors(account)?;
        if allowed.is_empty() {
            return Ok(None);
        }
        Ok(Some(relying_party.request_options(challenge, &allowed, verification)))
    }
}
