//! Test vectors of the specification (level 3, section 16), from the registration to the assertion.

use std::fmt::Debug;

use portcullis_mfa::passkey::{
    AssertionResponse, Challenge, PasskeyError, RegistrationResponse, RelyingParty, StoredPasskey,
};
use serde::Deserialize;
use serde_json::json;

use crate::ceremony::encode;

#[derive(Deserialize)]
struct Vectors {
    rp_id: String,
    origin: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    title: String,
    credential_id: String,
    aaguid: String,
    registration: Registration,
    authentication: Authentication,
    /// The error with which both must be refused.
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registration {
    challenge: String,
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    attestation_object: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authentication {
    challenge: String,
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    authenticator_data: String,
    signature: String,
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn base64(hex: &str) -> String {
    encode(&bytes(hex))
}

/// One case has a challenge of 128 bytes; this server makes no such.
fn challenge(hex: &str) -> Challenge {
    Challenge::from_bytes(bytes(hex)[..32].try_into().unwrap())
}

fn name(error: impl Debug) -> String {
    format!("{error:?}")
}

#[test]
fn the_vectors_of_the_specification_are_accepted_or_refused_as_they_must_be() {
    let vectors: Vectors =
        serde_json::from_str(include_str!("../vectors/webauthn_level3.json")).unwrap();
    let party = RelyingParty::new(&vectors.rp_id, "Example", &[&vectors.origin]).unwrap();
    let mut accepted = 0;
    for case in &vectors.cases {
        let id = base64(&case.credential_id);
        let found = RegistrationResponse::parse(&json!({
            "id": id, "rawId": id, "type": "public-key", "response": {
                "clientDataJSON": base64(&case.registration.client_data),
                "attestationObject": base64(&case.registration.attestation_object),
            },
        }));
        let response = found.unwrap();
        let passkey =
            party.verify_registration(&challenge(&case.registration.challenge), &response);
        if let Some(error) = &case.error {
            assert_eq!(name(passkey.unwrap_err()), *error, "{}", case.title);
            continue;
        }
        let passkey = passkey.unwrap_or_else(|error| panic!("{}: {error}", case.title));
        assert_eq!(passkey.aaguid.as_bytes(), bytes(&case.aaguid).as_slice(), "{}", case.title);
        let stored = StoredPasskey {
            id: passkey.id,
            public_key: passkey.public_key,
            counter: passkey.counter,
            is_backup_eligible: passkey.is_backup_eligible,
            user_handle: b"ada".to_vec(),
        };
        let authentication = &case.authentication;
        let verify = |signature: &[u8]| {
            let found = AssertionResponse::parse(&json!({
                "id": id, "rawId": id, "type": "public-key", "response": {
                    "clientDataJSON": base64(&authentication.client_data),
                    "authenticatorData": base64(&authentication.authenticator_data),
                    "signature": encode(signature),
                },
            }));
            let challenge = challenge(&authentication.challenge);
            party.verify_assertion(&challenge, &stored, &found.unwrap())
        };
        let mut signature = bytes(&authentication.signature);
        let assertion =
            verify(&signature).unwrap_or_else(|error| panic!("{}: {error}", case.title));
        let flags = bytes(&authentication.authenticator_data)[32];
        assert_eq!(assertion.is_user_verified, flags & 0x04 != 0, "{}", case.title);
        assert_eq!(assertion.is_backed_up, flags & 0x10 != 0, "{}", case.title);
        *signature.last_mut().unwrap() ^= 1;
        assert_eq!(verify(&signature), Err(PasskeyError::BadSignature), "{}", case.title);
        accepted += 1;
    }
    assert_eq!((vectors.cases.len(), accepted), (15, 10));
}
