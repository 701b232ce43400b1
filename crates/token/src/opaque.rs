//! Opaque secrets (random, without content) and the digests that are stored instead of them.
//!
//! The server stores only the digest, so a stolen database gives no access. A plain SHA-256 is
//! enough because a secret has 256 random bits; a password needs a password hash instead.

use std::fmt;
use std::str::FromStr;

use portcullis_domain::{ExposeSecret, SecretString, SecureRandom, constant_time_eq};
use sha2::{Digest as _, Sha256};

use crate::{base64url, mac};

/// 32 random bytes in 43 characters of base64url: a binding cookie, a one-time setup token.
///
/// It prints as redacted and is wiped when dropped.
#[derive(Clone, Debug)]
pub struct OpaqueSecret(SecretString);

impl OpaqueSecret {
    /// Generates a secret.
    pub fn mint(random: &dyn SecureRandom) -> Self {
        let mut bytes = [0; 32];
        random.fill(&mut bytes);
        Self(SecretString::from(base64url::encode(bytes)))
    }

    /// Checks the form of a text that a client sent. [`Digest::matches`] checks the value.
    pub fn parse(text: &str) -> Result<Self, OpaqueSecretError> {
        if base64url::decode_exact::<32>(text).is_none() {
            return Err(OpaqueSecretError);
        }
        Ok(Self(SecretString::from(text)))
    }

    /// The text, to be issued once.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The digest to store instead of the secret.
    pub fn digest(&self) -> Digest {
        Digest::of(self.expose())
    }
}

/// SHA-256 of a secret's text, or HMAC-SHA-256 of a value that could be guessed.
///
/// The comparison takes constant time.
#[derive(Clone, Copy, Debug, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of a secret with at least 128 random bits.
    pub fn of(secret: &str) -> Self {
        Self::of_bytes(secret.as_bytes())
    }

    /// The digest of a secret in bytes, with at least 128 random bits.
    pub fn of_bytes(secret: &[u8]) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// The digest, under a derived key, of a value that could be guessed: without the key, the
    /// value cannot be found by trying.
    pub fn keyed(key: &[u8; 32], message: &[u8]) -> Self {
        Self(mac::hmac_sha256(key, &[message]))
    }

    /// Returns whether this is the digest of `secret`.
    pub fn matches(&self, secret: &str) -> bool {
        *self == Self::of(secret)
    }

    /// The bytes to store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        constant_time_eq(&self.0, &other.0)
    }
}

/// The form in configuration files: 43 characters of base64url.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(self.0))
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        base64url::decode_exact(text).map(Self).ok_or(DigestError)
    }
}

impl TryFrom<&[u8]> for Digest {
    type Error = DigestError;

    /// Parses a stored digest; a truncated one is refused.
    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self).map_err(|_| DigestError)
    }
}

/// The text is not 43 characters of base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be the secret as it was handed out, 43 characters long")]
pub struct OpaqueSecretError;

/// Not 32 bytes, or not 43 characters of base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a digest must have 32 bytes, 43 characters of base64url")]
pub struct DigestError;

#[cfg(test)]
mod tests {
    use portcullis_domain::SystemRandom;

    use super::*;

    #[test]
    fn a_minted_secret_is_recognised_by_its_digest_alone() {
        let secret = OpaqueSecret::mint(&SystemRandom);
        let stored = Digest::try_from(secret.digest().as_bytes().as_slice()).unwrap();
        let returned = OpaqueSecret::parse(secret.expose()).unwrap();
        assert!(stored.matches(returned.expose()));
        assert!(!stored.matches(OpaqueSecret::mint(&SystemRandom).expose()));
    }

    #[test]
    fn a_text_of_another_form_is_refused_before_it_is_looked_up() {
        let good = OpaqueSecret::mint(&SystemRandom);
        let cut = &good.expose()[..42];
        let forms = [
            String::new(),
            cut.to_owned(),
            format!("{cut}A="),
            format!("{cut}="),
            format!("{cut}+"),
            "B".repeat(43),
            "A".repeat(1_000_000),
        ];
        for text in forms {
            assert!(OpaqueSecret::parse(&text).is_err(), "{text:.50}");
        }
    }

    #[test]
    fn debug_output_does_not_tell_the_secret() {
        let secret = OpaqueSecret::mint(&SystemRandom);
        assert!(!format!("{secret:?}").contains(secret.expose()));
    }

    /// FIPS 180-4 example: one block, "abc".
    #[test]
    fn the_digest_is_sha_256_of_the_text() {
        let digest = Digest::of("abc");
        let first = [0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea];
        assert!(digest.as_bytes().starts_with(&first));
        assert_ne!(digest, Digest::keyed(&[0; 32], b"abc"));
        assert_eq!(Digest::try_from(&digest.as_bytes()[..31]), Err(DigestError));
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!(digest.to_string()[1..].parse::<Digest>(), Err(DigestError));
    }
}
