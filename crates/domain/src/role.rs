//! Roles of the access matrix, account kinds, and the error of short texts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The kind of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum AccountKind {
    /// A person.
    User,
    /// A person who may also create API keys and use the API console.
    Developer,
    /// A machine: no password, acts only through API keys.
    Service,
}

impl AccountKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::User, Self::Developer, Self::Service];

    /// The stable text form, as stored and sent.
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

/// The name of a role in the access matrix: `[a-z][a-z0-9_]{0,63}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Role(String);

impl Role {
    /// Checks the form of the name. The access matrix decides whether the role exists.
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

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The reason why a short text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// Empty, a space at the start or the end, or no visible character.
    #[error("must have something to be seen, and must not begin or end with a space")]
    Blank,
    /// More characters than the maximum.
    #[error("is too long")]
    TooLong,
    /// A control character, a line break, a change of writing direction, a hidden tag, or an
    /// invisible character that no script needs.
    #[error(
        "must not contain control or invisible characters, tags or changes of writing direction"
    )]
    Forbidden,
    /// Not one of the allowed words.
    #[error("is not one of the allowed words")]
    Unknown,
}

impl TextError {
    /// The stable code for programs. It never changes.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Forbidden => "forbidden_character",
            Self::Blank | Self::Unknown => "malformed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_survive_a_round_trip() {
        for kind in AccountKind::ALL {
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
}
