//! Relying party: the server that passkeys are for. It makes options and verifies responses.

use std::collections::BTreeSet;

use super::aaguid::Aaguid;
use super::assertion::{Assertion, AssertionResponse, StoredPasskey};
use super::authenticator_data::AuthenticatorData;
use super::base64url;
use super::challenge::Challenge;
use super::client_data::{ClientData, sha256};
use super::credential_id::{CREDENTIAL_TYPE, CredentialDescriptor};
use super::options::{
    Attestation, AuthenticatorSelection, CreationExtensions, CreationOptions, Parameters,
    PasskeyUser, RESIDENT_KEY, RelyingPartyEntity, RequestOptions, TIMEOUT, UserEntity,
    UserVerification,
};
use super::origin::{self, RelyingPartyError};
use super::passkey_error::PasskeyError;
use super::public_key::{Algorithm, PublicKey};
use super::registration::{NewPasskey, RegistrationResponse};

/// The server that passkeys are for: its domain, and the origins of its pages.
#[derive(Clone, Debug)]
pub struct RelyingParty {
    id: String,
    id_hash: [u8; 32],
    name: String,
    origins: Vec<String>,
    allowed: Option<BTreeSet<Aaguid>>,
}

/// The ceremonies, as client data name them.
const CREATE: &str = "webauthn.create";
const GET: &str = "webauthn.get";

/// The maximum number of characters of a refused origin that an error shows.
const MAX_SHOWN: usize = 128;

impl RelyingParty {
    /// Creates a relying party. `id` is the domain that passkeys are bound to: the host of the base URL,
    /// in lower case. `name` is shown by browsers. `origins` are those of the pages that use passkeys,
    /// exactly as a browser writes them: `https://auth.example.org`, `http://localhost:8080`.
    ///
    /// Passkeys of one id work on no other, so a change of the id makes all of them useless.
    pub fn new(id: &str, name: &str, origins: &[&str]) -> Result<Self, RelyingPartyError> {
        if !origin::is_domain(id) {
            return Err(RelyingPartyError::InvalidId(id.to_owned()));
        }
        if origins.is_empty() {
            return Err(RelyingPartyError::NoOrigin);
        }
        for text in origins {
            if !origin::is_at_or_below(origin::host(text)?, id) {
                return Err(RelyingPartyError::ForeignOrigin((*text).to_owned()));
            }
        }
        Ok(Self {
            id: id.to_owned(),
            id_hash: sha256(id.as_bytes()),
            name: name.to_owned(),
            origins: origins.iter().map(|text| (*text).to_owned()).collect(),
            allowed: None,
        })
    }

    /// Creates a relying party with one origin, whose host is the id.
    pub fn of_origin(origin: &str, name: &str) -> Result<Self, RelyingPartyError> {
        Self::new(origin::host(origin)?, name, &[origin])
    }

    /// Accepts registrations of these models only, and asks authenticators to state their model. An empty
    /// set accepts none.
    ///
    /// The attestation statement is **not** verified against the certificates of vendors. The list guides
    /// people to the right key; it stops nobody who writes an authenticator of their own, as that can
    /// state any model.
    #[must_use]
    pub fn allowing_only(self, aaguids: BTreeSet<Aaguid>) -> Self {
        Self { allowed: Some(aaguids), ..self }
    }

