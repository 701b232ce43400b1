//! Stored password hashes: Argon2id, and bcrypt from imports until it is replaced.
//!
//! A stored hash determines the cost of its verification, and imported hashes are untrusted, so
//! parsing limits that cost before anything is computed.

use std::fmt;
use std::str::FromStr;

use argon2::password_hash::phc;
use argon2::{ARGON2ID_IDENT, Params, Version};
use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD_NO_PAD};

use crate::params::is_affordable;
use crate::{HashCost, PepperId, Peppers};

/// A stored hash that is safe to verify: well formed, of a known algorithm, of limited cost.
///
/// Its text is the PHC string of Argon2id version 19 or the modular crypt string of bcrypt. It does
/// not print itself, because a leaked hash can be attacked offline.
#[derive(Clone)]
pub struct PasswordHash {
    text: String,
    form: ParsedHash,
}

#[derive(Clone)]
pub(crate) enum ParsedHash {
    Argon2id { params: Params, salt: Box<[u8]>, tag: Box<[u8]> },
    Bcrypt { cost: u32 },
}

const MAX_TEXT: usize = 256;
const PEPPER_ID: usize = size_of::<PepperId>();
const MIN_SALT: usize = 8;
const MIN_TAG: usize = 16;
const MAX_LANES: u32 = 255;
const BCRYPT_BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD);
const BCRYPT_COSTS: std::ops::RangeInclusive<u32> = 4..=14;

impl PasswordHash {
    /// Parses a stored or imported hash: `$argon2id$v=19$m=…,t=…,p=…$salt$tag`, with `,keyid=…`
    /// after `p` if it has a [pepper](crate::Pepper), or bcrypt as `$2a$`, `$2b$` or `$2y$`.
    ///
    /// Weak hashes are accepted, because an import may contain them, and are marked for replacement
    /// when they match. Hashes of high cost are refused: the limits are 256 MiB, 1 GiB over all
    /// iterations, 255 lanes, or a bcrypt cost of 4 to 14 (about a second).
    pub fn parse(text: &str) -> Result<Self, HashError> {
        if text.len() > MAX_TEXT {
            return Err(HashError::Malformed);
        }
        let form = match text.split('$').nth(1) {
            Some("argon2id") => parse_argon2id(text)?,
            Some("2a" | "2b" | "2y") => parse_bcrypt(text)?,
            Some(_) if text.starts_with('$') => return Err(HashError::UnsupportedAlgorithm),
            _ => return Err(HashError::Malformed),
        };
        Ok(Self { text: text.to_owned(), form })
    }

    /// The text to store, exactly as it was parsed.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The cost of its verification.
    pub const fn cost(&self) -> HashCost {
        match &self.form {
            ParsedHash::Bcrypt { cost } => HashCost::Bcrypt { cost: *cost },
            ParsedHash::Argon2id { params, .. } => HashCost::of_argon2(params),
        }
    }

    /// Returns whether it has none of these peppers, but another one. No password matches it then.
    pub fn has_other_pepper(&self, peppers: &Peppers) -> bool {
        match &self.form {
            ParsedHash::Argon2id { params, .. } => {
                !params.keyid().is_empty() && peppers.find(params.keyid()).is_none()
            }
            ParsedHash::Bcrypt { .. } => false,
        }
    }

    pub(crate) fn bcrypt(cost: u32, salt: &[u8; 16], tag: &[u8; 23]) -> Self {
        let (salt, tag) = (BCRYPT_BASE64.encode(salt), BCRYPT_BASE64.encode(tag));
        Self { text: format!("$2b${cost:02}${salt}{tag}"), form: ParsedHash::Bcrypt { cost } }
    }

    pub(crate) fn argon2id(params: &Params, salt: &[u8], tag: &[u8]) -> Self {
        let keyid = match params.keyid() {
            [] => String::new(),
            id => format!(",keyid={}", STANDARD_NO_PAD.encode(id)),
        };
        let text = format!(
            "$argon2id$v=19$m={},t={},p={}{keyid}${}${}",
            params.m_cost(),
            params.t_cost(),
            params.p_cost(),
            STANDARD_NO_PAD.encode(salt),
            STANDARD_NO_PAD.encode(tag),
        );
        let form =
            ParsedHash::Argon2id { params: params.clone(), salt: salt.into(), tag: tag.into() };
        Self { text, form }
    }

