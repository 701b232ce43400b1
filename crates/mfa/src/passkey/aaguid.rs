//! AAGUID: the identifier of a model of authenticator (section 6.5.1).

use std::fmt;
use std::str::FromStr;

/// The identifier of a model of authenticator: 16 bytes, written as a hyphenated UUID. All zero means
/// that the model is not told.
///
/// An authenticator states its model itself. Without a verified attestation it is a claim.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Aaguid([u8; 16]);

/// The text is not a hyphenated UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a model is 32 hexadecimal digits in the form 8-4-4-4-12")]
pub struct AaguidError;

/// The number of bytes of each group.
const GROUPS: [usize; 5] = [4, 2, 2, 2, 6];

impl Aaguid {
    /// Wraps the bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Aaguid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.0.iter();
        for (position, length) in GROUPS.into_iter().enumerate() {
            if position > 0 {
                f.write_str("-")?;
            }
            for byte in bytes.by_ref().take(length) {
                write!(f, "{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Aaguid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Aaguid({self})")
    }
}

impl FromStr for Aaguid {
    type Err = AaguidError;

    /// Reads the hyphenated form, in any case.
    fn from_str(text: &str) -> Result<Self, AaguidError> {
        let mut bytes = Vec::with_capacity(16);
        let mut groups = text.split('-');
        for length in GROUPS {
            let group = groups.next().filter(|group| group.len() == 2 * length);
            let digits = group.ok_or(AaguidError)?.as_bytes();
            for pair in digits.chunks(2) {
                let pair = str::from_utf8(pair).map_err(|_| AaguidError)?;
                let is_hex = pair.chars().all(|c| c.is_ascii_hexdigit());
                let byte = u8::from_str_radix(pair, 16).ok().filter(|_| is_hex);
                bytes.push(byte.ok_or(AaguidError)?);
            }
        }
        let bytes = bytes.try_into().map_err(|_| AaguidError)?;
        groups.next().is_none().then_some(Self(bytes)).ok_or(AaguidError)
    }
}
