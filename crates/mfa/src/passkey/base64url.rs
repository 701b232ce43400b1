//! Base64url (RFC 4648 section 5) without padding: the form of all bytes in the JSON of WebAuthn.
//!
//! Each value has one form only. The decoder refuses padding and leftover bits, so that two texts never
//! mean the same credential.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::passkey_error::PasskeyError;

/// Decodes at most `max` bytes.
pub(super) fn decode(text: &str, max: usize) -> Result<Vec<u8>, PasskeyError> {
    if text.len() > encoded_length(max) {
        return Err(PasskeyError::TooLong);
    }
    URL_SAFE_NO_PAD.decode(text).map_err(|_| PasskeyError::InvalidBase64)
}

pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The number of characters of this number of bytes.
const fn encoded_length(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}
