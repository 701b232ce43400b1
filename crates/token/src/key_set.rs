//! Key sets for signing and verification: each key has one name and one algorithm.
//!
//! A token selects the key by `kid`, never the algorithm. The algorithm is fixed with the key, so
//! that a token cannot choose a weaker one (RFC 8725 section 3.1).

use std::fmt;

use hmac::{Hmac, Mac};
use jsonwebtoken::crypto::{self, aws_lc};
use jsonwebtoken::{DecodingKey, EncodingKey};
use sha2::Sha256;

use crate::{
    JsonWebKeySet, JsonWebKeySetError, KeyPair, KeyPairAlgorithm, PublicKey, SigningAlgorithm,
    base64url, mac,
};

/// The keys that a verifier accepts; empty by default.
#[derive(Clone, Debug, Default)]
pub struct KeySet(Vec<VerifyingKey>);

impl KeySet {
    /// Parses the keys of a published document, such as `/.well-known/jwks.json`.
    /// [`JsonWebKeySet::parse`] lists the keys that are left out. The set is empty when no key is
    /// usable.
    pub fn from_jwks(json: &str) -> Result<Self, JsonWebKeySetError> {
        Ok(JsonWebKeySet::parse(json)?.keys().iter().collect())
    }

    /// Returns whether the set is empty, so that no token can be accepted.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a key, such as the previous one during a rotation.
    #[must_use]
    pub fn with(mut self, key: VerifyingKey) -> Self {
        self.0.push(key);
        self
    }

    /// Finds the key with that name. A token without `kid` finds only a key without a name.
    pub(crate) fn find(&self, kid: Option<&str>) -> Option<&VerifyingKey> {
        self.0.iter().find(|key| key.kid() == kid)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.0.iter()
    }
}

impl From<VerifyingKey> for KeySet {
    fn from(key: VerifyingKey) -> Self {
        Self(vec![key])
    }
}

impl<K: Into<VerifyingKey>> FromIterator<K> for KeySet {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        Self(keys.into_iter().map(Into::into).collect())
    }
}

/// A key that verifies signatures.
#[derive(Clone)]
pub struct VerifyingKey {
    kid: Option<String>,
    check: Check,
}

/// The verification method of a key.
#[derive(Clone)]
enum Check {
    /// HS256 with the key schedule precomputed. That takes a third of the time of a verification,
    /// and jsonwebtoken would repeat it for each token.
    SharedSecret(Hmac<Sha256>),
    KeyPair(KeyPairAlgorithm, DecodingKey),
}

impl VerifyingKey {
    /// An HS256 key under the name that its signer writes to `kid`.
    pub fn hs256(secret: &[u8; 32]) -> Self {
        Self { kid: Some(hs256_kid(secret)), ..Self::hs256_without_kid(secret) }
    }

    /// An HS256 key for tokens without `kid`, and for no others: for issuers with a single key that
    /// never rotates. Portcullis always writes a `kid`.
    pub fn hs256_without_kid(secret: &[u8; 32]) -> Self {
        Self { kid: None, check: Check::SharedSecret(mac::keyed(secret)) }
    }

    pub(crate) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    pub(crate) const fn algorithm(&self) -> SigningAlgorithm {
        match self.check {
            Check::SharedSecret(_) => SigningAlgorithm::Hs256,
            Check::KeyPair(algorithm, _) => algorithm.signing(),
        }
    }

    /// Returns whether `signature`, in base64url, is valid for `message`. Constant time for MACs.
    pub(crate) fn accepts(&self, message: &[u8], signature: &str) -> bool {
        match &self.check {
            Check::SharedSecret(key) => base64url::decode_exact::<32>(signature)
                .is_some_and(|tag| key.clone().chain_update(message).verify(&tag.into()).is_ok()),
            Check::KeyPair(algorithm, key) => {
                crypto::verify(signature, message, key, algorithm.signing().registered())
                    .unwrap_or(false)
            }
        }
    }
}

impl From<&PublicKey> for VerifyingKey {
    fn from(key: &PublicKey) -> Self {
        install_provider();
        let decoding_key = match key.algorithm() {
            KeyPairAlgorithm::EdDsa => DecodingKey::from_ed_der(key.as_bytes()),
            KeyPairAlgorithm::Es256 => DecodingKey::from_ec_der(key.as_bytes()),
        };
        let check = Check::KeyPair(key.algorithm(), decoding_key);
        Self { kid: Some(key.kid().to_owned()), check }
    }
}

