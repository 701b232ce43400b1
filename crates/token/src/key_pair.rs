//! Generated key pairs, and how their private halves are kept.
//!
//! A private half is 32 bytes for both algorithms, an Ed25519 seed or a P-256 scalar, and is stored
//! only sealed. The name of the key and its algorithm are sealed in as associated data, so that a
//! row whose private half was exchanged for another's does not open.

use std::fmt;

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use jsonwebtoken::EncodingKey;
use portcullis_domain::SecureRandom;
use zeroize::Zeroizing;

use crate::{KeyPairAlgorithm, PublicKey, SealError, SealingKey};

/// A key pair that signs access tokens. Its private half is wiped when dropped and never printed.
#[derive(Clone)]
pub struct KeyPair {
    public: PublicKey,
    private: Zeroizing<[u8; 32]>,
}

impl KeyPair {
    /// A new pair, named by its thumbprint.
    pub fn generate(algorithm: KeyPairAlgorithm, random: &dyn SecureRandom) -> Self {
        let mut private = Zeroizing::new([0; 32]);
        loop {
            random.fill(private.as_mut_slice());
            // About one in four thousand million numbers of 32 bytes is no scalar of P-256.
            if let Some(pair) = Self::from_private(algorithm, private.clone()) {
                return pair;
            }
        }
    }

    /// The name of the key; see [`PublicKey::kid`].
    pub fn kid(&self) -> &str {
        self.public.kid()
    }

    /// What it signs with.
    pub const fn algorithm(&self) -> KeyPairAlgorithm {
        self.public.algorithm()
    }

    /// The half that anybody may have.
    pub fn public(&self) -> PublicKey {
        self.public.clone()
    }

    /// The private half for storage, different each time.
    pub fn seal(&self, key: &SealingKey, random: &dyn SecureRandom) -> Vec<u8> {
        let associated = associated_data(self.kid(), self.algorithm());
        key.seal(self.private.as_slice(), &associated, random)
    }

    /// The pair whose private half was sealed for this name and algorithm.
    pub fn unseal(
        kid: &str,
        algorithm: KeyPairAlgorithm,
        sealed: &[u8],
        key: &SealingKey,
    ) -> Result<Unsealed, SealError> {
        let (plain, by_previous) = key.unseal(sealed, &associated_data(kid, algorithm))?;
        let private = Zeroizing::new(plain.as_slice().try_into().map_err(|_| SealError)?);
        let pair = Self::from_private(algorithm, private).ok_or(SealError)?;
        if pair.kid() != kid {
            return Err(SealError);
        }
        Ok(Unsealed { pair, by_previous })
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

    /// The form that jsonwebtoken signs with (RFC 5208), of the first version: it does not read the
    /// second for every algorithm.
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

/// What [`KeyPair::unseal`] opened.
#[derive(Debug)]
pub struct Unsealed {
    /// The pair.
    pub pair: KeyPair,
    /// Whether it took the previous secret: seal it again while that is still known.
    pub by_previous: bool,
}

fn associated_data(kid: &str, algorithm: KeyPairAlgorithm) -> Vec<u8> {
    // No algorithm's name is the beginning of another's, so no two rows give the same bytes.
    [algorithm.name(), " ", kid].concat().into_bytes()
}
