use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::{AccountId, Email, Timestamp, Username};

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

/// What to call a person: 1 to 100 characters in NFC, no control characters, no outer spaces.
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
        if name.chars().any(is_line_breaking) {
            return Err(TextError::Forbidden);
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
    /// Empty, or spaces at an end.
    #[error("must not be empty, and must not begin or end with a space")]
    Blank,
    /// More characters than allowed.
    #[error("is too long")]
    TooLong,
    /// A control character, a line break or a change of writing direction.
    #[error("must not contain control characters or changes of writing direction")]
    Forbidden,
    /// None of the allowed words.
    #[error("is not one of the allowed words")]
    Unknown,
}

/// Control characters, line and paragraph separators, and the bidirectional controls of UAX 9.
fn is_line_breaking(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{061c}' | '\u{200e}' | '\u{200f}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
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
        for text in ["", " Ada", "Ada\n", "Ada\u{202e}adA", &"x".repeat(101)] {
            assert!(DisplayName::parse(text).is_err(), "{text:?}");
        }
    }
}