    pub(crate) const fn form(&self) -> &ParsedHash {
        &self.form
    }
}

impl FromStr for PasswordHash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        Self::parse(text)
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithm = match self.form {
            ParsedHash::Argon2id { .. } => "argon2id",
            ParsedHash::Bcrypt { .. } => "bcrypt",
        };
        write!(f, "PasswordHash({algorithm} [REDACTED])")
    }
}

fn parse_argon2id(text: &str) -> Result<ParsedHash, HashError> {
    let hash = phc::PasswordHash::new(text).map_err(|_| HashError::Malformed)?;
    if hash.algorithm != ARGON2ID_IDENT || hash.version != Some(Version::V0x13.into()) {
        return Err(HashError::UnsupportedAlgorithm);
    }
    // The library inserts a default for a missing parameter, but a stored hash must be explicit.
    if ["m", "t", "p"].iter().any(|name| hash.params.get(*name).is_none()) {
        return Err(HashError::Malformed);
    }
    let params = Params::try_from(&hash.params).map_err(|_| HashError::Malformed)?;
    if !matches!(params.keyid().len(), 0 | PEPPER_ID) || !params.data().is_empty() {
        return Err(HashError::UnsupportedAlgorithm);
    }
    if !is_affordable(&params) || params.p_cost() > MAX_LANES {
        return Err(HashError::TooCostly);
    }
    match (&hash.salt, &hash.hash) {
        (Some(salt), Some(tag)) if salt.len() >= MIN_SALT && tag.len() >= MIN_TAG => {
            Ok(ParsedHash::Argon2id { params, salt: salt[..].into(), tag: tag.as_bytes().into() })
        }
        _ => Err(HashError::Malformed),
    }
}

fn parse_bcrypt(text: &str) -> Result<ParsedHash, HashError> {
    let parts = bcrypt::HashParts::from_str(text).map_err(|_| HashError::Malformed)?;
    let cost = parts.get_cost();
    if BCRYPT_COSTS.contains(&cost) {
        Ok(ParsedHash::Bcrypt { cost })
    } else {
        Err(HashError::TooCostly)
    }
}

/// The reason why a text is not usable as a stored hash, or a hash could not be computed.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HashError {
    /// Truncated, damaged, or not a hash.
    #[error("is not a complete password hash")]
    Malformed,
    /// Any algorithm except Argon2id version 19 without data and with a key id of 8 bytes at most, and bcrypt 2a, 2b, 2y.
    #[error("is of an algorithm other than Argon2id version 19 or bcrypt (2a, 2b, 2y)")]
    UnsupportedAlgorithm,
    /// Its verification would take too much memory or time, or its bcrypt cost is out of range.
    #[error("costs too much to verify, or has a bcrypt cost other than 4 to 14")]
    TooCostly,
    /// Argon2 itself failed.
    #[error("could not be computed: {0}")]
    Argon2(argon2::Error),
}

