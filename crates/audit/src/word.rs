//! The closed vocabulary of the audit log: event kinds, outcomes, alarms, export formats.
//!
//! The words are stored and sent, so a variant may be renamed, but not its word.

#[cfg(test)]
mod page;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Declares an enum of which each variant has one stable word.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[doc = $about:literal])+ $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[doc = $about])+ $variant,)+ }

        impl $name {
            /// All variants, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the stable word, as stored and sent.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The documentation of the variant, for the page of words.
            #[cfg(test)]
            const fn about(self) -> &'static str {
                match self { $(Self::$variant => concat!($($about),+),)+ }
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
    /// The kind of an event.
    #[non_exhaustive]
    EventKind {
        /// A user registered an account.
        Registration = "registration",
        /// A client asked for an account, which the link in a mail creates; see
        /// [`Outcome::EmailTaken`] and [`Outcome::Limited`].
        RegistrationRequested = "registration_requested",
        /// The holder of a mailbox followed the link that verifies its address.
        EmailVerified = "email_verified",
        /// A client asked for another link that verifies an address.
        VerificationRequested = "verification_requested",
        /// An administrator or an operator invited the owner of an address, or tried to.
        InvitationCreated = "invitation_created",
        /// An administrator or an operator revoked an invitation, or tried to.
        InvitationRevoked = "invitation_revoked",
        /// The owner of an invited address registered an account.
        InvitationAccepted = "invitation_accepted",
        /// A user asked for another address, which the link in a mail confirms; see
        /// [`Outcome::EmailTaken`] and [`Outcome::Limited`].
        EmailChangeRequested = "email_change_requested",
        /// The holder of a mailbox followed the link that makes it the address of an account.
        EmailChanged = "email_changed",
        /// An operator created or imported an account.
        AccountCreated = "account_created",
        /// The first administrator was created.
        Bootstrap = "bootstrap",
        /// A client tried to sign in.
        SignIn = "sign_in",
        /// An account was signed in to from a device that had not signed in to it before; recorded
        /// beside the sign-in, except for the first sign-in of the account.
        NewDevice = "new_device",
        /// The risk of a sign-in whose first proof is right was assessed; recorded beside the sign-in, or
        /// the challenge.
        SignInAssessed = "sign_in_assessed",
        /// The owner of an account forgot a device, which ended its sessions.
        DeviceForgotten = "device_forgotten",
        /// A sign-in showed an older cookie of a device, which is forgotten: the cookie was copied, or a
        /// response was lost.
        DeviceCookieReused = "device_cookie_reused",
        /// The owner ended a session.
        SignOut = "sign_out",
        /// The owner ended all sessions of an account.
        SignOutAll = "sign_out_all",
        /// The owner ended one session from another one, or an administrator ended it, or tried to.
        SessionEnded = "session_ended",
        /// The owner ended all sessions of an account except the one in use.
        OtherSessionsEnded = "other_sessions_ended",
        /// An administrator ended all sessions of an account.
        AllSessionsEnded = "all_sessions_ended",
        /// An administrator or an operator ended sessions of all accounts, or a caller tried to.
        EverybodySignedOut = "everybody_signed_out",
        /// The holder of an access token revoked it.
        TokenRevoked = "token_revoked",
        /// A session was ended because the account has too many.
        SessionDisplaced = "session_displaced",
        /// An administrator changed the role of an account, or tried to.
        RoleChanged = "role_changed",
        /// An administrator deactivated an account, or tried to.
        AccountDeactivated = "account_deactivated",
        /// An administrator activated an account again, or tried to.
        AccountReactivated = "account_reactivated",
        /// The holder of an account changed its display name.
        ProfileChange = "profile_change",
        /// The holder of an account, an administrator or an operator deleted it, or tried to.
        AccountDeleted = "account_deleted",
        /// An operator or an administrator listed accounts.
        AccountsListed = "accounts_listed",
        /// An administrator listed the sessions of all accounts.
        SessionsListed = "sessions_listed",
        /// An administrator listed the lockouts of all accounts.
        LockoutsListed = "lockouts_listed",
        /// An administrator demanded a change of the password of an account, or tried to.
        PasswordChangeDemanded = "password_change_demanded",
        /// The holder of an account took a copy of its data.
        OwnDataExported = "own_data_exported",
        /// A user read the account of another user.
        AccountRead = "account_read",
        /// The networks that an account may be used from were changed, or a principal tried to.
        NetworksChanged = "networks_changed",
        /// A session was used from outside the networks of its account, and refused: the first time in a
        /// minute, on one node.
        SessionUsedOutside = "session_used_outside",
        /// A request was refused because it requires a more recent sign-in than that of the
        /// session.
        StepUpRequired = "step_up_required",
        /// A password was right, and a second factor is required to sign in.
        ChallengeIssued = "challenge_issued",
        /// A user proved a second factor in a session, or tried to.
        StepUp = "step_up",
        /// A user started to enrol a second factor, or tried to.
        FactorEnrolmentStarted = "factor_enrolment_started",
        /// A user added or replaced a second factor, or tried to.
        FactorAdded = "factor_added",
        /// A user removed a second factor, or tried to.
        FactorRemoved = "factor_removed",
        /// An administrator or an operator removed all second factors of an account, or tried to.
        FactorsReset = "factors_reset",
        /// A passkey was renamed.
        PasskeyRenamed = "passkey_renamed",
        /// The signature counter of a passkey went back: it may have been copied.
        PasskeyCounterWentBack = "passkey_counter_went_back",
        /// An operator reset the failure counters of an account.
        Unlock = "unlock",
        /// Addresses were banned, by their offences or by an operator.
        BanStarted = "ban_started",
        /// An operator lifted a ban.
        BanLifted = "ban_lifted",
        /// An operator made undeliverable mails due again.
        MailResent = "mail_resent",
        /// An administrator sent a test mail to the own address.
        MailTested = "mail_tested",
        /// A user tried to change a password.
        PasswordChange = "password_change",
        /// An operator gave an account a new password.
        PasswordSet = "password_set",
        /// A password was found in a list of breached passwords after a sign-in with it; it must be
        /// changed.
        PasswordBreached = "password_breached",
        /// A client asked for a link that resets a password.
        PasswordResetRequested = "password_reset_requested",
        /// A client tried to reset a password with such a link.
        PasswordReset = "password_reset",
        /// The holder of an account with passkeys removed its password.
        PasswordRemoved = "password_removed",
        /// A holder followed the link "this was not me" of an alert, or a client tried to.
        Disavowal = "disavowal",
        /// A hash was replaced by a stronger one of the same password, at a sign-in.
        PasswordRehashed = "password_rehashed",
        /// A refresh token that had already been rotated was presented again.
        RefreshTokenReuse = "refresh_token_reuse",
        /// A refresh token that had been rotated was presented again without proof of the same
        /// client, and too late for a retry after a lost response.
        RefreshTokenLate = "refresh_token_late",
        /// A version of the access matrix was stored, not yet active.
        MatrixProposed = "matrix_proposed",
        /// A version of the access matrix was activated.
        MatrixActivated = "matrix_activated",
        /// An earlier version of the access matrix was activated again.
        MatrixRolledBack = "matrix_rolled_back",
        /// Past decisions were evaluated again with a candidate matrix, without effect.
        MatrixReplayed = "matrix_replayed",
        /// From this entry on the data is written with another `SECRET_KEY`.
        SecretKeyChanged = "secret_key_changed",
        /// A backup was restored: entries between the backup and this one are lost.
        DatabaseRestored = "database_restored",
        /// A key pair was generated that will sign access tokens.
        SigningKeyRotated = "signing_key_rotated",
        /// A key pair was retired, and its private key destroyed.
        SigningKeyRetired = "signing_key_retired",
        /// Another key signs access tokens from this entry on; tokens of this shared secret are
        /// accepted until the time in the details.
        SharedSecretReplaced = "shared_secret_replaced",
        /// HS256 signs access tokens again, with this shared secret.
        SharedSecretRestored = "shared_secret_restored",
        /// Access tokens of this shared secret are no longer accepted.
        SharedSecretEnded = "shared_secret_ended",
        /// An operator printed the shared secret, which can sign access tokens.
        SharedSecretPrinted = "shared_secret_printed",
        /// An API key was created.
        ApiKeyCreated = "api_key_created",
        /// An API key was replaced by another one.
        ApiKeyRotated = "api_key_rotated",
        /// An API key was revoked.
        ApiKeyRevoked = "api_key_revoked",
        /// An API key was used: all uses of a minute with the same outcome, on one node.
        ApiKeyUsed = "api_key_used",
        /// A user searched the audit log.
        AuditSearched = "audit_searched",
        /// A user exported from the audit log.
        AuditExported = "audit_exported",
        /// A user read one decision with its reason.
        DecisionRead = "decision_read",
        /// A user read one event with its proof.
        EventRead = "event_read",
        /// The server detected that the audit log was tampered with, or that a clock is wrong.
        AuditAlarm = "audit_alarm",
        /// Entries older than the retention were removed.
        AuditPurged = "audit_purged",
        /// The database refused the content of one decision; the chain has only its answer.
        DecisionQuarantined = "decision_quarantined",
        /// A session got its next refresh token. Recorded in the token family of the session, never
        /// as an event.
        Refresh = "refresh",
        /// A permission was checked. Recorded in blocks of decisions, never as an event.
        PermissionCheck = "permission_check",
    }
}

