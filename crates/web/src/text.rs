//! Texts in requests: no control characters, no invisible or direction-changing characters, no
//! replacement character of decoders. A secret is taken as typed, except for control and
//! replacement characters: it is never displayed.

use std::fmt;

use portcullis_domain::{SecretString, is_deceptive};
use serde::de::{self, Deserialize, Deserializer, Visitor};

use crate::fault::{FORBIDDEN_CHARACTER, TOO_LONG};

/// The text without the blanks of HTTP around it: spaces and tabs (RFC 9110 section 5.6.3).
/// [`str::trim`] takes away more, and would read a name that other programs read as another one.
pub(crate) fn trim_blanks(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// A text that may be displayed.
#[derive(Debug)]
pub struct Text(pub String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_string(TextVisitor { most: usize::MAX, refuses: has_forbidden_character })
            .map(Self)
    }
}

/// A [`Text`] that must not be displayed: a password or a token.
#[derive(Debug)]
pub struct SecretText(pub SecretString);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor = TextVisitor { most: usize::MAX, refuses: is_damaged };
        let text = deserializer.deserialize_string(visitor)?;
        Ok(Self(SecretString::from(text)))
    }
}

/// A [`Text`] of at most 256 bytes.
#[derive(Debug)]
pub struct ShortText(pub String);

impl<'de> Deserialize<'de> for ShortText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor = TextVisitor { most: MAX_TEXT_BYTES, refuses: has_forbidden_character };
        deserializer.deserialize_string(visitor).map(Self)
    }
}

/// True for a character that no text may have.
pub fn has_forbidden_character(text: &str) -> bool {
    text.chars().any(is_deceptive) || is_damaged(text)
}

/// True for a character that not even a secret may have.
fn is_damaged(text: &str) -> bool {
    text.chars().any(|c| c.is_control() || c == '\u{fffd}')
}

/// The maximum of a [`ShortText`] in bytes.
pub const MAX_TEXT_BYTES: usize = 256;

struct TextVisitor {
    most: usize,
    refuses: fn(&str) -> bool,
}

impl Visitor<'_> for TextVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        if text.len() > self.most {
            return Err(E::custom(TOO_LONG));
        }
        if (self.refuses)(text) {
            return Err(E::custom(FORBIDDEN_CHARACTER));
        }
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_read<T: for<'de> Deserialize<'de>>(text: &str) -> bool {
        serde_json::from_value::<T>(serde_json::Value::from(text)).is_ok()
    }

    #[test]
    fn a_password_may_hold_what_no_text_that_is_read_may() {
        for text in ["a\u{202e}b", "a\u{200f}b", "a\u{e0041}"] {
            assert!(is_read::<SecretText>(text), "{text:?}");
            assert!(!is_read::<Text>(text) && !is_read::<ShortText>(text), "{text:?}");
        }
        for text in ["a\nb", "a\u{fffd}"] {
            assert!(!is_read::<SecretText>(text) && !is_read::<Text>(text), "{text:?}");
        }
        for text in ["می\u{200c}خواهم", "👩\u{200d}⚕\u{fe0f}", "שלום"] {
            assert!(is_read::<Text>(text), "{text:?}");
        }
    }
}
