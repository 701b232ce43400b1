//! Keys, each with its name and its one algorithm.
//!
//! A token says by `kid` which key to use, never which algorithm: that is fixed with the key, so a
//! token cannot talk a verifier into another one (RFC 8725 section 3.1).

use std::fmt;

use jsonwebtoken::crypto::{self, aws_lc};
use jsonwebtoken::{DecodingKey, EncodingKey};

use crate::{base64url, mac};

/// The keys that a verifier accepts.
#[derive(Clone, Debug)]
pub struct KeySet(Vec<VerifyingKey>);

impl KeySet {
    /// Adds a key, such as the previous one during a rotation.
    #[must_use]
    pub fn with(mut self, key: VerifyingKey) -> Self {
        self.0.push(key);
        self
    }

    /// The key of that name. A token without `kid` finds only a key without one.
    pub(crate) fn find(&self, kid: Option<&str>) -> Option<&VerifyingKey> {
        self.0.iter().find(|key| key.kid.as_deref() == kid)
    }
}

impl From<VerifyingKey> for KeySet {
    fn from(key: VerifyingKey) -> Self {
        Self(vec![key])
    }
}

/// A key that checks signatures.
#[derive(Clone)]
pub struct VerifyingKey {
    kid: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

impl VerifyingKey {
    /// An HS256 key under the name that its signer writes into `kid`.
    pub fn hs256(secret: &[u8; 32]) -> Self {
        Self { kid: Some(hs256_kid(secret)), ..Self::hs256_without_kid(secret) }
    }

    /// An HS256 key for tokens that carry no `kid`, and for no others: for issuers with a single
    /// key that never rotates. Portcullis always writes a `kid`.
    pub fn hs256_without_kid(secret: &[u8; 32]) -> Self {
        install_provider();
        Self { kid: None, algorithm: Algorithm::Hs256, key: DecodingKey::from_secret(secret) }
    }

    /// Whether the header names the algorithm of this key, letter by letter.
    pub(crate) fn has_algorithm(&self, name: &str) -> bool {
        name == self.algorithm.name()
    }

    /// Whether `signature`, in base64url, is the key's own over `message`. Constant time for MACs.
    pub(crate) fn accepts(&self, message: &str, signature: &str) -> bool {
        crypto::verify(signature, message.as_bytes(), &self.key, self.algorithm.registered())
            .unwrap_or(false)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// A key that signs.
#[derive(Clone)]
pub(crate) struct SigningKey {
    kid: String,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl SigningKey {
    pub(crate) fn hs256(secret: &[u8; 32]) -> Self {
        install_provider();
        Self {
            kid: hs256_kid(secret),
            algorithm: Algorithm::Hs256,
            key: EncodingKey::from_secret(secret),
        }
    }

    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    pub(crate) const fn algorithm(&self) -> &'static str {
        self.algorithm.name()
    }

    /// The signature in base64url; HS256 gives the same one for the same message.
    #[expect(clippy::expect_used, reason = "key and algorithm were matched when the key was made")]
    pub(crate) fn sign(&self, message: &str) -> String {
        crypto::sign(message.as_bytes(), &self.key, self.algorithm.registered())
            .expect("a key signs with its own algorithm")
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

/// The signature algorithms of RFC 7518 section 3.1 that a key can be pinned to.
#[derive(Clone, Copy, Debug)]
enum Algorithm {
    Hs256,
}

impl Algorithm {
    const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
        }
    }

    const fn registered(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
        }
    }
}

/// A name that follows from the key, so that every node gives it the same one, and that tells
/// nothing about it.
fn hs256_kid(secret: &[u8; 32]) -> String {
    let name = mac::hmac_sha256(secret, &[b"portcullis/v1/key-id"]);
    base64url::encode(name.first_chunk::<12>().unwrap_or(&[0; 12]))
}

/// Settles which cryptography jsonwebtoken uses. Left to itself it panics at the first signature if
/// any crate of the program switches its other backend on, because cargo unifies features. A choice
/// that the program made before stands.
fn install_provider() {
    let _ = aws_lc::DEFAULT_PROVIDER.install_default();
}

#[cfg(test)]
mod tests {
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
}