    /// The domain that passkeys are bound to.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The options to create a passkey for an account that has the `existing` ones.
    ///
    /// A discoverable one and user verification are preferred, not required: browsers create no discoverable
    /// credential without user verification, and a key without it is still a second factor. A browser that
    /// can store a passkey does so (section 5.4.6).
    pub fn creation_options(
        &self,
        challenge: &Challenge,
        user: &PasskeyUser<'_>,
        existing: &[CredentialDescriptor],
    ) -> CreationOptions {
        let parameters =
            |algorithm: Algorithm| Parameters { kind: CREDENTIAL_TYPE, alg: algorithm.cose_id() };
        CreationOptions {
            rp: RelyingPartyEntity { id: self.id.clone(), name: self.name.clone() },
            user: UserEntity {
                id: base64url::encode(user.handle),
                name: user.name.to_owned(),
                display_name: user.display_name.to_owned(),
            },
            challenge: challenge.clone(),
            pub_key_cred_params: Algorithm::ALL.into_iter().map(parameters).collect(),
            timeout: TIMEOUT,
            exclude_credentials: existing.to_vec(),
            authenticator_selection: AuthenticatorSelection {
                resident_key: RESIDENT_KEY,
                require_resident_key: false,
                user_verification: UserVerification::Preferred,
            },
            hints: [],
            attestation: if self.allowed.is_some() {
                Attestation::Direct
            } else {
                Attestation::None
            },
            extensions: CreationExtensions { cred_props: true },
        }
    }

    /// The options to use one of the `allowed` passkeys; an empty list asks for any discoverable one.
    pub fn request_options(
        &self,
        challenge: &Challenge,
        allowed: &[CredentialDescriptor],
        verification: UserVerification,
    ) -> RequestOptions {
        RequestOptions {
            challenge: challenge.clone(),
            timeout: TIMEOUT,
            rp_id: self.id.clone(),
            allow_credentials: allowed.to_vec(),
            user_verification: verification,
            hints: [],
        }
    }

    /// Verifies a registration (section 7.1). The caller then refuses a credential id that any account
    /// has, and stores the passkey.
    pub fn verify_registration(
        &self,
        challenge: &Challenge,
        response: &RegistrationResponse,
    ) -> Result<NewPasskey, PasskeyError> {
        let data = &response.authenticator_data;
        self.verify_client_data(CREATE, challenge, &response.client_data)?;
        self.verify_authenticator_data(data)?;
        let credential = data.credential.as_ref().ok_or(PasskeyError::NoCredential)?;
        if credential.id != response.id {
            return Err(PasskeyError::IdMismatch);
        }
        if self.allowed.as_ref().is_some_and(|allowed| !allowed.contains(&credential.aaguid)) {
            return Err(PasskeyError::ModelNotAllowed);
        }
        Ok(NewPasskey {
            id: credential.id.clone(),
            public_key: PublicKey::from_bytes(&credential.public_key)?,
            counter: data.counter,
            is_user_verified: data.flags.is_user_verified(),
            is_backup_eligible: data.flags.is_backup_eligible(),
            is_backed_up: data.flags.is_backed_up(),
            transports: response.transports,
            aaguid: credential.aaguid,
            is_discoverable: response.is_discoverable,
        })
    }

    /// Verifies an assertion of a stored passkey (section 7.2). The caller then stores the greater counter
    /// and the backup state, and decides whether the assertion is enough.
    pub fn verify_assertion(
        &self,
        challenge: &Challenge,
        stored: &StoredPasskey,
        response: &AssertionResponse,
    ) -> Result<Assertion, PasskeyError> {
        let data = &response.authenticator_data;
        if response.id != stored.id {
            return Err(PasskeyError::WrongCredential);
        }
        if response.user_handle().is_some_and(|handle| handle != stored.user_handle) {
            return Err(PasskeyError::WrongUserHandle);
        }
        self.verify_client_data(GET, challenge, &response.client_data)?;
        self.verify_authenticator_data(data)?;
        if data.credential.is_some() {
            return Err(PasskeyError::UnexpectedCredential);
        }
        if data.flags.is_backup_eligible() != stored.is_backup_eligible {
            return Err(PasskeyError::BackupEligibilityChanged);
        }
        stored.public_key.verify(&response.signed, &response.signature)?;
        let has_counter = data.counter != 0 || stored.counter != 0;
        Ok(Assertion {
            is_user_verified: data.flags.is_user_verified(),
            is_backed_up: data.flags.is_backed_up(),
            counter: data.counter,
            has_counter_gone_back: has_counter && data.counter <= stored.counter,
        })
    }

