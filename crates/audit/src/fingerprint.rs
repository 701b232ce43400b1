//! `Fingerprint`: the SHA-256 digest of public data.

use sha2::{Digest, Sha256};

use crate::hexadecimal::hexadecimal;

/// A SHA-256 digest of public data: a matrix, a checkpoint, a public key. Printed in hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Returns the digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Wraps an existing digest.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes of the digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

hexadecimal!(Fingerprint, 32);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NotHexadecimal;

    #[test]
    fn a_fingerprint_has_one_spelling() {
        let abc = Fingerprint::of(b"abc"); // FIPS 180-4, the one-block example
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(abc.to_string(), text);
        assert_eq!(text.parse(), Ok(abc));
        for other in [&text.to_uppercase(), &text[2..], &text.replace('b', "g"), ""] {
            assert_eq!(other.parse::<Fingerprint>(), Err(NotHexadecimal(64)));
        }
    }
}
