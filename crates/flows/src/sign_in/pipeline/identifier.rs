use portcullis_domain::{Email, Username};
use unicode_normalization::UnicodeNormalization;

/// The name somebody signs in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identifier {
    /// Matches the normalised name exactly, never a look-alike.
    Username(Username),
    /// Matches however the address is spelled.
    Email {
        /// The [key](Email::key) of the address.
        key: String,
        /// What the key was under the former rule, where it differs: an account that keeps such a key,
        /// because another one has the present key, is still found by its address as it was typed.
        former_key: Option<String>,
    },
    /// Nothing any account could be called; kept for the failure counter, normalised.
    Unusable(String),
}

impl Identifier {
    /// Reads a user name or an email address; never fails, so that a strange name costs the same.
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
