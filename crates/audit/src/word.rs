//! The closed vocabulary: every word that the trail is searched by.
//!
//! The words are stored and sent, so a variant may be renamed and its word may not.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Declares an enum of which each variant has one stable word.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$about])* $variant,)+ }

        impl $name {
            /// Every one of them, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The stable word for it, as stored and sent.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text { $($word => Ok(Self::$variant),)+ _ => Err(UnknownWord) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    };
}

words! {
    /// What happened.
    #[non_exhaustive]
    EventKind {
        /// Somebody created an account for themselves.
        Registration = "registration",
        /// An operator created or imported an account.
        AccountCreated = "account_created",
        /// The first administrator came to be.
        Bootstrap = "bootstrap",
        /// Somebody tried to sign in.
        SignIn = "sign_in",
        /// An account was signed in to from a device that had not signed in to it before; recorded
        /// beside the sign-in, and not of the first one of all.
        NewDevice = "new_device",
        /// A session was ended by its owner.
        SignOut = "sign_out",
        /// All sessions of an account were ended by its owner.
        SignOutAll = "sign_out_all",
        /// One session was ended by its owner from another one.
        SessionEnded = "session_ended",
        /// All sessions of an account but one were ended by its owner, from that one.
        OtherSessionsEnded = "other_sessions_ended",
        /// All sessions of an account were ended by an administrator.
        AllSessionsEnded = "all_sessions_ended",
        /// Sessions of all accounts were ended by an administrator or an operator, or somebody tried to.
        EverybodySignedOut = "everybody_signed_out",
        /// An access token was ended by whoever held it.
        TokenRevoked = "token_revoked",
        /// A session was ended because the account opened too many.
        SessionDisplaced = "session_displaced",
        /// An administrator gave an account another role, or tried to.
        RoleChanged = "role_changed",
        /// An administrator deactivated an account, or tried to.
        AccountDeactivated = "account_deactivated",
        /// An administrator made an account active again, or tried to.
        AccountReactivated = "account_reactivated",
        /// Somebody saw an account of somebody else.
        AccountRead = "account_read",
        /// Something was refused because it takes a sign-in more recent than that of the session.
        StepUpRequired = "step_up_required",
        /// An operator made the failures of an account forgotten.
        Unlock = "unlock",
        /// Somebody tried to change a password.
        PasswordChange = "password_change",
        /// A hash was replaced by a stronger one of the same password, while its owner signed in.
        PasswordRehashed = "password_rehashed",
        /// A refresh token that had already been rotated was presented again.
        RefreshTokenReuse = "refresh_token_reuse",
        /// A refresh token that had been rotated was presented again without proof that it was the
        /// same client, and too late for a lost answer.
        RefreshTokenLate = "refresh_token_late",
        /// A version of the access matrix was stored, not yet in force.
        MatrixProposed = "matrix_proposed",
        /// A version of the access matrix came into force.
        MatrixActivated = "matrix_activated",
        /// An earlier version of the access matrix came into force again.
        MatrixRolledBack = "matrix_rolled_back",
        /// Past decisions were taken again under a candidate matrix, without effect.
        MatrixReplayed = "matrix_replayed",
        /// From here on the data is written under another `SECRET_KEY`.
        SecretKeyChanged = "secret_key_changed",
        /// A key pair was made that will sign access tokens.
        SigningKeyRotated = "signing_key_rotated",
        /// A key pair was taken out of use, and its private half destroyed.
        SigningKeyRetired = "signing_key_retired",
        /// Something else signs access tokens from here on; those under this shared secret are
        /// accepted until the time that the details say.
        SharedSecretReplaced = "shared_secret_replaced",
        /// HS256 signs access tokens again, under this shared secret.
        SharedSecretRestored = "shared_secret_restored",
        /// Access tokens under this shared secret are accepted no more.
        SharedSecretEnded = "shared_secret_ended",
        /// An operator printed the shared secret, with which access tokens can be signed.
        SharedSecretPrinted = "shared_secret_printed",
        /// Somebody searched the trail.
        AuditSearched = "audit_searched",
        /// Somebody exported from the trail.
        AuditExported = "audit_exported",
        /// Somebody read the reason of one decision.
        DecisionRead = "decision_read",
        /// The server found that the trail was meddled with, or that a clock is wrong.
        AuditAlarm = "audit_alarm",
        /// Entries were removed because they are old enough.
        AuditPurged = "audit_purged",
        /// The database refused the content of one decision; the chain holds its answer alone.
        DecisionQuarantined = "decision_quarantined",
        /// A session got its next refresh token. Recorded in the token family of the session, never as
        /// an event.
        Refresh = "refresh",
        /// The access matrix was asked. Recorded in blocks of decisions, never as an event.
        PermissionCheck = "permission_check",
    }
}

