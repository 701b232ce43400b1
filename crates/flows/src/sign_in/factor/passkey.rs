//! Passkeys as proofs: the relying party, the sealed public key, and the challenge that was signed.
//!
//! The public key of a passkey is sealed with its account and its credential id, under a key that the
//! secret of the server yields. So a person who can write the database can neither add a passkey nor
//! move one to another account.

use std::fmt;
use std::sync::Arc;

use portcullis_domain::{AccountId, AuthenticationMethod, SecureRandom, SessionId};
use portcullis_mfa::passkey::{
    Assertion, AssertionResponse, Challenge, CredentialId, NewPasskey, PublicKey, RelyingParty,
    StoredPasskey, UserVerification,
};
use portcullis_mfa::{SealError, SeedKey};
use portcullis_token::{Digest, OpaqueSecret};

/// A passkey of an account, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedPasskey {
    /// The credential id.
    pub credential: CredentialId,
    /// The sealed public key.
    pub sealed: Vec<u8>,
    /// The greatest signature counter so far.
    pub counter: u32,
    /// True if its authenticator has verified the user at the registration, or beside another factor since.
    pub is_user_verified: bool,
}

/// The challenge that a passkey must have signed.
#[derive(Clone, Debug)]
pub enum PasskeyChallenge {
    /// That of the second step of a sign-in. It follows from the token of the step, which is stored.
    OfSecondStep(Challenge),
    /// A stored one, which the transaction of the proof spends.
    Stored(StoredChallenge),
}

/// A stored challenge, with the caller that it must belong to.
#[derive(Clone, Debug)]
pub struct StoredChallenge {
    /// The challenge that the client claims to have signed.
    pub challenge: Challenge,
    /// The calling session; `None` for a sign-in.
    pub session: Option<SessionId>,
    /// Digest of the cookie that binds a sign-in to its browser, if one was sent.
    pub binding: Option<Digest>,
}

impl StoredChallenge {
    /// The digest under which it is stored.
    pub fn digest(&self) -> Digest {
        digest(&self.challenge)
    }
}

/// The digest under which a challenge is stored.
pub(crate) fn digest(challenge: &Challenge) -> Digest {
    Digest::of_bytes(challenge.as_bytes())
}

/// A text that is no challenge is as good as a challenge that was never stored.
pub(crate) fn claimed(challenge: Option<Challenge>) -> Challenge {
    challenge.unwrap_or(Challenge::from_bytes([0; 32]))
}

impl PasskeyChallenge {
    /// The challenge of the second step with this token.
    pub(crate) fn of_second_step(token: &OpaqueSecret) -> Self {
        let derived = Digest::of(&format!("passkey challenge {}", token.expose()));
        Self::OfSecondStep(Challenge::from_bytes(*derived.as_bytes()))
    }

    /// The stored challenge of a step-up that the client claims to have signed.
    pub(crate) fn of_session(response: &AssertionResponse, session: SessionId) -> Self {
        let challenge = claimed(response.challenge());
        Self::Stored(StoredChallenge { challenge, session: Some(session), binding: None })
    }

    /// The stored challenge of a sign-in that the client claims to have signed.
    pub(crate) fn of_sign_in(response: &AssertionResponse, binding: Option<Digest>) -> Self {
        let challenge = claimed(response.challenge());
        Self::Stored(StoredChallenge { challenge, session: None, binding })
    }

    /// The challenge as such.
    pub(crate) const fn challenge(&self) -> &Challenge {
        match self {
            Self::OfSecondStep(challenge) => challenge,
            Self::Stored(stored) => &stored.challenge,
        }
    }
}

/// Verifies passkeys.
pub struct PasskeyVerifier {
    relying_party: Option<RelyingParty>,
    key: Arc<SeedKey>,
}

impl PasskeyVerifier {
    /// Creates a verifier. Public keys are sealed under `key`. Without a relying party, because the address
    /// of the server is no domain name, no passkey is accepted.
    pub const fn new(relying_party: Option<RelyingParty>, key: Arc<SeedKey>) -> Self {
        Self { relying_party, key }
    }

    /// The relying party, if the server has one.
    pub(crate) const fn relying_party(&self) -> Option<&RelyingParty> {
        self.relying_party.as_ref()
    }

    /// The proof of an assertion.
    pub(crate) fn proof(
        self: &Arc<Self>,
        response: Arc<AssertionResponse>,
        challenge: PasskeyChallenge,
        verification: UserVerification,
    ) -> PasskeyProof {
        PasskeyProof { verifier: self.clone(), response, challenge, verification }
    }