impl From<PublicKey> for VerifyingKey {
    fn from(key: PublicKey) -> Self {
        Self::from(&key)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm())
            .finish_non_exhaustive()
    }
}

/// A key that signs.
#[derive(Clone)]
pub(crate) struct SigningKey {
    kid: String,
    algorithm: SigningAlgorithm,
    key: EncodingKey,
}

impl SigningKey {
    pub(crate) fn hs256(secret: &[u8; 32]) -> Self {
        install_provider();
        Self {
            kid: hs256_kid(secret),
            algorithm: SigningAlgorithm::Hs256,
            key: EncodingKey::from_secret(secret),
        }
    }

    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    pub(crate) const fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    /// Returns the signature in base64url. HS256 and `EdDSA` give the same signature for the same
    /// message, ES256 gives a different one each time.
    #[expect(clippy::expect_used, reason = "key and algorithm were matched when the key was made")]
    pub(crate) fn sign(&self, message: &str) -> String {
        crypto::sign(message.as_bytes(), &self.key, self.algorithm.registered())
            .expect("a key signs with its own algorithm")
    }
}

impl From<&KeyPair> for SigningKey {
    fn from(pair: &KeyPair) -> Self {
        install_provider();
        Self {
            kid: pair.kid().to_owned(),
            algorithm: pair.algorithm().signing(),
            key: pair.encoding_key(),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// A key name that is derived from the key: every node computes the same name, and the name reveals
/// nothing about the key.
pub(crate) fn hs256_kid(secret: &[u8; 32]) -> String {
    let name = mac::hmac_sha256(secret, &[b"portcullis/v1/key-id"]);
    base64url::encode(name.first_chunk::<12>().unwrap_or(&[0; 12]))
}

/// Selects the cryptography backend of jsonwebtoken. Without this, jsonwebtoken panics at the first
/// signature if any crate of the program enables its other backend, because cargo unifies features.
/// An earlier choice of the program is kept.
fn install_provider() {
    let _ = aws_lc::DEFAULT_PROVIDER.install_default();
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_key_is_found_by_its_own_name_only() {
        let [current, previous, stranger] = [[1; 32], [2; 32], [3; 32]];
        let keys = KeySet::from(VerifyingKey::hs256(&current)).with(VerifyingKey::hs256(&previous));
        assert!(keys.find(Some(&hs256_kid(&current))).is_some());
        assert!(keys.find(Some(&hs256_kid(&previous))).is_some());
        assert!(keys.find(Some(&hs256_kid(&stranger))).is_none());
        assert!(keys.find(Some("")).is_none());
        assert!(keys.find(None).is_none());
    }

    #[test]
    fn a_key_without_a_name_serves_tokens_without_kid_only() {
        let keys = KeySet::from(VerifyingKey::hs256_without_kid(&[1; 32]));
        assert!(keys.find(None).is_some());
        assert!(keys.find(Some("")).is_none());
        assert!(keys.find(Some(&hs256_kid(&[1; 32]))).is_none());
    }

    #[test]
    fn debug_output_does_not_tell_the_key() {
        let keys = format!("{:?}", KeySet::from(VerifyingKey::hs256(&[0xab; 32])));
        let signer = format!("{:?}", SigningKey::hs256(&[0xab; 32]));
        for text in [keys, signer] {
            assert!(!text.contains("171") && !text.to_lowercase().contains("abab"), "{text}");
        }
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct WycheproofFile {
        number_of_tests: usize,
        test_groups: Vec<Group>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Group {
        public_key_jwk: Value,
        tests: Vec<Case>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Case {
        tc_id: u32,
        msg: String,
        sig: String,
        result: String,
    }

    #[test]
    fn wycheproof_signatures_get_their_verdict_under_ed25519() {
        let file: WycheproofFile =
            serde_json::from_str(include_str!("../tests/vectors/wycheproof_ed25519.json")).unwrap();
        let mut seen = 0;
        for group in &file.test_groups {
            let document = json!({ "keys": [group.public_key_jwk] }).to_string();
            let key = VerifyingKey::from(&JsonWebKeySet::parse(&document).unwrap().keys()[0]);
            for case in &group.tests {
                let verdict = key.accepts(&hex(&case.msg), &base64url::encode(hex(&case.sig)));
                assert_eq!(verdict, case.result == "valid", "{}", case.tc_id);
                seen += 1;
            }
        }
        assert_eq!(seen, file.number_of_tests);
    }

    fn hex(text: &str) -> Vec<u8> {
        let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
        (0..text.len()).step_by(2).map(byte).collect()
    }
}
