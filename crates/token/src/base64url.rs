//! The encoding of everything that this crate writes: base64url without padding (RFC 4648 section
//! 5, RFC 7515 section 2).
//!
//! Decoding is strict: no padding, no other characters, no set bits after the last byte. With a
//! lenient decoder one secret would have several spellings, and a digest of the text would prove
//! nothing.

use std::sync::LazyLock;

use base64::Engine;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use base64::engine::{general_purpose::NO_PAD, simd::Simd};

/// Encodes bytes as text.
pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Appends the encoded bytes to a text.
pub(crate) fn encode_onto(text: &mut String, bytes: impl AsRef<[u8]>) {
    URL_SAFE_NO_PAD.encode_string(bytes, text);
}

/// Decodes a text that is in its canonical form.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    FASTEST.decode(text).ok()
}

/// Decodes exactly `N` bytes from a text in its canonical form. A longer text is refused without
/// decoding.
pub(crate) fn decode_exact<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    (length == N).then_some(bytes)
}

/// For long texts: with vector instructions, if the processor has them.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
static FASTEST: LazyLock<Simd> = LazyLock::new(|| Simd::url_safe(NO_PAD));

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
static FASTEST: LazyLock<GeneralPurpose> = LazyLock::new(|| URL_SAFE_NO_PAD);

/// Returns whether every character of the text is in the alphabet.
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
