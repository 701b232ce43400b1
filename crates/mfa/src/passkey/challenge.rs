//! Challenge: the random bytes that a response must answer (section 13.4.3).

use std::fmt;

use portcullis_domain::{SecureRandom, constant_time_eq};
use serde::{Serialize, Serializer};

use super::base64url;

/// The challenge of one ceremony: 256 random bits.
///
/// It prints as redacted, and is compared in constant time. The caller stores it and accepts it once.
#[derive(Clone)]
pub struct Challenge([u8; LENGTH]);

const LENGTH: usize = 32;

impl Challenge {
    /// Generates a challenge.
    pub fn generate(random: &dyn SecureRandom) -> Self {
        let mut bytes = [0; LENGTH];
        random.fill(&mut bytes);
        Self(bytes)
    }

    /// Wraps the bytes of a stored challenge.
    pub const fn from_bytes(bytes: [u8; LENGTH]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    pub const fn as_bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }

    /// Reads the challenge of client data; one of another length is none of this server.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(Self(base64url::decode(text, LENGTH).ok()?.try_into().ok()?))
    }
}

impl PartialEq for Challenge {
    fn eq(&self, other: &Self) -> bool {
        constant_time_eq(&self.0, &other.0)
    }
}

impl Eq for Challenge {}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Challenge([REDACTED])")
    }
}

impl Serialize for Challenge {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base64url::encode(&self.0))
    }
}
