//! The signature layer: JSON Web Signature in compact form (RFC 7515), verified before the payload
//! is trusted.
//!
//! The order of the checks is the defence: size and shape before decoding, a restricted header
//! before the key lookup, the signature before the payload is parsed. Headers that bring their own
//! key or change what is signed (`jku`, `jwk`, `x5u`, `x5c`, `crit`, `b64`) are refused, whatever
//! their value.

use serde::de::{self, Deserialize, Deserializer};

use crate::payload::{Text, object, present};
use crate::{SigningAlgorithm, TokenError, VerifyingKey, base64url};

/// Verifies a compact JWS with one key and returns its payload.
///
/// This is the signature layer alone, for payloads that are not claims: `typ` and `kid` are not
/// checked. To verify a token, use [`Verifier`](crate::Verifier).
pub fn verify(token: &str, key: &VerifyingKey) -> Result<Vec<u8>, TokenError> {
    let compact = Compact::split(token)?;
    let header = compact.decode_header()?;
    let header = Header::parse(&header)?;
    header.check_algorithm(key)?;
    compact.verify(key)
}

/// Returns the header that this crate writes, as encoded in the token. An algorithm, a type and a
/// name in base64url need no escapes.
pub(crate) fn header(algorithm: SigningAlgorithm, typ: &str, kid: &str) -> String {
    base64url::encode(format!(r#"{{"alg":"{algorithm}","typ":"{typ}","kid":"{kid}"}}"#))
}

/// The maximum length of a token; a longer token is refused before it is parsed.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// The three parts of a token, not decoded yet.
pub(crate) struct Compact<'a> {
    pub(crate) header: &'a str,
    payload: &'a str,
    signature: &'a str,
    signed: &'a str,
}

impl<'a> Compact<'a> {
    pub(crate) fn split(token: &'a str) -> Result<Self, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Malformed);
        }
        let mut dots = memchr::memchr_iter(b'.', token.as_bytes());
        let (Some(first), Some(second), None) = (dots.next(), dots.next(), dots.next()) else {
            return Err(TokenError::Malformed);
        };
        let part = |from, to| token.get(from..to).ok_or(TokenError::Malformed);
        Ok(Self {
            header: part(0, first)?,
            payload: part(first + 1, second)?,
            signature: part(second + 1, token.len())?,
            signed: part(0, second)?,
        })
    }

    pub(crate) fn decode_header(&self) -> Result<Vec<u8>, TokenError> {
        base64url::decode(self.header).ok_or(TokenError::Malformed)
    }

    /// Returns the payload if the signature is valid under the key. The header must have been
    /// checked.
    pub(crate) fn verify(&self, key: &VerifyingKey) -> Result<Vec<u8>, TokenError> {
        self.check_signature(key)?;
        self.decode_payload()
    }

    pub(crate) fn check_signature(&self, key: &VerifyingKey) -> Result<(), TokenError> {
        let is_good = key.accepts(self.signed.as_bytes(), self.signature);
        if is_good { Ok(()) } else { Err(TokenError::BadSignature) }
    }

    /// Returns the decoded payload. The signature must have been checked.
    pub(crate) fn decode_payload(&self) -> Result<Vec<u8>, TokenError> {
        base64url::decode(self.payload).ok_or(TokenError::Malformed)
    }
}

/// The allowed members of a header. Members with other names are ignored (RFC 7515 section 4); a
/// duplicate name is refused.
#[derive(serde::Deserialize)]
pub(crate) struct Header<'a> {
    #[serde(borrow)]
    pub(crate) alg: Text<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) typ: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    pub(crate) kid: Option<Text<'a>>,
    #[serde(default, rename = "jku")]
    _jku: ForbiddenMember,
    #[serde(default, rename = "jwk")]
    _jwk: ForbiddenMember,
    #[serde(default, rename = "x5u")]
    _x5u: ForbiddenMember,
    #[serde(default, rename = "x5c")]
    _x5c: ForbiddenMember,
    #[serde(default, rename = "crit")]
    _crit: ForbiddenMember,
    #[serde(default, rename = "b64")]
    _b64: ForbiddenMember,
}

impl<'a> Header<'a> {
    pub(crate) fn parse(json: &'a [u8]) -> Result<Self, TokenError> {
        object(str::from_utf8(json).map_err(|_| TokenError::Malformed)?)
    }

    /// Checks that the header names the algorithm of the key exactly.
    pub(crate) fn check_algorithm(&self, key: &VerifyingKey) -> Result<(), TokenError> {
        if *self.alg != *key.algorithm().name() {
            return Err(TokenError::WrongAlgorithm);
        }
        Ok(())
    }
}

/// A member that must be absent; `null` is refused too.
#[derive(Default)]
struct ForbiddenMember;

impl<'de> Deserialize<'de> for ForbiddenMember {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(de::Error::custom("a header member that is never accepted"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_exactly_three_parts_and_at_most_8_kib() {
        assert!(Compact::split("a.b.c").is_ok());
        assert!(Compact::split(&format!("{}.b.c", "a".repeat(MAX_TOKEN_BYTES - 4))).is_ok());
        let long = format!("{}.b.c", "a".repeat(MAX_TOKEN_BYTES - 3));
        for token in ["", "a", "a.b", "a.b.c.d", "....", &long] {
            assert_eq!(Compact::split(token).err(), Some(TokenError::Malformed), "{token:.20}");
        }
    }

    #[test]
    fn a_header_is_one_closed_object() {
        let good = br#"{"alg":"HS256","typ":"at+jwt","kid":"1","cty":"JWT","\u0061":[]}"#;
        assert!(Header::parse(good).is_ok());
        for header in [
            r#"["HS256","at+jwt","1"]"#,
            r#""HS256""#,
            r#"{"typ":"at+jwt"}"#,
            r#"{"alg":null}"#,
            r#"{"alg":"HS256","kid":null}"#,
            r#"{"alg":"HS256","typ":1}"#,
            r#"{"alg":"HS256","alg":"HS256"}"#,
            r#"{"alg":"HS256","\u0061lg":"none"}"#,
            r#"{"alg":"HS256"}{}"#,
            r#"{"alg":"HS256","jku":"https://evil.test"}"#,
            r#"{"alg":"HS256","jwk":null}"#,
            r#"{"alg":"HS256","x5u":""}"#,
            r#"{"alg":"HS256","x5c":[]}"#,
            r#"{"alg":"HS256","crit":[]}"#,
            r#"{"alg":"HS256","b64":true}"#,
        ] {
            assert!(Header::parse(header.as_bytes()).is_err(), "{header}");
        }
    }
}
