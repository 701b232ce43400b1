//! Generated key pairs and the encryption of their private keys.
//!
//! A private key has 32 bytes for both algorithms, an Ed25519 seed or a P-256 scalar, and is stored
//! only sealed. The name of the key and its algorithm are associated data of the encryption, so
//! that a row whose private key was replaced by that of another row does not open.

use std::fmt;

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use jsonwebtoken::EncodingKey;
use portcullis_domain::SecureRandom;
use zeroize::Zeroizing;

use crate::{KeyPairAlgorithm, PublicKey, SealError, SealingKey};

/// A key pair that signs access tokens. Its private key is wiped when dropped and never printed.
#[derive(Clone)]
pub struct KeyPair {
    public: PublicKey,
    private: Zeroizing<[u8; 32]>,
}

impl KeyPair {
    /// Generates a key pair, named by its thumbprint.
    pub fn generate(algorithm: KeyPairAlgorithm, random: &dyn SecureRandom) -> Self {
        let mut private = Zeroizing::new([0; 32]);
        loop {
            random.fill(private.as_mut_slice());
            // About one in four thousand million numbers of 32 bytes is not a scalar of P-256.
            if let Some(pair) = Self::from_private(algorithm, private.clone()) {
                return pair;
            }
        }
    }

    /// The name of the key; see [`PublicKey::kid`].
    pub fn kid(&self) -> &str {
        self.public.kid()
    }

    /// The signature algorithm.
    pub const fn algorithm(&self) -> KeyPairAlgorithm {
        self.public.algorithm()
    }

    /// The public key.
    pub fn public(&self) -> PublicKey {
        self.public.clone()
    }

    /// Encrypts the private key for storage; the result differs each time.
    pub fn seal(&self, key: &SealingKey, random: &dyn SecureRandom) -> Vec<u8> {
        let associated = associated_data(self.kid(), self.algorithm());
        key.seal(self.private.as_slice(), &associated, random)
    }

    /// Decrypts a key pair whose private key was sealed for this name and algorithm.
    pub fn unseal(
        kid: &str,
        algorithm: KeyPairAlgorithm,
        sealed: &[u8],
        key: &SealingKey,
    ) -> Result<UnsealedKey, SealError> {
        let (plain, by_previous) = key.unseal(sealed, &associated_data(kid, algorithm))?;
        let private = Zeroizing::new(plain.as_slice().try_into().map_err(|_| SealError)?);
        let pair = Self::from_private(algorithm, private).ok_or(SealError)?;
        if pair.kid() != kid {
            return Err(SealError);
        }
        Ok(UnsealedKey { pair, by_previous })
    }

    pub(crate) fn encoding_key(&self) -> EncodingKey {
        match self.algorithm() {
            KeyPairAlgorithm::EdDsa => EncodingKey::from_ed_der(&self.pkcs8()),
            KeyPairAlgorithm::Es256 => EncodingKey::from_ec_der(&self.pkcs8()),
        }
    }

    fn from_private(algorithm: KeyPairAlgorithm, private: Zeroizing<[u8; 32]>) -> Option<Self> {
        let public = match algorithm {
            KeyPairAlgorithm::EdDsa => {
                let pair = Ed25519KeyPair::from_seed_unchecked(private.as_slice()).ok()?;
                PublicKey::under_its_thumbprint(algorithm, pair.public_key().as_ref())
            }
            KeyPairAlgorithm::Es256 => {
                let pair = PrivateKey::from_private_key(&ECDH_P256, private.as_slice()).ok()?;
                PublicKey::under_its_thumbprint(algorithm, pair.compute_public_key().ok()?.as_ref())
            }
        };
        Some(Self { public: public.ok()?, private })
    }

    /// The private key in the form for jsonwebtoken (RFC 5208, version 1). jsonwebtoken does not
    /// read version 2 for every algorithm.
    #[expect(clippy::expect_used, reason = "the halves were matched when the pair was made")]
    fn pkcs8(&self) -> Zeroizing<Vec<u8>> {
        let (private, public) = (self.private.as_slice(), self.public.as_bytes());
        let document = match self.algorithm() {
            KeyPairAlgorithm::EdDsa => Ed25519KeyPair::from_seed_unchecked(private)
                .expect("32 bytes are a seed")
                .to_pkcs8v1(),
            KeyPairAlgorithm::Es256 => EcdsaKeyPair::from_private_key_and_public_key(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                private,
                public,
            )
            .expect("the halves belong together")
            .to_pkcs8v1(),
        };
        Zeroizing::new(document.expect("a key pair has a PKCS#8 form").as_ref().to_vec())
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("public", &self.public).finish_non_exhaustive()
    }
}

/// The result of [`KeyPair::unseal`].
#[derive(Debug)]
pub struct UnsealedKey {
    /// The key pair.
    pub pair: KeyPair,
    /// True if the previous secret was used: seal the key again while that secret is still
    /// configured.
    pub by_previous: bool,
}

fn associated_data(kid: &str, algorithm: KeyPairAlgorithm) -> Vec<u8> {
    // No algorithm name is a prefix of another, so no two rows give the same bytes.
    [algorithm.name(), " ", kid].concat().into_bytes()
}