    fn verify_client_data(
        &self,
        ceremony: &str,
        challenge: &Challenge,
        data: &ClientData,
    ) -> Result<(), PasskeyError> {
        if data.ceremony != ceremony {
            return Err(PasskeyError::WrongType);
        }
        if data.challenge.as_ref() != Some(challenge) {
            return Err(PasskeyError::WrongChallenge);
        }
        if !self.origins.contains(&data.origin) {
            let shown = data.origin.chars().take(MAX_SHOWN).collect();
            return Err(PasskeyError::WrongOrigin(shown));
        }
        if data.is_cross_origin {
            return Err(PasskeyError::CrossOrigin);
        }
        Ok(())
    }

    fn verify_authenticator_data(&self, data: &AuthenticatorData) -> Result<(), PasskeyError> {
        if data.rp_id_hash != self.id_hash {
            return Err(PasskeyError::WrongRelyingParty);
        }
        if !data.flags.is_user_present() {
            return Err(PasskeyError::UserNotPresent);
        }
        if data.flags.is_backed_up() && !data.flags.is_backup_eligible() {
            return Err(PasskeyError::BackupStateInvalid);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::Value;

    use super::*;

    /// The suite of `py_webauthn`: responses of security keys, phones and computers.
    #[derive(Deserialize)]
    struct Suite {
        registration: Vec<Case>,
        authentication: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        test: String,
        rp_id: String,
        origin: String,
        challenge: String,
        credential: Value,
        public_key: Option<String>,
        counter: Option<u32>,
        /// The error with which it must be refused.
        error: Option<String>,
    }

    const CHALLENGE: Challenge = Challenge::from_bytes([7; 32]);

    fn suite() -> Suite {
        let json = include_str!("../../tests/vectors/py_webauthn.json");
        serde_json::from_str(json).unwrap()
    }

    impl Case {
        fn party(&self) -> RelyingParty {
            RelyingParty::new(&self.rp_id, "Example", &[&self.origin]).unwrap()
        }

        /// Most of the challenges have 64 bytes, and this server makes none of those. So the test compares
        /// the challenge, and lets the rest of the verification see one of this server.
        fn replace_challenge(&self, data: &mut ClientData) {
            let json = self.credential["response"]["clientDataJSON"].as_str().unwrap();
            let json: Value =
                serde_json::from_slice(&base64url::decode(json, 4096).unwrap()).unwrap();
            assert_eq!(json["challenge"], self.challenge, "{}", self.test);
            data.challenge = Some(CHALLENGE);
        }

        fn assert(&self, outcome: Result<(), PasskeyError>) {
            let error = outcome.err().map(|error| format!("{error:?}"));
            assert_eq!(error, self.error, "{}", self.test);
        }
    }

    #[test]
    fn registrations_of_another_suite_are_verified() {
        let cases = suite().registration;
        assert_eq!(cases.len(), 11);
        for case in cases {
            let mut response = RegistrationResponse::parse(&case.credential).unwrap();
            case.replace_challenge(&mut response.client_data);
            case.assert(case.party().verify_registration(&CHALLENGE, &response).map(drop));
        }
    }

    #[test]
    fn assertions_of_another_suite_are_verified() {
        let cases = suite().authentication;
        assert_eq!(cases.len(), 5);
        for case in cases {
            let mut response = AssertionResponse::parse(&case.credential).unwrap();
            case.replace_challenge(&mut response.client_data);
            let public_key = base64url::decode(case.public_key.as_deref().unwrap(), 1024).unwrap();
            let stored = StoredPasskey {
                id: response.credential_id().clone(),
                public_key: PublicKey::from_bytes(&public_key).unwrap(),
                counter: case.counter.unwrap(),
                is_backup_eligible: response.is_backup_eligible(),
                user_handle: response.user_handle().unwrap_or_default().to_vec(),
            };
            let outcome = case.party().verify_assertion(&CHALLENGE, &stored, &response);
            assert!(outcome.as_ref().is_ok_and(|it| !it.has_counter_gone_back) || outcome.is_err());
            case.assert(outcome.map(drop));
        }
    }
}
