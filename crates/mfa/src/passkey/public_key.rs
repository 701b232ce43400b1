//! Public keys of credentials: read from their COSE form (RFC 9053, RFC 8230), and verification of
//! signatures by aws-lc-rs.

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use cbor4ii::core::enc::{self, Encode, Write};
use cbor4ii::core::types;
use cbor4ii::core::utils::BufWriter;

use super::cbor::{CborReader, Key};
use super::passkey_error::PasskeyError;

/// The public key of a credential, checked: it can verify signatures.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(Material);

/// The algorithm of a key, with the names of the COSE registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// Ed25519.
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, keys of 2048 to 4096 bits.
    Rs256,
}

#[derive(Clone, PartialEq, Eq)]
enum Material {
    EdDsa([u8; COORDINATE]),
    /// The uncompressed point: the byte 4 and both coordinates.
    Es256([u8; 2 * COORDINATE + 1]),
    Rs256 {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
}

/// A value of a COSE key: the supported ones have no others.
#[derive(Clone, Copy)]
enum Member<'a> {
    Number(i64),
    Bytes(&'a [u8]),
}

const COORDINATE: usize = 32;

/// The limits of the modulus of an RSA key, in bytes; the first bit is set.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=512;

/// The maximum length of the exponent of an RSA key, in bytes. Every known authenticator uses 65537.
const MAX_EXPONENT: usize = 4;

const KTY: i64 = 1;
const ALG: i64 = 3;
const OKP: i64 = 1;
const EC2: i64 = 2;
const RSA: i64 = 3;
const P_256: i64 = 1;
const CURVE_ED25519: i64 = 6;

impl PublicKey {
    /// Reads the bytes of [`Self::to_bytes`], and any COSE key of a supported algorithm that has only the
    /// required parameters (section 6.5.1). Errors: the reasons that begin with the CBOR of the key.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PasskeyError> {
        let mut members = [None; 5];
        let mut reader = CborReader::new(bytes);
        let count = reader.map(|key, reader| {
            let place = match key {
                Key::Number(KTY) => 0,
                Key::Number(ALG) => 1,
                Key::Number(-1) => 2,
                Key::Number(-2) => 3,
                Key::Number(-3) => 4,
                _ => return Err(PasskeyError::InvalidKey),
            };
            let member = if reader.is_at_bytes() {
                Member::Bytes(reader.bytes()?)
            } else {
                Member::Number(reader.number().map_err(|_| PasskeyError::InvalidKey)?)
            };
            if let Some(slot) = members.get_mut(place) {
                *slot = Some(member);
            }
            Ok(())
        });
        count?;
        reader.finish()?;
        Ok(Self(Material::from_members(members)?))
    }

    /// The COSE form with sorted keys (CTAP2 canonical CBOR): 42, 77 or, for RSA, up to 537 bytes. The
    /// form is stable, for storage.
    #[expect(clippy::expect_used, reason = "only memory could lack")]
    #[expect(clippy::missing_panics_doc, reason = "it cannot panic")]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = BufWriter::new(Vec::new());
        types::Map(self.0.members().as_slice()).encode(&mut writer).expect("it is short");
        writer.into_inner()
    }

    /// The algorithm.
    pub const fn algorithm(&self) -> Algorithm {
        match self.0 {
            Material::EdDsa(_) => Algorithm::EdDsa,
            Material::Es256(_) => Algorithm::Es256,
            Material::Rs256 { .. } => Algorithm::Rs256,
        }
    }

    /// Verifies a signature; that of ES256 is in ASN.1 DER (section 6.5.5).
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), PasskeyError> {
        let outcome = match &self.0 {
            Material::EdDsa(key) => {
                UnparsedPublicKey::new(&ED25519, key).verify(message, signature)
            }
            Material::Es256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature)
            }
            Material::Rs256 { modulus, exponent } => {
                RsaPublicKeyComponents { n: modulus, e: exponent }.verify(
                    &RSA_PKCS1_2048_8192_SHA256,
                    message,
                    signature,
                )
            }
        };
        outcome.map_err(|_| PasskeyError::BadSignature)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:?})", self.algorithm())
    }
}

impl Algorithm {
    /// All of them, the preferred first.
    pub const ALL: [Self; 3] = [Self::EdDsa, Self::Es256, Self::Rs256];

