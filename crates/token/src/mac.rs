//! HMAC-SHA-256 (RFC 2104, FIPS 180-4) under the derived keys of this crate.
//!
//! Keys are exactly 32 bytes by type, so neither an empty nor a short key can be used by mistake.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Computes the tag of the concatenated parts. Callers give every part except the last a fixed
/// length, because otherwise two different messages could produce the same input.
pub(crate) fn hmac_sha256(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = keyed(key);
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// The HMAC state after the key and before any message.
#[expect(clippy::expect_used, reason = "HMAC is defined for keys of every length")]
pub(crate) fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}
