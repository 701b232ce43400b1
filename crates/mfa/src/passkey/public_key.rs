//! Public keys of credentials: the checks before one is stored, and the verification of signatures.

use std::fmt;
use std::ops::RangeInclusive;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey,
};

use super::cose::{CoseKey, Member};
use super::passkey_error::PasskeyError;

/// The public key of a credential, of a supported algorithm and of a safe size. There is no value for a
/// point off the curve of P-256, nor for a point of Ed25519 whose signatures anybody could make.
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

const COORDINATE: usize = 32;

/// The size of the modulus of an RSA key in bits.
const MODULUS_BITS: RangeInclusive<usize> = 2048..=4096;

/// The maximum length of the exponent of an RSA key, in bytes. Every known authenticator uses 65537.
const MAX_EXPONENT: usize = 4;

/// Kinds of keys (RFC 9053 section 7, RFC 8230 section 4).
const OKP: Member<'static> = Member::Number(1);
const EC2: Member<'static> = Member::Number(2);
const RSA: Member<'static> = Member::Number(3);

/// Curves (RFC 9053 section 7.1).
const P256: Member<'static> = Member::Number(1);
const CURVE25519: Member<'static> = Member::Number(6);

impl PublicKey {
    /// Reads the bytes of [`Self::to_bytes`], and any other COSE key of a supported algorithm that has
    /// only the required parameters (section 6.5.1).
    ///
    /// Errors: [`PasskeyError::UnsupportedAlgorithm`], [`PasskeyError::InvalidKey`], and those of bytes
    /// that are no map in CBOR.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PasskeyError> {
        Ok(Self(Material::check(CoseKey::parse(bytes)?)?))
    }

    /// The key in COSE form, canonical and thus stable, for storage: 42 bytes for `EdDSA`, 77 for ES256, up
    /// to 529 for RS256.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (kty, further) = match &self.0 {
            Material::EdDsa(key) => (OKP, [Some(CURVE25519), Some(Member::Bytes(key)), None]),
            Material::Es256(point) => {
                let (_, coordinates) = point.split_at(1);
                let (x, y) = coordinates.split_at(COORDINATE);
                (EC2, [Some(P256), Some(Member::Bytes(x)), Some(Member::Bytes(y))])
            }
            Material::Rs256 { modulus, exponent } => {
                (RSA, [Some(Member::Bytes(modulus)), Some(Member::Bytes(exponent)), None])
            }
        };
        let alg = Some(Member::Number(self.algorithm().cose_id()));
        CoseKey { kty: Some(kty), alg, further }.to_bytes()
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
                let key = RsaPublicKeyComponents { n: modulus, e: exponent };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
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
    fn check(key: CoseKey<'_>) -> Result<Self, PasskeyError> {
        let Some(Member::Number(alg)) = key.alg else { return Err(PasskeyError::InvalidKey) };
        let algorithm = Algorithm::of_cose_id(alg).ok_or(PasskeyError::UnsupportedAlgorithm)?;
        let material = match (algorithm, key.kty, key.further) {
            (Algorithm::EdDsa, Some(OKP), [Some(CURVE25519), Some(Member::Bytes(point)), None]) => {
                ed25519(point)
            }
            (
                Algorithm::Es256,
                Some(EC2),
                [Some(P256), Some(Member::Bytes(x)), Some(Member::Bytes(y))],
            ) => p256(x, y),
            (
                Algorithm::Rs256,
                Some(RSA),
                [Some(Member::Bytes(modulus)), Some(Member::Bytes(exponent)), None],
            ) => rsa(modulus, exponent),
            _ => None,
        };
        material.ok_or(PasskeyError::InvalidKey)
    }
}

/// A point of small order verifies signatures that anybody can make, and a y of 2^255 - 19 or more is no
/// canonical encoding (RFC 8032 section 5.1.3). Whether an x exists shows at the first signature.
fn ed25519(point: &[u8]) -> Option<Material> {
    let point: [u8; COORDINATE] = point.try_into().ok()?;
    let mut y = point;
    if let Some(last) = y.last_mut() {
        *last &= 0x7f; // the sign of x
    }
    let is_canonical = y.iter().rev().lt(PRIME.iter().rev());
    (is_canonical && !SMALL_ORDER.contains(&y)).then_some(Material::EdDsa(point))
}

fn p256(x: &[u8], y: &[u8]) -> Option<Material> {
    if x.len() != COORDINATE || y.len() != COORDINATE {
        return None;
    }
    let point = [&[4], x, y].concat();
    ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &point).ok()?;
    Some(Material::Es256(point.try_into().ok()?))
}