    /// The number of the algorithm in the COSE registry.
    pub const fn cose_id(self) -> i64 {
        match self {
            Self::EdDsa => -8,
            Self::Es256 => -7,
            Self::Rs256 => -257,
        }
    }

    fn of_cose_id(id: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.cose_id() == id)
    }
}

impl Material {
    /// The members in the order `kty`, `alg`, -1, -2, -3.
    fn from_members(members: [Option<Member<'_>>; 5]) -> Result<Self, PasskeyError> {
        let [kty, alg, first, second, third] = members;
        let Some(Member::Number(alg)) = alg else { return Err(PasskeyError::InvalidKey) };
        let algorithm = Algorithm::of_cose_id(alg).ok_or(PasskeyError::UnsupportedAlgorithm)?;
        match (algorithm, kty, first, second, third) {
            (
                Algorithm::EdDsa,
                Some(Member::Number(OKP)),
                Some(Member::Number(CURVE_ED25519)),
                Some(Member::Bytes(key)),
                None,
            ) => Self::ed25519(key),
            (
                Algorithm::Es256,
                Some(Member::Number(EC2)),
                Some(Member::Number(P_256)),
                Some(Member::Bytes(x)),
                Some(Member::Bytes(y)),
            ) => Self::p256(x, y),
            (
                Algorithm::Rs256,
                Some(Member::Number(RSA)),
                Some(Member::Bytes(modulus)),
                Some(Member::Bytes(exponent)),
                None,
            ) => Self::rsa(modulus, exponent),
            _ => None,
        }
        .ok_or(PasskeyError::InvalidKey)
    }

    fn ed25519(key: &[u8]) -> Option<Self> {
        ParsedPublicKey::new(&ED25519, key).ok()?;
        Some(Self::EdDsa(key.try_into().ok()?))
    }

    fn p256(x: &[u8], y: &[u8]) -> Option<Self> {
        let point = [&[4], x, y].concat();
        let is_coordinate = x.len() == COORDINATE && y.len() == COORDINATE;
        ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &point).ok().filter(|_| is_coordinate)?;
        Some(Self::Es256(point.try_into().ok()?))
    }

    fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let has_full_length = modulus.first().is_some_and(|byte| byte & 0x80 != 0);
        let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
        let is_strong = MODULUS.contains(&modulus.len()) && has_full_length && is_odd(modulus);
        let is_usual = exponent.len() <= MAX_EXPONENT && is_odd(exponent) && exponent != [1];
        let components = RsaPublicKeyComponents { n: modulus, e: exponent };
        let parsed = components.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).ok();
        parsed.filter(|_| is_strong && is_usual)?;
        Some(Self::Rs256 { modulus: modulus.to_vec(), exponent: exponent.to_vec() })
    }

    /// The members in the order of canonical CBOR.
    fn members(&self) -> Vec<(i64, Member<'_>)> {
        let (kty, algorithm) = match self {
            Self::EdDsa(_) => (OKP, Algorithm::EdDsa),
            Self::Es256(_) => (EC2, Algorithm::Es256),
            Self::Rs256 { .. } => (RSA, Algorithm::Rs256),
        };
        let mut members =
            vec![(KTY, Member::Number(kty)), (ALG, Member::Number(algorithm.cose_id()))];
        match self {
            Self::EdDsa(key) => {
                members.extend([(-1, Member::Number(CURVE_ED25519)), (-2, Member::Bytes(key))]);
            }
            Self::Es256(point) => {
                let (_, coordinates) = point.split_at(1);
                let (x, y) = coordinates.split_at(COORDINATE);
                members.push((-1, Member::Number(P_256)));
                members.extend([(-2, Member::Bytes(x)), (-3, Member::Bytes(y))]);
            }
            Self::Rs256 { modulus, exponent } => {
                members.extend([(-1, Member::Bytes(modulus)), (-2, Member::Bytes(exponent))]);
            }
        }
        members
    }
}

impl Encode for Member<'_> {
    fn encode<W: Write>(&self, writer: &mut W) -> Result<(), enc::Error<W::Error>> {
        match self {
            Self::Number(number) => number.encode(writer),
            Self::Bytes(bytes) => types::Bytes(*bytes).encode(writer),
        }
    }
}
