//! The signature of a snapshot uses the key of access tokens, and neither is accepted as the other.

use crate::forge::{Forgery, Kind, NOW, access_claims, secret, settings};
use portcullis_domain::{ExposeSecret, SystemRandom};
use portcullis_token::{
    AccessKeys, KeyPair, KeyPairAlgorithm, KeySet, LEEWAY, SnapshotClaims, TokenAuthority,
    TokenError, Verifier, VerifyingKey,
};
use serde_json::json;

fn claims() -> SnapshotClaims {
    SnapshotClaims {
        cursor: "1047.9f3bc1a7".to_owned(),
        entries: 1_046,
        digest: [0xfb; 32],
        issued_at: NOW,
        expires_at: NOW + SnapshotClaims::LIFETIME,
    }
}

fn verifier(keys: KeySet) -> Verifier<SnapshotClaims> {
    Verifier::new(keys, &settings().issuer, &settings().audience, SnapshotClaims::LIFETIME)
}

fn derived() -> KeySet {
    KeySet::from(VerifyingKey::hs256(&Kind::Access.key()))
}

#[test]
fn a_snapshot_is_signed_with_whatever_signs_access_tokens() {
    let authority = TokenAuthority::new(&secret(), &settings());
    let first = authority.sign_snapshot(&claims());
    assert_eq!(verifier(derived()).verify(first.expose_secret(), NOW), Ok(claims()));

    let pair = KeyPair::generate(KeyPairAlgorithm::Es256, &SystemRandom);
    let published = KeySet::from_iter([pair.public()]);
    authority.use_access_keys(AccessKeys { signing: Some(pair), ..AccessKeys::default() });
    let second = authority.sign_snapshot(&claims());
    assert_eq!(verifier(published.clone()).verify(second.expose_secret(), NOW), Ok(claims()));
    let verdict = verifier(published).verify(first.expose_secret(), NOW);
    assert_eq!(verdict, Err(TokenError::UnknownKey));
}

#[test]
fn a_snapshot_is_no_access_token_and_an_access_token_is_no_snapshot() {
    let authority = TokenAuthority::new(&secret(), &settings());
    let snapshot = authority.sign_snapshot(&claims());
    let access = authority.sign_access(&access_claims());
    let verdict = authority.verify_access(snapshot.expose_secret(), NOW);
    assert_eq!(verdict, Err(TokenError::WrongKind));
    let verdict = verifier(derived()).verify(access.expose_secret(), NOW);
    assert_eq!(verdict, Err(TokenError::WrongKind));
}

#[test]
fn each_difference_between_the_two_is_enough_alone() {
    let authority = TokenAuthority::new(&secret(), &settings());
    let snapshot = authority.sign_snapshot(&claims());
    let forgery = || Forgery::from_token(snapshot.expose_secret(), Kind::Access.key());
    let verify = |forgery: &Forgery| verifier(derived()).verify(&forgery.token(), NOW);
    assert_eq!(verify(&forgery()), Ok(claims()));

    let mut other = forgery();
    other.header["typ"] = json!("at+jwt");
    assert_eq!(verify(&other), Err(TokenError::WrongKind));
    let mut other = forgery();
    other.claims["aud"] = json!("api");
    assert_eq!(verify(&other), Err(TokenError::WrongAudience));
    let mut other = forgery();
    other.claims.remove("type");
    assert_eq!(verify(&other), Err(TokenError::WrongKind));
}

#[test]
fn a_snapshot_that_is_old_or_says_nothing_is_refused() {
    let authority = TokenAuthority::new(&secret(), &settings());
    let snapshot = authority.sign_snapshot(&claims());
    let late = NOW + SnapshotClaims::LIFETIME + LEEWAY;
    let verdict = verifier(derived()).verify(snapshot.expose_secret(), late);
    assert_eq!(verdict, Err(TokenError::Expired));
    for claim in ["cursor", "entries", "jti"] {
        for value in [json!(null), json!(-1), json!([]), json!({})] {
            let mut forgery = Forgery::from_token(snapshot.expose_secret(), Kind::Access.key());
            forgery.claims[claim] = value.clone();
            let verdict = verifier(derived()).verify(&forgery.token(), NOW);
            assert_eq!(verdict, Err(TokenError::Malformed), "{claim}: {value}");
        }
    }
    let mut forgery = Forgery::from_token(snapshot.expose_secret(), Kind::Access.key());
    forgery.claims["jti"] = json!("AAAA");
    let verdict = verifier(derived()).verify(&forgery.token(), NOW);
    assert_eq!(verdict, Err(TokenError::Malformed));
}
