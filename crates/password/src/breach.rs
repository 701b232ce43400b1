//! Breached passwords: the digest by which lists name them, and the answer of a range service.
//!
//! The lists of Have I Been Pwned name passwords by their SHA-1. A range service gets the first five
//! hex digits of it only, and answers with the rest of every listed digest that begins so
//! (k-anonymity). SHA-1 protects nothing here: it is the name of an entry (ASVS 5.0 11.4.1).

mod builder;
mod filter;
#[cfg(feature = "range-service")]
mod range_service;
mod shard;

use std::error::Error;
use std::fmt;

use portcullis_domain::constant_time_eq;
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

pub use self::builder::{BreachFilterBuilder, BreachFilterError, BreachFilterSummary};
pub use self::filter::BreachFilter;
#[cfg(feature = "range-service")]
pub use self::range_service::{RangeService, RangeServiceError};

use crate::Password;

/// The bytes of a SHA-1.
const DIGEST_BYTES: usize = 20;

/// The hex digits that a range service gets.
const RANGE_DIGITS: usize = 5;

/// The SHA-1 of a password in NFC. Prints as `[REDACTED]`, wiped when dropped.
#[derive(Clone)]
pub struct BreachDigest(Zeroizing<[u8; DIGEST_BYTES]>);

impl fmt::Debug for BreachDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

impl BreachDigest {
    /// The digest of a password.
    pub fn of(password: &Password) -> Self {
        Self(Zeroizing::new(Sha1::digest(password.expose()).into()))
    }

    /// The part that a range service gets: five hex digits in upper case.
    pub fn range(&self) -> String {
        self.hex().get(..RANGE_DIGITS).unwrap_or_default().to_owned()
    }

    /// True if the answer of a range service lists the digest. An entry with the count 0 is padding.
    ///
    /// # Errors
    ///
    /// [`MalformedRange`] if the body is no list of entries, or an empty one: a service with padding
    /// never answers with none.
    pub fn is_listed(&self, body: &[u8]) -> Result<bool, MalformedRange> {
        let hex = self.hex();
        let rest = hex.get(RANGE_DIGITS..).unwrap_or_default();
        let body = str::from_utf8(body).map_err(|_| MalformedRange)?;
        let mut entries = body.lines().filter(|line| !line.is_empty()).peekable();
        entries.peek().ok_or(MalformedRange)?;
        entries.try_fold(false, |found, line| {
            let (suffix, count) = line.split_once(':').ok_or(MalformedRange)?;
            let is_suffix =
                suffix.len() == rest.len() && suffix.bytes().all(|b| b.is_ascii_hexdigit());
            let count: u64 = count.parse().map_err(|_| MalformedRange)?;
            if !is_suffix {
                return Err(MalformedRange);
            }
            let suffix = Zeroizing::new(suffix.to_ascii_uppercase());
            let is_same = constant_time_eq(suffix.as_bytes(), rest.as_bytes());
            Ok(found || (is_same && count > 0))
        })
    }

    /// The key in a filter.
    fn key(&self) -> u64 {
        self.0.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
    }

    fn hex(&self) -> Zeroizing<String> {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        let digit = |value: u8| DIGITS.get(usize::from(value)).copied().map_or('0', char::from);
        let digits = self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
        let mut hex = Zeroizing::new(String::with_capacity(2 * DIGEST_BYTES));
        hex.extend(digits);
        hex
    }
}

/// A service that knows breached passwords by ranges of their digests.
pub trait BreachService: Send + Sync {
    /// True if the service lists the password. It blocks for two seconds at most.
    ///
    /// # Errors
    ///
    /// If the service gives no answer: then nothing is known.
    fn lists(&self, digest: &BreachDigest) -> Result<bool, BreachServiceError>;
}

/// The reason why a service gives no answer, for the log.
pub type BreachServiceError = Box<dyn Error + Send + Sync>;

/// The answer of a range service is none.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer is no list of breached passwords")]
pub struct MalformedRange;

portcullis_domain::debug_as_display!(MalformedRange);

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(typed: &str) -> BreachDigest {
        BreachDigest::of(&Password::parse(typed).unwrap())
    }

    #[test]
    fn only_five_digits_are_the_range() {
        assert_eq!(digest("password").range(), "5BAA6");
        assert_eq!(*digest("password").hex(), "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8");
    }

    #[test]
    fn the_digest_is_that_of_the_normal_form() {
        assert_eq!(*digest("e\u{301}le\u{300}ve").hex(), *digest("élève").hex());
    }

    #[test]
    fn an_entry_in_either_case_is_found_and_padding_is_not() {
        let digest = digest("password");
        for (body, expected) in [
            ("1E4C9B93F3F0682250B6CF8331B7EE68FD8:3\r\n", true),
            ("1e4c9b93f3f0682250b6cf8331b7ee68fd8:1", true),
            ("1E4C9B93F3F0682250B6CF8331B7EE68FD8:0\r\n", false),
            ("0E4C9B93F3F0682250B6CF8331B7EE68FD8:9\r\n", false),
        ] {
            assert_eq!(digest.is_listed(body.as_bytes()), Ok(expected), "{body}");
        }
    }

    #[test]
    fn what_is_no_list_is_no_answer() {
        let entry = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";
        for body in ["", "\r\n", "<html>", &format!("{entry}:x"), entry, "1E4C:1"] {
            assert_eq!(
                digest("password").is_listed(body.as_bytes()),
                Err(MalformedRange),
                "{body}"
            );
        }
        assert_eq!(digest("password").is_listed(b"\xff"), Err(MalformedRange));
    }
}
