//! The list of allowed models.

use std::collections::BTreeSet;

use portcullis_mfa::passkey::{Aaguid, Challenge, PasskeyError};
use serde_json::json;

use crate::ceremony::{Registration, USER, party};

/// The outcome for an authenticator of this model, where these are allowed.
fn outcome(model: [u8; 16], allowed: &[[u8; 16]]) -> Result<(), PasskeyError> {
    let mut registration = Registration::new();
    registration.change_data(|data| data[37..53].copy_from_slice(&model));
    let allowed: BTreeSet<Aaguid> = allowed.iter().map(|it| Aaguid::from_bytes(*it)).collect();
    registration.party = party().allowing_only(allowed);
    registration.outcome().map(drop)
}

#[test]
fn only_allowed_models_register() {
    let (one, other, untold) = ([1; 16], [2; 16], [0; 16]);
    assert_eq!(outcome(one, &[one, other]), Ok(()));
    assert_eq!(outcome(one, &[other]), Err(PasskeyError::ModelNotAllowed));
    assert_eq!(outcome(untold, &[one]), Err(PasskeyError::ModelNotAllowed));
    assert_eq!(outcome(one, &[]), Err(PasskeyError::ModelNotAllowed));
}

#[test]
fn the_model_is_asked_for_where_it_matters() {
    let challenge = Challenge::from_bytes([7; 32]);
    let attestation = |party: portcullis_mfa::passkey::RelyingParty| {
        let options = party.creation_options(&challenge, &USER, &[]);
        serde_json::to_value(options).unwrap()["attestation"].clone()
    };
    assert_eq!(attestation(party()), json!("none"));
    assert_eq!(attestation(party().allowing_only(BTreeSet::new())), json!("direct"));
}
