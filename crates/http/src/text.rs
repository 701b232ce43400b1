//! Texts of requests: none holds a control character, or the mark that decoders leave of damaged
//! bytes.

use std::fmt;

use portcullis_domain::SecretString;
use serde::de::{self, Deserialize, Deserializer, Visitor};

/// A text that may be shown.
#[derive(Debug)]
pub(crate) struct Text(pub(crate) String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_string(TextVisitor { most: usize::MAX }).map(Self)
    }
}

/// A [`Text`] that must not be shown: a password or a token.
#[derive(Debug)]
pub(crate) struct SecretText(pub(crate) SecretString);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = deserializer.deserialize_string(TextVisitor { most: usize::MAX })?;
        Ok(Self(SecretString::from(text)))
    }
}

/// A [`Text`] of at most 256 bytes.
#[derive(Debug)]
pub(crate) struct ShortText(pub(crate) String);

impl<'de> Deserialize<'de> for ShortText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_string(TextVisitor { most: LONGEST }).map(Self)
    }
}

/// Whether no text may hold this.
pub(crate) fn has_forbidden_character(text: &str) -> bool {
    text.chars().any(|c| c.is_control() || c == '\u{fffd}')
}

/// Bytes of a [`ShortText`].
pub(crate) const LONGEST: usize = 256;

/// How the error of a text begins that has a character it may not have.
pub(crate) const FORBIDDEN_CHARACTER: &str = "forbidden character";

/// How the error of a text begins that is too long.
pub(crate) const TOO_LONG: &str = "too long";

struct TextVisitor {
    most: usize,
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
        if has_forbidden_character(text) {
            return Err(E::custom(FORBIDDEN_CHARACTER));
        }
        Ok(text.to_owned())
    }
}