portcullis_domain::debug_as_display!(HashError);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SALT_AND_TAG: &str = "c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    const BCRYPT_REST: &str = "abcdefghijklmnopqrstuuGlZIjBVZ/5XwbrVRe5KCAI.5r11/gRK";

    fn refusal(text: &str) -> HashError {
        PasswordHash::parse(text).expect_err(text)
    }

    #[test]
    fn what_was_read_is_what_is_stored() {
        let argon2id = format!("$argon2id$v=19$m=256,t=2,p=2${SALT_AND_TAG}");
        for text in [argon2id, format!("$2y$10${BCRYPT_REST}")] {
            assert_eq!(PasswordHash::parse(&text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        let written = PasswordHash::argon2id(&Params::DEFAULT, &[1; 16], &[2; 32]);
        assert_eq!(written.as_str().len(), 97);
        let read = PasswordHash::parse(written.as_str()).unwrap();
        let ParsedHash::Argon2id { params, salt, tag } = read.form else { panic!("not Argon2id") };
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (19_456, 2, 1));
        assert_eq!((&salt[..], &tag[..]), (&[1; 16][..], &[2; 32][..]));
    }

    #[test]
    fn other_algorithms_and_versions_are_refused() {
        for text in [
            format!("$argon2i$v=19$m=256,t=2,p=1${SALT_AND_TAG}"),
            format!("$argon2d$v=19$m=256,t=2,p=1${SALT_AND_TAG}"),
            format!("$argon2id$v=16$m=256,t=2,p=1${SALT_AND_TAG}"),
            format!("$argon2id$m=256,t=2,p=1${SALT_AND_TAG}"),
            format!("$argon2id$v=19$m=256,t=2,p=1,keyid=aGVsbG8${SALT_AND_TAG}"),
            format!("$argon2id$v=19$m=256,t=2,p=1,data=aGVsbG8${SALT_AND_TAG}"),
            format!("$2x$10${BCRYPT_REST}"),
            "$1$salt$abcdefghijklmnopqrstuv".to_owned(),
        ] {
            assert_eq!(refusal(&text), HashError::UnsupportedAlgorithm);
        }
    }

    #[test]
    fn a_hash_that_would_exhaust_the_server_is_refused() {
        for cost in ["m=262145,t=1,p=1", "m=65536,t=17,p=1", "m=4294967295,t=4294967295,p=1"] {
            let text = format!("$argon2id$v=19${cost}${SALT_AND_TAG}");
            assert_eq!(refusal(&text), HashError::TooCostly);
        }
        let lanes = format!("$argon2id$v=19$m=4096,t=1,p=256${SALT_AND_TAG}");
        assert_eq!(refusal(&lanes), HashError::TooCostly);
        for cost in ["03", "15", "31", "99"] {
            assert_eq!(refusal(&format!("$2b${cost}${BCRYPT_REST}")), HashError::TooCostly);
        }
    }

    #[test]
    fn damaged_texts_are_refused() {
        for text in [
            String::new(),
            "secret".to_owned(),
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ".to_owned(),
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIP".to_owned(),
            format!("$argon2id$v=19${SALT_AND_TAG}"),
            format!("$argon2id$v=19$m=256,t=2${SALT_AND_TAG}"),
            format!("$argon2id$v=19$m=7,t=2,p=1${SALT_AND_TAG}"),
            format!("$argon2id$v=19$m=256,t=0,p=1${SALT_AND_TAG}"),
            format!("$argon2id$v=19$m=256,t=2,p=0${SALT_AND_TAG}"),
            format!("$argon2id$v=19$m=256,t=2,p=1,x=1${SALT_AND_TAG}"),
            format!("$argon2id$v=19$m=256,t=2,p=1${SALT_AND_TAG}$more"),
            format!("$argon2id$v=19$m=256,t=2,p=1${SALT_AND_TAG}{}", "A".repeat(300)),
            format!("$2b$10${}", &BCRYPT_REST[1..]),
            format!("$2b$10${}\u{e4}", &BCRYPT_REST[2..]),
        ] {
            assert_eq!(refusal(&text), HashError::Malformed, "{text}");
        }
    }

    #[test]
    fn debugging_shows_no_hash() {
        let hash = PasswordHash::parse(&format!("$2b$10${BCRYPT_REST}")).unwrap();
        assert_eq!(format!("{hash:?}"), "PasswordHash(bcrypt [REDACTED])");
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic(text in "\\PC{0,120}") {
            prop_assert!(PasswordHash::parse(&text).is_err());
        }

        #[test]
        fn no_near_miss_makes_reading_panic(
            head in "\\$(argon2id|2b)\\$(v=19\\$m=[0-9]{1,11},t=[0-9]{1,11},p=[0-9]{1,11}|[0-9]{2})",
            rest in "[$./+A-Za-z0-9\u{e4}]{0,80}",
        ) {
            let text = format!("{head}${rest}");
            if let Ok(hash) = PasswordHash::parse(&text) {
                prop_assert_eq!(hash.as_str(), text);
            }
        }
    }
}
