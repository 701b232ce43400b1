//! Accounts and display names.

use serde::Serialize;
use unicode_normalization::UnicodeNormalization;

use crate::joiner::has_idle_invisible;
use crate::{
    AccountId, AccountKind, Email, NetworkList, Role, TextError, Timestamp, Username, is_deceptive,
    is_invisible,
};

/// An account: a person or a machine that signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a state of its own")]
pub struct Account {
    /// Never changes, never reused.
    pub id: AccountId,
    /// Unique, also among look-alikes.
    pub username: Username,
    /// Unique, whatever the letter case.
    pub email: Email,
    /// The display name of the person, if there is one.
    pub display_name: Option<DisplayName>,
    /// The kind of the account.
    pub kind: AccountKind,
    /// The single role of the account in the access matrix.
    pub role: Role,
    /// A deactivated account cannot sign in, and its sessions have ended.
    pub is_active: bool,
    /// True after the holder has disavowed an action: no sign-in until the password is reset.
    pub is_blocked: bool,
    /// True if the owner has proven control of the mailbox `email`.
    pub email_verified: bool,
    /// Until the password is changed, the account may only call `me`, change the password and sign
    /// out.
    pub password_must_change: bool,
    /// True if the account has a second factor, which every sign-in requires.
    pub mfa_enabled: bool,
    /// The networks that it may be used from; an empty list allows all.
    pub allowed_networks: NetworkList,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The time of the last successful sign-in.
    pub last_sign_in_at: Option<Timestamp>,
}

/// A display name: 1 to 100 characters in NFC, no control characters, no outer spaces, no change of
/// writing direction, no invisible character that a script or an emoji does not need, and at least
/// one visible character.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct DisplayName(String);

impl DisplayName {
    /// Normalises to NFC, and refuses characters that would break the line in which the name is
    /// shown, or make it look like another name.
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
        if has_idle_invisible(&name) {
            return Err(TextError::Forbidden);
        }
        Ok(Self(name))
    }

    /// The name as displayed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_name_keeps_its_letters_and_refuses_tricks() {
        assert_eq!(DisplayName::parse("Zoe\u{308} Ångström").unwrap().as_str(), "Zoë Ångström");
        for text in ["", " Ada", "Ada\n", "Ada\u{202e}adA", "Ada\u{e0041}", &"x".repeat(101)] {
            assert!(DisplayName::parse(text).is_err(), "{text:?}");
        }
        for text in ["Ada\u{200b}King", "Ad\u{ad}a", "Ada\u{200d}"] {
            assert_eq!(DisplayName::parse(text), Err(TextError::Forbidden), "{text:?}");
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
