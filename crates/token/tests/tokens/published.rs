//! A verifier from a published key set in one call, as another service makes it.

use std::time::Duration;

use portcullis_domain::{ExposeSecret, SystemRandom};
use portcullis_token::{
    AccessClaims, AccessKeys, JsonWebKeySet, JsonWebKeySetError, KeyPair, KeyPairAlgorithm, KeySet,
    TokenAuthority, TokenError, Verifier,
};
use serde_json::{Value, json};

use crate::forge::{NOW, access_claims, secret, settings};

/// The document with this key and keys of other kinds before and after it.
fn document(pair: &KeyPair) -> String {
    let own = JsonWebKeySet::new([pair.public()]).to_json();
    let own: Value = serde_json::from_str(&own).unwrap();
    json!({ "keys": [
        { "kty": "RSA", "kid": "rsa", "n": "AQAB", "e": "AQAB", "use": "sig" },
        own["keys"][0],
        { "kty": "AKP", "kid": "of-a-later-standard", "alg": "ML-DSA-44", "pub": "AAAA" },
    ], "extension": true })
    .to_string()
}

fn signed_by(pair: KeyPair, claims: &AccessClaims) -> String {
    let authority = TokenAuthority::new(&secret(), &settings());
    authority.use_access_keys(AccessKeys { signing: Some(pair), ..AccessKeys::default() });
    authority.sign_access(claims).expose_secret().to_owned()
}

fn verifier(json: &str) -> Result<Verifier<AccessClaims>, JsonWebKeySetError> {
    Verifier::from_jwks(json, &settings().issuer, &settings().audience)
}

#[test]
fn one_call_makes_a_verifier_and_another_follows_a_rotation() {
    let [first, second] = [KeyPairAlgorithm::EdDsa, KeyPairAlgorithm::Es256]
        .map(|algorithm| KeyPair::generate(algorithm, &SystemRandom));
    let claims = access_claims();
    let verifier = verifier(&document(&first)).unwrap();
    let [old, new] = [&first, &second].map(|pair| signed_by(pair.clone(), &claims));
    assert_eq!(verifier.verify(&old, NOW).as_ref(), Ok(&claims));
    assert_eq!(verifier.verify(&new, NOW), Err(TokenError::UnknownKey));

    verifier.replace_keys(KeySet::from_jwks(&document(&second)).unwrap());
    assert_eq!(verifier.verify(&new, NOW), Ok(claims));
    assert_eq!(verifier.verify(&old, NOW), Err(TokenError::UnknownKey));
}

#[test]
fn a_document_without_a_usable_key_makes_no_verifier_and_an_empty_key_set() {
    for json in [r#"{"keys":[]}"#, r#"{"keys":[{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB"}]}"#] {
        assert_eq!(verifier(json).unwrap_err(), JsonWebKeySetError::NoUsableKey);
        assert!(KeySet::from_jwks(json).unwrap().is_empty());
    }
    assert_eq!(verifier("<html>").unwrap_err(), JsonWebKeySetError::Malformed);
}

#[test]
fn an_access_token_made_to_live_for_more_than_a_day_is_refused() {
    let pair = KeyPair::generate(KeyPairAlgorithm::EdDsa, &SystemRandom);
    let verifier = verifier(&document(&pair)).unwrap();
    let living = |lifetime| AccessClaims { expires_at: NOW + lifetime, ..access_claims() };
    let day = living(AccessClaims::MAX_LIFETIME);
    assert_eq!(verifier.verify(&signed_by(pair.clone(), &day), NOW).as_ref(), Ok(&day));
    let longer = living(AccessClaims::MAX_LIFETIME + Duration::from_secs(1));
    let refused = verifier.verify(&signed_by(pair, &longer), NOW);
    assert_eq!(refused, Err(TokenError::WrongLifetime));
}
