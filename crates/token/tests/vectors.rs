//! Published vectors and a table of rules, each case from its file.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_domain::Timestamp;
use portcullis_token::{Digest, KeySet, RegisteredClaims, TokenError, Verifier, VerifyingKey, jws};
use serde::Deserialize;
use sha2::Digest as _;

#[derive(Deserialize)]
struct ClaimsFile {
    now: i64,
    issuer: String,
    audience: String,
    hs256_key_utf8: String,
    cases: Vec<ClaimsCase>,
}

#[derive(Deserialize)]
struct ClaimsCase {
    id: String,
    token: String,
    expect: String,
}

#[test]
fn every_rule_on_claims_and_headers_holds() {
    let file: ClaimsFile =
        serde_json::from_str(include_str!("vectors/jwt_claims_cases.json")).unwrap();
    let key = file.hs256_key_utf8.as_bytes().try_into().unwrap();
    let verifier = Verifier::<RegisteredClaims>::new(
        KeySet::from(VerifyingKey::hs256_without_kid(key)),
        &file.issuer,
        &file.audience,
        Duration::from_mins(30),
    );
    assert_eq!(file.cases.len(), 44);
    for case in &file.cases {
        let verdict = verifier.verify(&case.token, Timestamp::from_seconds(file.now));
        assert_eq!(verdict.is_ok(), case.expect == "accept", "{}: {verdict:?}", case.id);
        assert_eq!(verdict.err(), reason(&case.id), "{}", case.id);
    }
}

