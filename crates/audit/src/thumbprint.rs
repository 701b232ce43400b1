//! Names of keys in events: the RFC 7638 thumbprint of a public key, and the name of a shared
//! secret.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Serialize, Serializer};

/// The name of a public key: its SHA-256 thumbprint (RFC 7638), spelled as the `kid` of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Thumbprint([u8; 32]);

/// Prints 43 characters of base64url.
impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl FromStr for Thumbprint {
    type Err = NoThumbprint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NoThumbprint)?;
        bytes.try_into().map(Self).map_err(|_| NoThumbprint)
    }
}

impl Serialize for Thumbprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The name of a shared secret: 12 bytes derived from it that reveal nothing about it, spelled as
/// the `kid` of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SharedSecretName([u8; 12]);

/// Prints 16 characters of base64url.
impl fmt::Display for SharedSecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl FromStr for SharedSecretName {
    type Err = NoSharedSecretName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NoSharedSecretName)?;
        bytes.try_into().map(Self).map_err(|_| NoSharedSecretName)
    }
}

impl Serialize for SharedSecretName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The text is not 16 characters of base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name of a shared secret must have 16 characters of base64url")]
pub struct NoSharedSecretName;

/// The text is not 43 characters of base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a thumbprint must have 43 characters of base64url")]
pub struct NoThumbprint;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_shared_secret_is_shorter_than_any_secret() {
        let text = "NzbLsXh8uDCcd-6M";
        assert_eq!(text.parse::<SharedSecretName>().unwrap().to_string(), text);
        for other in ["", "NzbLsXh8", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"] {
            assert_eq!(other.parse::<SharedSecretName>(), Err(NoSharedSecretName), "{other:?}");
        }
    }

    /// The example of RFC 7638 section 3.1.
    #[test]
    fn a_thumbprint_is_spelt_as_it_was_read_and_nothing_else_is_one() {
        let text = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
        assert_eq!(text.parse::<Thumbprint>().unwrap().to_string(), text);
        for other in ["", "NzbLsXh8", &format!("{text}="), &text.replace('-', "+")] {
            assert_eq!(other.parse::<Thumbprint>(), Err(NoThumbprint), "{other:?}");
        }
    }
}
