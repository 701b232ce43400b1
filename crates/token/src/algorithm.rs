//! Signature algorithms: HS256, `EdDSA` (Ed25519) and ES256.

use std::fmt;
use std::str::FromStr;

/// A signature algorithm for tokens (RFC 7518 section 3.1, RFC 8037 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SigningAlgorithm {
    /// HMAC with SHA-256, under a key that is derived from the configured secret.
    Hs256,
    /// Ed25519, under a generated key pair.
    EdDsa,
    /// ECDSA on P-256 with SHA-256, under a generated key pair.
    Es256,
}

impl SigningAlgorithm {
    /// All algorithms.
    pub const ALL: [Self; 3] = [Self::Hs256, Self::EdDsa, Self::Es256];

    /// The name in the header `alg`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
        }
    }

    /// The algorithm of its key pairs; `None` for a shared secret.
    pub const fn key_pair(self) -> Option<KeyPairAlgorithm> {
        match self {
            Self::Hs256 => None,
            Self::EdDsa => Some(KeyPairAlgorithm::EdDsa),
            Self::Es256 => Some(KeyPairAlgorithm::Es256),
        }
    }

    pub(crate) const fn registered(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
        }
    }
}

impl fmt::Display for SigningAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SigningAlgorithm {
    type Err = SigningAlgorithmError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == text)
            .ok_or(SigningAlgorithmError)
    }
}

/// A signature algorithm whose public key can be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyPairAlgorithm {
    /// See [`SigningAlgorithm::EdDsa`].
    EdDsa,
    /// See [`SigningAlgorithm::Es256`].
    Es256,
}

impl KeyPairAlgorithm {
    /// All algorithms with a key pair.
    pub const ALL: [Self; 2] = [Self::EdDsa, Self::Es256];

    /// The name in the header `alg`.
    pub const fn name(self) -> &'static str {
        self.signing().name()
    }

    pub(crate) const fn signing(self) -> SigningAlgorithm {
        match self {
            Self::EdDsa => SigningAlgorithm::EdDsa,
            Self::Es256 => SigningAlgorithm::Es256,
        }
    }
}

impl fmt::Display for KeyPairAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for KeyPairAlgorithm {
    type Err = SigningAlgorithmError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<SigningAlgorithm>()?.key_pair().ok_or(SigningAlgorithmError)
    }
}

/// The text is not exactly the name of a supported algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not the name of a signature algorithm; known are HS256, EdDSA and ES256")]
pub struct SigningAlgorithmError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_is_found_by_its_exact_name_only() {
        for name in ["HS256", "EdDSA", "ES256"] {
            assert_eq!(name.parse::<SigningAlgorithm>().unwrap().to_string(), name);
        }
        for name in ["EdDSA", "ES256"] {
            assert_eq!(name.parse::<KeyPairAlgorithm>().unwrap().to_string(), name);
        }
        for name in ["", "none", "hs256", "EDDSA", "ES256 ", "RS256", "HS512"] {
            assert_eq!(name.parse::<SigningAlgorithm>(), Err(SigningAlgorithmError), "{name}");
        }
        assert_eq!("HS256".parse::<KeyPairAlgorithm>(), Err(SigningAlgorithmError));
    }
}