/// Both numbers are in the shortest form (RFC 8230 section 4).
fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Material> {
    let is_odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
    let is_exponent = exponent.len() <= MAX_EXPONENT && is_odd(exponent) && exponent != [1];
    if !MODULUS_BITS.contains(&bits(modulus)?) || !is_odd(modulus) || !is_exponent {
        return None;
    }
    let components = RsaPublicKeyComponents { n: modulus, e: exponent };
    components.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).ok()?;
    Some(Material::Rs256 { modulus: modulus.to_vec(), exponent: exponent.to_vec() })
}

/// The number of bits of a number that begins with another byte than zero.
fn bits(number: &[u8]) -> Option<usize> {
    let (first, rest) = number.split_first()?;
    let of_first = usize::try_from(first.checked_ilog2()?).ok()? + 1;
    Some(of_first + 8 * rest.len())
}

/// The prime of Curve25519, 2^255 - 19, in little-endian order.
const PRIME: [u8; COORDINATE] = {
    let mut prime = [0xff; COORDINATE];
    prime[0] = 0xed;
    prime[COORDINATE - 1] = 0x7f;
    prime
};

/// The y of all points of Curve25519 whose order divides 8, in little-endian order: 0, 1, -1, and the two
/// of order 8.
const SMALL_ORDER: [[u8; COORDINATE]; 5] = {
    let mut one = [0; COORDINATE];
    one[0] = 1;
    let mut minus_one = PRIME;
    minus_one[0] = 0xec;
    [
        [0; COORDINATE],
        one,
        minus_one,
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef,
            0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88,
            0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10,
            0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77,
            0x92, 0xac, 0x03, 0x7a,
        ],
    ]
};

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Suite {
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        algorithm: String,
        key: String,
        message: String,
        signature: String,
    }

    fn bytes(hex: &str) -> Vec<u8> {
        let digits = hex.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap());
        digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
    }

    /// The signatures of security keys in the suite of python-fido2.
    #[test]
    fn signatures_of_another_suite_verify_and_their_changed_ones_do_not() {
        let json = include_str!("../../tests/vectors/python_fido2.json");
        let suite: Suite = serde_json::from_str(json).unwrap();
        assert_eq!(suite.cases.len(), Algorithm::ALL.len());
        for case in suite.cases {
            let key = PublicKey::from_bytes(&bytes(&case.key)).unwrap();
            assert_eq!(
                format!("{:?}", key.algorithm()).to_uppercase(),
                case.algorithm.to_uppercase()
            );
            assert_eq!(key.to_bytes(), bytes(&case.key), "its form is canonical");
            let (message, signature) = (bytes(&case.message), bytes(&case.signature));
            assert_eq!(key.verify(&message, &signature), Ok(()), "{}", case.algorithm);
            let other = [message.as_slice(), &[0]].concat();
            assert_eq!(key.verify(&other, &signature), Err(PasskeyError::BadSignature));
        }
    }

    /// 65537.
    const USUAL: &[u8] = &[1, 0, 1];

    fn cose(kty: i64, alg: i64, further: [Option<Member<'_>>; 3]) -> Vec<u8> {
        let (kty, alg) = (Some(Member::Number(kty)), Some(Member::Number(alg)));
        CoseKey { kty, alg, further }.to_bytes()
    }

    fn read_ed25519(x: &[u8]) -> Result<PublicKey, PasskeyError> {
        PublicKey::from_bytes(&cose(1, -8, [Some(CURVE25519), Some(Member::Bytes(x)), None]))
    }

    fn read_rsa(modulus: &[u8], exponent: &[u8]) -> Result<PublicKey, PasskeyError> {
        let further = [Some(Member::Bytes(modulus)), Some(Member::Bytes(exponent)), None];
        PublicKey::from_bytes(&cose(3, -257, further))
    }

    #[test]
    fn an_ed25519_key_whose_signatures_anybody_could_make_is_refused() {
        let mut base = [0x66; 32];
        base[0] = 0x58; // the base point: y = 4/5
        assert!(read_ed25519(&base).is_ok());
        for mut y in SMALL_ORDER {
            assert_eq!(read_ed25519(&y), Err(PasskeyError::InvalidKey), "{y:02x?}");
            y[31] |= 0x80;
            assert_eq!(read_ed25519(&y), Err(PasskeyError::InvalidKey), "{y:02x?}");
        }
    }

    /// One of them: the neutral element, whose signature is zero for each message.
    #[test]
    fn the_forgery_that_is_refused_is_real() {
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let mut signature = [0; 64];
        signature[0] = 1;
        let key = PublicKey(Material::EdDsa(neutral));
        assert_eq!(key.verify(b"any message", &signature), Ok(()));
    }

    #[test]
    fn an_ed25519_key_of_another_form_is_refused() {
        for length in [0, 31, 33] {
            assert_eq!(read_ed25519(&vec![0x66; length]), Err(PasskeyError::InvalidKey));
        }
        for first in [0xed, 0xee, 0xff] {
            for last in [0x7f, 0xff] {
                let mut y = [0xff; 32];
                (y[0], y[31]) = (first, last);
                assert_eq!(read_ed25519(&y), Err(PasskeyError::InvalidKey), "{y:02x?}");
            }
        }
    }

    #[test]
    fn an_rsa_key_has_2048_to_4096_bits_and_an_odd_exponent() {
        let number = |first: u8, length: usize, last: u8| {
            let mut number = vec![0x55; length];
            number[0] = first;
            number[length - 1] = last;
            number
        };
        let good = number(0x80, 256, 1);
        for exponent in [USUAL, &[3], &[17], &[0xff, 0xff, 0xff, 0xff]] {
            assert!(read_rsa(&good, exponent).is_ok(), "{exponent:?}");
        }
        for exponent in [&[][..], &[0], &[1], &[2], &[0, 3], &[1, 0, 0], &[1, 0, 0, 0, 1]] {
            assert_eq!(read_rsa(&good, exponent), Err(PasskeyError::InvalidKey), "{exponent:?}");
        }
        for modulus in [number(0xff, 512, 1), number(0x01, 257, 1)] {
            assert!(read_rsa(&modulus, USUAL).is_ok(), "{} bytes", modulus.len());
        }
        for modulus in [
            Vec::new(),
            number(0x7f, 256, 1),
            number(0xff, 128, 1),
            number(0x01, 513, 1),
            number(0x00, 257, 1),
            number(0x80, 256, 2),
        ] {
            let refused = read_rsa(&modulus, USUAL);
            assert_eq!(refused, Err(PasskeyError::InvalidKey), "{} bytes", modulus.len());
        }
    }

    #[test]
    fn a_key_has_the_kind_and_the_parameters_of_its_algorithm() {
        let (x, bits) = (Some(Member::Bytes(&[0x66; 32])), vec![0xff; 256]);
        let (modulus, exponent) = (Some(Member::Bytes(&bits)), Some(Member::Bytes(USUAL)));
        assert!(PublicKey::from_bytes(&cose(1, -8, [Some(CURVE25519), x, None])).is_ok());
        assert!(PublicKey::from_bytes(&cose(3, -257, [modulus, exponent, None])).is_ok());
        let x25519 = Some(Member::Number(4));
        for (kty, alg, further) in [
            (2, -8, [Some(CURVE25519), x, None]),
            (1, -8, [x25519, x, None]),
            (1, -8, [None, x, None]),
            (1, -8, [Some(CURVE25519), None, x]),
            (1, -8, [Some(CURVE25519), x, x]),
            (1, -7, [Some(P256), x, None]),
            (1, -257, [modulus, exponent, None]),
            (3, -257, [modulus, None, None]),
            (3, -257, [modulus, exponent, exponent]),
        ] {
            let refused = PublicKey::from_bytes(&cose(kty, alg, further));
            assert_eq!(refused, Err(PasskeyError::InvalidKey), "{kty}, {alg}");
        }
    }

    #[test]
    fn a_p256_coordinate_has_thirty_two_bytes() {
        let read = |x: &[u8], y: &[u8]| {
            let further = [Some(P256), Some(Member::Bytes(x)), Some(Member::Bytes(y))];
            PublicKey::from_bytes(&cose(2, -7, further))
        };
        let base = bytes(concat!(
            "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
            "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
        ));
        let (x, y) = base.split_at(32);
        assert!(read(x, y).is_ok());
        for (x, y) in [base.split_at(31), base.split_at(33), base.split_at(0), (y, x), (x, x)] {
            assert_eq!(read(x, y), Err(PasskeyError::InvalidKey), "{x:02x?}");
        }
        assert_eq!(read(&[0; 32], &[0; 32]), Err(PasskeyError::InvalidKey));
    }
}
