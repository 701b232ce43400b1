//! A valid registration and a valid assertion, of which a test changes one thing.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_domain::SystemRandom;
use portcullis_mfa::passkey::{
    Assertion, AssertionResponse, Challenge, NewPasskey, PasskeyError, PasskeyUser, PublicKey,
    RegistrationResponse, RelyingParty, StoredPasskey, UserVerification,
};
use serde_json::Value;

use crate::authenticator::{SoftAlgorithm, SoftAuthenticator};

pub(crate) const ORIGIN: &str = "https://auth.example.org";
pub(crate) const USER: PasskeyUser<'static> =
    PasskeyUser { handle: b"account of ada", name: "ada", display_name: "Ada L." };

pub(crate) fn party() -> RelyingParty {
    RelyingParty::of_origin(ORIGIN, "Example").unwrap()
}

/// The response to a registration, which nothing has signed: attestation is `none`.
pub(crate) struct Registration {
    pub(crate) party: RelyingParty,
    pub(crate) challenge: Challenge,
    pub(crate) json: Value,
}

/// The response to an assertion, and the passkey that it is of.
pub(crate) struct SignIn {
    pub(crate) party: RelyingParty,
    pub(crate) challenge: Challenge,
    pub(crate) authenticator: SoftAuthenticator,
    pub(crate) stored: StoredPasskey,
    pub(crate) json: Value,
}

impl Registration {
    pub(crate) fn new() -> Self {
        Self::with(&mut SoftAuthenticator::default())
    }

    pub(crate) fn with(authenticator: &mut SoftAuthenticator) -> Self {
        let (party, challenge) = (party(), Challenge::generate(&SystemRandom));
        let options = party.creation_options(&challenge, &USER, &[]);
        let json = authenticator.create(&serde_json::to_value(options).unwrap(), ORIGIN);
        Self { party, challenge, json }
    }

    pub(crate) fn outcome(&self) -> Result<NewPasskey, PasskeyError> {
        let response = RegistrationResponse::parse(&self.json)?;
        self.party.verify_registration(&self.challenge, &response)
    }

    pub(crate) fn error(&self) -> PasskeyError {
        self.outcome().expect_err("the registration is refused")
    }

    pub(crate) fn change_client_data(&mut self, change: impl FnOnce(&mut String)) {
        change_text(&mut self.json["response"]["clientDataJSON"], change);
    }

    /// Changes the authenticator data in the attestation object.
    pub(crate) fn change_data(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        let mut data = decode(&self.json["response"]["authenticatorData"]);
        change(&mut data);
        self.attest(&[TEXT_FMT, TEXT_NONE, TEXT_STATEMENT, &[0xa0], TEXT_DATA, &bytes_item(&data)]);
    }

    /// Makes an attestation object of three entries.
    pub(crate) fn attest(&mut self, items: &[&[u8]]) {
        let object = [&[0xa3], items.concat().as_slice()].concat();
        self.json["response"]["attestationObject"] = encode(&object).into();
    }
}

impl SignIn {
    pub(crate) fn new() -> Self {
        Self::with(SoftAuthenticator::default())
    }

    pub(crate) fn of(algorithm: SoftAlgorithm) -> Self {
        Self::with(SoftAuthenticator::new(algorithm))
    }

    pub(crate) fn with(mut authenticator: SoftAuthenticator) -> Self {
        let passkey = Registration::with(&mut authenticator).outcome().unwrap();
        let (party, challenge) = (party(), Challenge::generate(&SystemRandom));
        let stored = StoredPasskey {
            id: passkey.id,
            public_key: PublicKey::from_bytes(&passkey.public_key.to_bytes()).unwrap(),
            counter: passkey.counter,
            is_backup_eligible: passkey.is_backup_eligible,
            user_handle: USER.handle.to_vec(),
        };
        let options = party.request_options(&challenge, &[], UserVerification::Required);
        let json = authenticator.get(&serde_json::to_value(options).unwrap(), ORIGIN);
        Self { party, challenge, authenticator, stored, json }
    }

    pub(crate) fn outcome(&self) -> Result<Assertion, PasskeyError> {
        let response = AssertionResponse::parse(&self.json)?;
        self.party.verify_assertion(&self.challenge, &self.stored, &response)
    }

    pub(crate) fn error(&self) -> PasskeyError {
        self.outcome().expect_err("the assertion is refused")
    }

    /// Changes the client data; the authenticator signs the changed ones.
    pub(crate) fn change_client_data(&mut self, change: impl FnOnce(&mut String)) {
        change_text(&mut self.json["response"]["clientDataJSON"], change);
        self.authenticator.sign_again(&mut self.json);
    }

    /// Changes the authenticator data; the authenticator signs the changed ones.
    pub(crate) fn change_data(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        let data = &mut self.json["response"]["authenticatorData"];
        let mut bytes = decode(data);
        change(&mut bytes);
        *data = encode(&bytes).into();
        self.authenticator.sign_again(&mut self.json);
    }
}

pub(crate) const TEXT_FMT: &[u8] = b"\x63fmt";
pub(crate) const TEXT_NONE: &[u8] = b"\x64none";
pub(crate) const TEXT_STATEMENT: &[u8] = b"\x67attStmt";
pub(crate) const TEXT_DATA: &[u8] = b"\x68authData";

/// A byte string in CBOR.
pub(crate) fn bytes_item(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[0x59], length.as_slice(), content].concat()
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn decode(value: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(value.as_str().unwrap()).unwrap()
}

fn change_text(value: &mut Value, change: impl FnOnce(&mut String)) {
    let mut text = String::from_utf8(decode(value)).unwrap();
    let before = text.clone();
    change(&mut text);
    assert_ne!(text, before, "the test changes something");
    *value = encode(text.as_bytes()).into();
}
