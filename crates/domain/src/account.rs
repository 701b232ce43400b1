use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::{AccountId, Email, Timestamp, Username, is_deceptive, is_invisible};

/// Someone or something that signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Never changes, never reused.
    pub id: AccountId,
    /// Unique, also among look-alikes.
    pub username: Username,
    /// Unique, whatever the letter case.
    pub email: Email,
    /// What to call the person, if they said.
    pub display_name: Option<DisplayName>,
    /// What sort of subject this is.
    pub kind: AccountKind,
    /// The one role of the access matrix that the account has.
    pub role: Role,
    /// A deactivated account cannot sign in, and its sessions have ended.
    pub is_active: bool,
    /// Whether the owner has shown that mail to `email` reaches them.
    pub email_verified: bool,
    /// Until the password is changed the account may call `me`, change and sign out only.
    pub password_must_change: bool,
    /// When the account was created.
    pub created_at: Timestamp,
    /// When it last succeeded in signing in.
    pub last_sign_in_at: Option<Timestamp>,
}

/// What sort of subject an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountKind {
    /// A person.
    User,
    /// A person who may also create API keys and see the API console.
    Developer,
    /// A machine: no password, acts only through API keys.
    Service,
}

impl AccountKind {
    /// The stable word for it, as stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Developer => "developer",
            Self::Service => "service",
        }
    }
}

impl FromStr for AccountKind {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "user" => Ok(Self::User),
            "developer" => Ok(Self::Developer),
            "service" => Ok(Self::Service),
            _ => Err(TextError::Unknown),
        }
    }
}

/// The name of a role of the access matrix: `[a-z][a-z0-9_]{0,63}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Role(String);

impl Role {
    /// Checks the form of the word; whether the matrix has such a role is the matrix's to say.
    pub fn parse(word: &str) -> Result<Self, TextError> {
        let mut letters = word.chars();
        if !letters.next().is_some_and(|first| first.is_ascii_lowercase()) {
            return Err(TextError::Unknown);
        }
        if !letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
            return Err(TextError::Unknown);
        }
        if word.len() > 64 {
            return Err(TextError::TooLong);
        }
        Ok(Self(word.to_owned()))
    }

    /// The word itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What to call a person: 1 to 100 characters in NFC, no control characters, no outer spaces, nothing that
/// turns the line around, and at least one character that is seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct DisplayName(String);

impl DisplayName {
    /// Normalises to NFC and refuses what would break the line it is shown on.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let name: String = text.nfc().collect();
        if name.is_empty() || name.trim() != name {
            return Err(TextError::Blank);
        }
        if name.chars().count() > 100 {
            return Err(TextError::TooLong);
        }
        if name.chars().any(is_deceptive) {
            return Err(TextError::Forbidden);
        }
        if name.chars().all(is_invisible) {
            return Err(TextError::Blank);
        }
        Ok(Self(name))
    }

    /// The name as shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a short text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Empty, spaces at an end, or nothing to be seen.
    #[error("must have something to be seen, and must not begin or end with a space")]
    Blank,
    /// More characters than allowed.
    #[error("is too long")]
    TooLong,
    /// A control character, a line break, a change of writing direction or a hidden tag.
    #[error("must not contain control characters, tags or changes of writing direction")]
    Forbidden,
    /// None of the allowed words.
    #[error("is not one of the allowed words")]
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_survive_a_round_trip() {
        for kind in [AccountKind::User, AccountKind::Developer, AccountKind::Service] {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert_eq!("root".parse::<AccountKind>(), Err(TextError::Unknown));
    }

    #[test]
    fn a_role_is_a_lower_case_word() {
        assert_eq!(Role::parse("clinical_staff").unwrap().to_string(), "clinical_staff");
        for word in ["", "Admin", "1st", "a-b", "é", &"a".repeat(65)] {
            assert!(Role::parse(word).is_err(), "{word:?}");
        }
    }

    #[test]
    fn a_display_name_keeps_its_letters_and_refuses_tricks() {
        assert_eq!(DisplayName::parse("Zoe\u{308} Ångström").unwrap().as_str(), "Zoë Ångström");
        for text in ["", " Ada", "Ada\n", "Ada\u{202e}adA", "Ada\u{e0041}", &"x".repeat(101)] {
            assert!(DisplayName::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_display_name_can_be_seen() {
        for text in [
            "\u{2800}",
            "\u{3164}\u{3164}",
            "\u{200b}",
            "\u{ad}\u{2060}",
            "\u{115f}\u{1160}",
            "\u{ffa0}",
            "\u{fe0f}\u{200d}",
            "\u{2800} \u{2800}",
        ] {
            assert_eq!(DisplayName::parse(text), Err(TextError::Blank), "{text:?}");
        }
        for text in ["👩\u{200d}⚕\u{fe0f}", "می\u{200c}خواهم", "⠁\u{2800}⠃", "-"] {
            assert_eq!(DisplayName::parse(text).unwrap().as_str(), text);
        }
    }
}