/// A refusal for another reason than the one meant would hide a rule that is missing.
fn reason(id: &str) -> Option<TokenError> {
    Some(match id {
        "good" | "good-no-nbf" => return None,
        "alg-None-case" | "alg-none-with-sig" | "alg-HS384" | "alg-RS256-claimed" => {
            TokenError::WrongAlgorithm
        }
        "wrong-key" | "empty-key" | "sig-empty" | "sig-padded" | "sig-noncanonical-last-char" => {
            TokenError::BadSignature
        }
        "kid-path" | "kid-sql" => TokenError::UnknownKey,
        "exp-past" | "exp-just-past-leeway" => TokenError::Expired,
        "exp-far-future" => TokenError::WrongLifetime,
        "nbf-future" | "iat-future" => TokenError::NotYetValid,
        "iss-wrong" => TokenError::WrongIssuer,
        "typ-refresh-header"
        | "type-refresh-claim"
        | "type-password-reset-claim"
        | "type-unknown-claim" => TokenError::WrongKind,
        _ => TokenError::Malformed,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WycheproofFile<G> {
    number_of_tests: usize,
    test_groups: Vec<G>,
}

#[derive(Deserialize)]
struct JwsGroup {
    comment: String,
    private: Option<BTreeMap<String, serde_json::Value>>,
    public: Option<BTreeMap<String, serde_json::Value>>,
    tests: Vec<JwsCase>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JwsCase {
    tc_id: u32,
    comment: String,
    jws: String,
    result: String,
}

impl JwsGroup {
    fn member(&self, name: &str) -> Option<&str> {
        self.private.as_ref().or(self.public.as_ref())?.get(name)?.as_str()
    }
}

/// Labels of the file that contradict the file or RFC 7515.
const MISLABELLED: [u32; 4] = [
    // Byte for byte case 357, which is labelled valid (C2SP/wycheproof issue 236).
    367, 370,
    // A `?` in header or payload, which no MAC in the file covers and RFC 7515 section 2 forbids.
    372, 373,
];

#[test]
fn wycheproof_tokens_get_their_verdict_under_hs256() {
    let file: WycheproofFile<JwsGroup> =
        serde_json::from_str(include_str!("vectors/wycheproof_jws.json")).unwrap();
    let mut seen = 0;
    for group in file.test_groups.iter().filter(|group| group.member("kty") == Some("oct")) {
        let key = URL_SAFE_NO_PAD.decode(group.member("k").unwrap()).unwrap();
        let key = key.as_slice().try_into().unwrap();
        for case in &group.tests {
            let labelled = case.result == "valid";
            let expected = labelled != MISLABELLED.contains(&case.tc_id);
            let key = VerifyingKey::hs256_without_kid(key);
            let verdict = jws::verify(&case.jws, &key);
            assert_eq!(verdict.is_ok(), expected, "{} {}", case.tc_id, case.comment);
            seen += 1;
        }
    }
    assert_eq!(seen, 28);
}

#[test]
fn what_we_call_mislabelled_is() {
    let file: WycheproofFile<JwsGroup> =
        serde_json::from_str(include_str!("vectors/wycheproof_jws.json")).unwrap();
    let cases: BTreeMap<u32, &JwsCase> = file
        .test_groups
        .iter()
        .flat_map(|group| &group.tests)
        .map(|case| (case.tc_id, case))
        .collect();
    for twin in [367, 370] {
        assert_eq!(cases[&twin].jws, cases[&357].jws);
        assert_ne!(cases[&twin].result, cases[&357].result);
    }
    for stray in [372, 373] {
        assert!(cases[&stray].jws.contains('?') && cases[&stray].result == "valid");
    }
}

#[test]
fn wycheproof_tokens_of_every_other_algorithm_are_refused_by_an_hs256_key() {
    let file: WycheproofFile<JwsGroup> =
        serde_json::from_str(include_str!("vectors/wycheproof_jws.json")).unwrap();
    let (mut seen, mut confused) = (0, 0);
    for group in file.test_groups.iter().filter(|group| group.member("kty") != Some("oct")) {
        for case in &group.tests {
            for key in confusing_keys(group) {
                let verdict = jws::verify(&case.jws, &VerifyingKey::hs256_without_kid(&key));
                match verdict {
                    Ok(_) => panic!("{} {} {}", group.comment, case.tc_id, case.comment),
                    Err(TokenError::WrongAlgorithm | TokenError::Malformed) => {}
                    Err(error) => {
                        assert_eq!(error, TokenError::BadSignature);
                        assert!(case.comment.contains("Confusion"), "{}", case.comment);
                        confused += 1;
                    }
                }
            }
            seen += 1;
        }
    }
    assert_eq!(seen, file.number_of_tests - 28);
    assert!(confused > 0);
}

/// Parts of the public key, taken for a shared secret.
fn confusing_keys(group: &JwsGroup) -> Vec<[u8; 32]> {
    ["x", "y", "n"]
        .iter()
        .filter_map(|member| URL_SAFE_NO_PAD.decode(group.member(member)?).ok())
        .map(|bytes| as_hmac_key(&bytes))
        .collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MacGroup {
    tag_size: usize,
    tests: Vec<MacCase>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MacCase {
    tc_id: u32,
    key: String,
    msg: String,
    tag: String,
    result: String,
}

#[test]
fn wycheproof_tags_get_their_verdict_and_truncated_ones_are_no_digests() {
    let file: WycheproofFile<MacGroup> =
        serde_json::from_str(include_str!("vectors/wycheproof_hmac_sha256.json")).unwrap();
    let mut seen = 0;
    for group in &file.test_groups {
        for case in &group.tests {
            let computed = Digest::keyed(&as_hmac_key(&hex(&case.key)), &hex(&case.msg));
            let tag = hex(&case.tag);
            let stored = Digest::try_from(tag.as_slice());
            if group.tag_size == 256 {
                assert_eq!(stored == Ok(computed), case.result == "valid", "{}", case.tc_id);
            } else {
                assert!(stored.is_err(), "{}", case.tc_id);
                let is_prefix = computed.as_bytes().starts_with(&tag);
                assert_eq!(is_prefix, case.result == "valid", "{}", case.tc_id);
            }
            seen += 1;
        }
    }
    assert_eq!(seen, file.number_of_tests);
}

/// The 32-byte key with the same effect (RFC 2104 section 2): shorter ones are filled with zeros,
/// those over a block of 64 bytes are hashed.
fn as_hmac_key(bytes: &[u8]) -> [u8; 32] {
    if bytes.len() > 64 {
        return sha2::Sha256::digest(bytes).into();
    }
    let mut key = [0; 32];
    key[..bytes.len()].copy_from_slice(bytes);
    key
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}
