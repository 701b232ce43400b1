//! Public keys: names (`kid`, RFC 7638 thumbprint), coordinates and validation.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use sha2::{Digest, Sha256};

use crate::{KeyPairAlgorithm, base64url};

/// The public key of a key pair, under the name that tokens carry in `kid`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    kid: String,
    algorithm: KeyPairAlgorithm,
    bytes: Vec<u8>,
}

impl PublicKey {
    /// Builds a key from its stored or published form. `bytes` are as in [`PublicKey::as_bytes`]; a
    /// point that is not on the curve is refused. The name is arbitrary, because other issuers
    /// choose their own.
    pub fn from_parts(
        kid: &str,
        algorithm: KeyPairAlgorithm,
        bytes: &[u8],
    ) -> Result<Self, PublicKeyError> {
        let is_key = match algorithm {
            KeyPairAlgorithm::EdDsa => bytes.len() == 32,
            KeyPairAlgorithm::Es256 => {
                bytes.len() == 65 && ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes).is_ok()
            }
        };
        if kid.is_empty() || !is_key {
            return Err(PublicKeyError);
        }
        Ok(Self { kid: kid.to_owned(), algorithm, bytes: bytes.to_vec() })
    }

    /// Builds a key that is named by its thumbprint.
    pub(crate) fn under_its_thumbprint(
        algorithm: KeyPairAlgorithm,
        bytes: &[u8],
    ) -> Result<Self, PublicKeyError> {
        Self::from_parts(&thumbprint(algorithm, bytes), algorithm, bytes)
    }

    /// The name. Keys of Portcullis use their thumbprint (RFC 7638), 43 characters of base64url.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The only algorithm of tokens under this key.
    pub const fn algorithm(&self) -> KeyPairAlgorithm {
        self.algorithm
    }

    /// `EdDSA`: the 32 bytes of RFC 8032 section 5.1.5. `ES256`: the uncompressed point, 65 bytes
    /// (SEC 1 section 2.3.3).
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The coordinates `x` and `y` in base64url (RFC 7518 section 6.2.1, RFC 8037 section 2); `EdDSA`
/// has no `y`.
pub(crate) fn coordinates(algorithm: KeyPairAlgorithm, bytes: &[u8]) -> (String, Option<String>) {
    match (algorithm, bytes) {
        (KeyPairAlgorithm::Es256, [_, point @ ..]) => {
            let (x, y) = point.split_at(point.len() / 2);
            (base64url::encode(x), Some(base64url::encode(y)))
        }
        _ => (base64url::encode(bytes), None),
    }
}

/// The thumbprint (RFC 7638 section 3) with SHA-256. The members are in the required order, and no
/// value needs an escape.
fn thumbprint(algorithm: KeyPairAlgorithm, bytes: &[u8]) -> String {
    let (x, y) = coordinates(algorithm, bytes);
    base64url::encode(Sha256::digest(match y {
        None => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#),
        Some(y) => format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#),
    }))
}

/// The bytes are not a public key of that algorithm, or the name is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a named public key of that algorithm")]
pub struct PublicKeyError;

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037 appendix A.3.
    #[test]
    fn the_thumbprint_is_that_of_the_rfc() {
        let key = base64url::decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let key = PublicKey::under_its_thumbprint(KeyPairAlgorithm::EdDsa, &key).unwrap();
        assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn bytes_that_are_no_key_are_refused() {
        let off_the_curve = [4; 65];
        for (algorithm, bytes) in [
            (KeyPairAlgorithm::EdDsa, &[1; 31][..]),
            (KeyPairAlgorithm::EdDsa, &[1; 33]),
            (KeyPairAlgorithm::Es256, &[1; 32]),
            (KeyPairAlgorithm::Es256, &[]),
            (KeyPairAlgorithm::Es256, &off_the_curve),
        ] {
            let verdict = PublicKey::from_parts("name", algorithm, bytes);
            assert_eq!(verdict, Err(PublicKeyError), "{algorithm} {}", bytes.len());
        }
        assert!(PublicKey::from_parts("name", KeyPairAlgorithm::EdDsa, &[1; 32]).is_ok());
        assert!(PublicKey::from_parts("", KeyPairAlgorithm::EdDsa, &[1; 32]).is_err());
    }
}
