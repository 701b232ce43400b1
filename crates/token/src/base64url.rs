//! The one alphabet of everything this crate writes: base64url without padding (RFC 4648 section 5,
//! RFC 7515 section 2).
//!
//! Decoding is strict: no padding, no other characters, no set bits after the last byte. A lenient
//! decoder gives one secret several spellings, and then a digest of the text proves nothing.

use std::sync::LazyLock;

use base64::Engine;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use base64::engine::{general_purpose::NO_PAD, simd::Simd};

/// The text form.
pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Appends the text form.
pub(crate) fn encode_onto(text: &mut String, bytes: impl AsRef<[u8]>) {
    URL_SAFE_NO_PAD.encode_string(bytes, text);
}

/// The bytes, if the text is their one spelling.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    FASTEST.decode(text).ok()
}

/// Exactly `N` bytes, if the text is their one spelling. A longer text is given up, not decoded.
pub(crate) fn decode_exact<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    (length == N).then_some(bytes)
}

/// For long texts: with vector instructions, where the processor has them.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
static FASTEST: LazyLock<Simd> = LazyLock::new(|| Simd::url_safe(NO_PAD));

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
static FASTEST: LazyLock<GeneralPurpose> = LazyLock::new(|| URL_SAFE_NO_PAD);

/// Whether the text has no character that is not in the alphabet.
pub(crate) fn is_alphabet(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_has_one_spelling() {
        assert_eq!(decode_exact(&encode([0xfb, 0xff])), Some([0xfb, 0xff]));
        for other in ["+/8", "-_8=", "-_9", "-_8 ", " -_8", "-_8A", "-_", ""] {
            assert_eq!(decode_exact::<2>(other), None, "{other:?}");
            assert_ne!(decode(other), Some(vec![0xfb, 0xff]), "{other:?}");
        }
    }

    #[test]
    fn a_long_text_has_one_spelling_too() {
        let bytes: Vec<u8> = (0..=255).collect();
        let text = encode(&bytes);
        assert_eq!(decode(&text), Some(bytes));
        for position in 0..text.len() {
            for other in ["+", "/", "=", " ", "\n", "\u{e9}"] {
                let mut changed = text.clone();
                changed.replace_range(position..=position, other);
                assert_eq!(decode(&changed), None, "{other:?} at {position}");
            }
        }
        assert_eq!(decode(&format!("{}x", &text[..text.len() - 1])), None, "bits after the end");
    }
}