words! {
    /// How it ended; the reason of a refusal is for auditors, never for the caller.
    #[non_exhaustive]
    Outcome {
        /// It was done.
        Success = "success",
        /// Nobody has that name.
        UnknownAccount = "unknown_account",
        /// The password is not theirs.
        WrongPassword = "wrong_password",
        /// The stored hash of their password is damaged, so that no password matches it.
        DamagedHash = "damaged_hash",
        /// Too many failures; the password was not looked at.
        Locked = "locked",
        /// The account is deactivated.
        Deactivated = "deactivated",
        /// The account was deactivated, its password changed, or another writer was first, while
        /// the request was being worked on.
        Superseded = "superseded",
        /// It was refused and every session of the account was ended.
        SessionsEnded = "sessions_ended",
        /// A rule of the server stands against it: nobody raises an account above their own role or
        /// changes a senior one, and an administrator remains.
        AgainstRules = "against_rules",
        /// What was handed in has faults.
        Invalid = "invalid",
        /// The access matrix grants it.
        Allowed = "allowed",
        /// The access matrix does not grant it, or the sign-in is too long ago for it.
        Denied = "denied",
    }
}

words! {
    /// What is wrong with the trail, as the server itself finds it.
    #[derive(PartialOrd, Ord)]
    #[non_exhaustive]
    TrailAlarm {
        /// A checkpoint is stored that the server has not signed.
        ForgedCheckpoint = "forged_checkpoint",
        /// What is stored about the chains that the latest checkpoint covers is not what it signs.
        CoverageChanged = "coverage_changed",
        /// A chain stands before where the latest checkpoint says that it stood, or is gone.
        ChainCut = "chain_cut",
        /// The latest checkpoint is dated in the future.
        FutureDated = "future_dated",
    }
}

words! {
    /// The form of an export.
    #[non_exhaustive]
    ExportFormat {
        /// Comma-separated values (RFC 4180), safe to open in a spreadsheet.
        Csv = "csv",
        /// One JSON object per line.
        JsonLines = "json_lines",
        /// The archive that can be verified without the database.
        Archive = "archive",
    }
}

/// A text that is none of the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not one of the known words")]
pub struct UnknownWord;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_and_is_used_once() {
        for kind in EventKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
        for outcome in Outcome::ALL {
            assert_eq!(outcome.as_str().parse(), Ok(*outcome));
        }
        for format in ExportFormat::ALL {
            assert_eq!(format.as_str().parse(), Ok(*format));
        }
        assert_eq!("sign-in".parse::<EventKind>(), Err(UnknownWord));
    }

    #[test]
    fn words_travel_as_text() {
        let text = serde_json::to_string(&EventKind::SignIn).unwrap();
        assert_eq!(text, r#""sign_in""#);
        assert_eq!(serde_json::from_str::<EventKind>(&text).unwrap(), EventKind::SignIn);
        assert!(serde_json::from_str::<EventKind>(r#""dance""#).is_err());
    }
}
