//! Kinds of second factors.

use serde::{Deserialize, Serialize};

/// The kind of a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Factor {
    /// One-time codes of an authenticator app.
    Totp,
    /// A passkey.
    Passkey,
    /// Backup codes.
    BackupCodes,
}

impl Factor {
    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Passkey => "passkey",
            Self::BackupCodes => "backup_codes",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_is_stored_and_sent_under_its_word() {
        for factor in [Factor::Totp, Factor::Passkey, Factor::BackupCodes] {
            assert_eq!(serde_json::to_value(factor).unwrap(), factor.as_str());
        }
    }
}
