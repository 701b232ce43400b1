//! Client data: what the browser says about a ceremony (section 5.8.1).

use aws_lc_rs::digest;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::base64url;
use super::challenge::Challenge;
use super::passkey_error::PasskeyError;

/// The client data of a response, and the digest that the authenticator signs.
#[derive(Clone, Debug)]
pub(super) struct ClientData {
    pub(super) ceremony: String,
    /// `None` if it cannot be a challenge of this server.
    pub(super) challenge: Option<Challenge>,
    pub(super) origin: String,
    pub(super) is_cross_origin: bool,
    pub(super) digest: [u8; 32],
}

/// Browsers send about 250 bytes; a browser may add members.
const MAX: usize = 4096;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    #[serde(rename = "type")]
    ceremony: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
    #[serde(default, rename = "topOrigin", deserialize_with = "is_present")]
    has_top_origin: bool,
}

impl ClientData {
    /// Reads the base64url of the JSON. A known member that occurs twice is refused, and so is a byte
    /// order mark, which no browser sends.
    pub(super) fn parse(text: &str) -> Result<Self, PasskeyError> {
        let bytes = base64url::decode(text, MAX)?;
        let json = str::from_utf8(&bytes).map_err(|_| PasskeyError::MalformedClientData)?;
        // An array of the members in order would be read as well.
        if !json.starts_with('{') {
            return Err(PasskeyError::MalformedClientData);
        }
        let raw: Raw = serde_json::from_str(json).map_err(|_| PasskeyError::MalformedClientData)?;
        Ok(Self {
            ceremony: raw.ceremony,
            challenge: Challenge::parse(&raw.challenge),
            origin: raw.origin,
            is_cross_origin: raw.cross_origin || raw.has_top_origin,
            digest: sha256(&bytes),
        })
    }
}

/// The SHA-256 digest of some bytes.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    digest
}

fn is_present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}