    /// Seals what the verification of a passkey trusts.
    pub(crate) fn seal(
        &self,
        account: AccountId,
        passkey: &NewPasskey,
        random: &dyn SecureRandom,
    ) -> Vec<u8> {
        let eligible = u8::from(passkey.is_backup_eligible);
        let content = [&[eligible], passkey.public_key.to_bytes().as_slice()].concat();
        self.key.seal_bytes(&content, &label(account, &passkey.id), random)
    }

    /// Seals a passkey again, if the previous secret key sealed it.
    pub(crate) fn reseal(
        &self,
        account: AccountId,
        passkey: &SealedPasskey,
        random: &dyn SecureRandom,
    ) -> Result<Option<Vec<u8>>, SealError> {
        self.key.reseal(&passkey.sealed, &label(account, &passkey.credential), random)
    }

    fn open(&self, account: AccountId, passkey: &SealedPasskey) -> Option<StoredPasskey> {
        let label = label(account, &passkey.credential);
        let (content, _) = self.key.open_bytes(&passkey.sealed, &label).ok()?;
        let (eligible, key) = content.split_first()?;
        Some(StoredPasskey {
            id: passkey.credential.clone(),
            public_key: PublicKey::from_bytes(key).ok()?,
            counter: passkey.counter,
            is_backup_eligible: *eligible == 1,
            user_handle: user_handle(account).to_vec(),
        })
    }
}

impl fmt::Debug for PasskeyVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { relying_party, key: _ } = self;
        f.debug_struct("PasskeyVerifier")
            .field("relying_party", relying_party)
            .finish_non_exhaustive()
    }
}

/// The assertion of a passkey. The transaction that accepts it verifies it.
#[derive(Clone, Debug)]
pub struct PasskeyProof {
    verifier: Arc<PasskeyVerifier>,
    response: Arc<AssertionResponse>,
    challenge: PasskeyChallenge,
    verification: UserVerification,
}

impl PasskeyProof {
    /// The credential that the client names.
    pub fn credential(&self) -> &CredentialId {
        self.response.credential_id()
    }

    /// The stored challenge to spend, if it has one.
    pub const fn stored_challenge(&self) -> Option<&StoredChallenge> {
        match &self.challenge {
            PasskeyChallenge::OfSecondStep(_) => None,
            PasskeyChallenge::Stored(stored) => Some(stored),
        }
    }

    /// Verifies the assertion with the stored passkey. A refusal is logged, without a secret.
    pub fn verify(&self, account: AccountId, stored: &SealedPasskey) -> Option<Assertion> {
        let Some(relying_party) = self.verifier.relying_party() else {
            tracing::info!(%account, "a passkey was refused: the server has no domain name");
            return None;
        };
        let Some(passkey) = self.verifier.open(account, stored) else {
            tracing::error!(%account, "a stored passkey is damaged");
            return None;
        };
        let challenge = self.challenge.challenge();
        match relying_party.verify_assertion(challenge, &passkey, &self.response) {
            // A finder of a key could give it a PIN: only beside another factor is a new one believed.
            Ok(assertion)
                if self.needs_verification()
                    && !(assertion.is_user_verified && stored.is_user_verified) =>
            {
                tracing::info!(%account, "a passkey was refused: the user was not verified");
                None
            }
            Ok(assertion) => Some(assertion),
            Err(error) => {
                tracing::info!(%account, %error, "a passkey was refused");
                None
            }
        }
    }

    /// True if another factor was verified in the same sign-in.
    pub const fn is_second(&self) -> bool {
        matches!(self.challenge, PasskeyChallenge::OfSecondStep(_))
    }

    const fn needs_verification(&self) -> bool {
        matches!(self.verification, UserVerification::Required)
    }

    /// The methods that it proves, by the flags of the authenticator.
    pub(crate) fn methods(&self) -> [AuthenticationMethod; 2] {
        key_methods(self.response.is_backup_eligible())
    }
}

/// The methods that a passkey proves. A backup-eligible one is synchronised between devices, so it is a
/// software key (RFC 8176 section 2).
pub(crate) const fn key_methods(is_backup_eligible: bool) -> [AuthenticationMethod; 2] {
    let key = if is_backup_eligible {
        AuthenticationMethod::SoftwareKey
    } else {
        AuthenticationMethod::HardwareKey
    };
    [key, AuthenticationMethod::UserPresence]
}

/// The user handle of an account: its id. It tells an authenticator nothing about the person.
pub(crate) fn user_handle(account: AccountId) -> [u8; 16] {
    *account.as_uuid().as_bytes()
}

/// The label under which the public key of a passkey is sealed.
fn label(account: AccountId, credential: &CredentialId) -> String {
    format!("passkey {account} {credential}")
}
