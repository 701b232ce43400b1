//! The identifier of a sign-in: user name or email address, normalised.

use portcullis_domain::{Email, Username};
use unicode_normalization::UnicodeNormalization;

/// The identifier of a sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identifier {
    /// Matches the normalised name exactly, never a look-alike.
    Username(Username),
    /// Matches every spelling of the address.
    Email {
        /// The [key](Email::key) of the address.
        key: String,
        /// The key under the former rule, if it differs: an account that keeps its former key,
        /// because another account has the present one, is still found by its address as it was
        /// typed.
        former_key: Option<String>,
    },
    /// Neither a user name nor an address; kept, normalised, for the failure counter.
    Unusable(String),
}

impl Identifier {
    /// Parses a user name or an email address; never fails, so that an invalid name costs the same.
    pub fn parse(text: &str) -> Self {
        if let Ok(email) = Email::stored(text) {
            let former_key = Email::former_key(text);
            let former_key = (former_key != email.key()).then_some(former_key);
            return Self::Email { key: email.key().to_owned(), former_key };
        }
        match Username::parse(text) {
            Ok(username) => Self::Username(username),
            Err(_) => Self::Unusable(text.nfc().flat_map(char::to_lowercase).take(256).collect()),
        }
    }

    pub(super) fn key(&self) -> &str {
        match self {
            Self::Username(username) => username.as_str(),
            Self::Email { key, .. } => key,
            Self::Unusable(text) => text,
        }
    }
}