words! {
    /// The outcome of an event. The reason of a refusal is for auditors, never for the caller.
    #[non_exhaustive]
    Outcome {
        /// The action was done.
        Success = "success",
        /// No account has that name.
        UnknownAccount = "unknown_account",
        /// The password does not match.
        WrongPassword = "wrong_password",
        /// The code of a second factor does not match, or was used before.
        WrongCode = "wrong_code",
        /// The stored password hash is damaged, so that no password matches it.
        DamagedHash = "damaged_hash",
        /// Too many failures; the password was not checked.
        Locked = "locked",
        /// The API key has expired.
        Expired = "expired",
        /// The client is outside the networks that the account or the API key may be used from.
        OutsideNetworks = "outside_networks",
        /// A second factor or a mailed code is required.
        Challenged = "challenged",
        /// The first proof is right, and the risk of the sign-in too high.
        TooRisky = "too_risky",
        /// The account is deactivated.
        Deactivated = "deactivated",
        /// Nothing was sent: the limit of mails to the address is reached.
        Limited = "limited",
        /// The holder has disavowed an action: no sign-in until the password is reset.
        Blocked = "blocked",
        /// The account was deactivated, its password changed, or another writer was first, while
        /// the request was in progress.
        Superseded = "superseded",
        /// The request was refused, and every session of the account was ended.
        SessionsEnded = "sessions_ended",
        /// The password is right, but the address of the account is not verified.
        Unverified = "unverified",
        /// Another account has the email address.
        EmailTaken = "email_taken",
        /// Another account has the user name, or one that looks like it.
        UsernameTaken = "username_taken",
        /// A rule of the server forbids it: a user cannot raise an account above their own role or
        /// change a more senior one, and one administrator must remain.
        AgainstRules = "against_rules",
        /// The input is invalid.
        Invalid = "invalid",
        /// The access matrix grants it.
        Allowed = "allowed",
        /// The access matrix does not grant it, or the sign-in is not recent enough.
        Denied = "denied",
    }
}

words! {
    /// A problem with the audit log that the server detects itself.
    #[derive(PartialOrd, Ord)]
    #[non_exhaustive]
    TrailAlarm {
        /// A stored checkpoint is not signed by the server.
        ForgedCheckpoint = "forged_checkpoint",
        /// The stored coverage of the latest checkpoint does not match its signature.
        CoverageChanged = "coverage_changed",
        /// A chain ends before its head in the latest checkpoint, or is gone.
        ChainCut = "chain_cut",
        /// The latest checkpoint is dated in the future.
        FutureDated = "future_dated",
    }
}

words! {
    /// The format of an export.
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

words! {
    /// The decision of the risk assessment of a sign-in. A later one is the stricter one.
    #[derive(PartialOrd, Ord)]
    RiskOutcome {
        /// The first proof is enough.
        Allowed = "allowed",
        /// A second factor or a mailed code is required.
        Challenged = "challenged",
        /// No session is opened, and the holder of the account is informed.
        Refused = "refused",
    }
}

/// The text is not one of the words.
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
        for outcome in RiskOutcome::ALL {
            assert_eq!(outcome.as_str().parse(), Ok(*outcome));
        }
        assert!(RiskOutcome::ALL.is_sorted(), "from the mildest to the strictest");
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
