//! Mails: the kinds with the data of each, and the purposes of the secrets in their links.
//!
//! The outbox stores a [`Mail`] as JSON. It holds neither a secret nor text of unlimited length: a
//! mail with a link gets its secret when it is delivered. The texts are in `portcullis-mail`.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

pub use portcullis_domain::Factor;
use portcullis_domain::{
    AccountId, EmailChangeId, InvitationId, MessageId, RegistrationId, SystemRandom, Timestamp,
    is_deceptive,
};
use serde::{Deserialize, Serialize};

/// A mail, with the data of its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Mail {
    /// A mail that an operator sends to test the mail server.
    Test,
    /// The link that creates the account of a registration; sent to its address.
    VerifyRegistration {
        /// The registration.
        registration: RegistrationId,
        /// The wanted user name.
        username: MailText,
    },
    /// The notice that somebody tried to register with the address of an account.
    RegistrationAttempt {
        /// The client address.
        address: IpAddr,
    },
    /// The link that verifies the address of an account.
    VerifyEmail,
    /// The link that confirms the new address of an account; sent to the new address.
    ConfirmNewEmail {
        /// The change.
        change: EmailChangeId,
    },
    /// The notice that another address was requested; sent to the present address.
    EmailChangeRequested {
        /// The client address.
        address: IpAddr,
    },
    /// The notice of a changed address; sent to the former address.
    EmailChanged {
        /// The client address.
        address: IpAddr,
    },
    /// The link that resets a password.
    ResetPassword,
    /// The link that registers an account by invitation.
    Invitation {
        /// The invitation.
        invitation: InvitationId,
        /// The name of the inviting account.
        inviter: MailText,
    },
    /// The notice of a changed password.
    PasswordChanged {
        /// The client address.
        address: IpAddr,
    },
    /// The notice of a removed password: the account has passkeys only.
    PasswordRemoved {
        /// The client address.
        address: IpAddr,
    },
    /// The notice of a password that was reset with a link.
    PasswordReset {
        /// The client address.
        address: IpAddr,
    },
    /// The alert that a refresh token was used by two clients.
    RefreshTokenReuse {
        /// The client address.
        address: IpAddr,
    },
    /// The alert that a refresh token was used again, by another client or after a lost response.
    RefreshTokenLate {
        /// The client address.
        address: IpAddr,
    },
    /// The alert about a sign-in from a device that is new to the account.
    NewDevice {
        /// The client address.
        address: IpAddr,
        /// The name of the device, or the user agent.
        device: MailText,
    },
    /// The code that completes a sign-in whose risk is high.
    SignInCode {
        /// The client address.
        address: IpAddr,
    },
    /// The alert that a sign-in with the right password was refused, because its risk is too high.
    SignInRefused {
        /// The client address.
        address: IpAddr,
    },
    /// The notice that the password is in a list of breached passwords.
    PasswordBreached {
        /// The client address of the sign-in.
        address: IpAddr,
    },
    /// The notice of another list of networks that the holder set; its link removes the list.
    NetworksChanged {
        /// The client address.
        address: IpAddr,
    },
    /// The notice of another list of networks that an administrator or the operator set.
    NetworksSet,
    /// The notice of a new API key, or of one that replaces another.
    ApiKeyCreated {
        /// The client address.
        address: IpAddr,
        /// The name of the key.
        key: MailText,
    },
    /// The notice of a deleted account.
    AccountDeleted {
        /// The client address.
        address: IpAddr,
    },
    /// The notice of a new second factor or passkey.
    FactorAdded {
        /// The client address.
        address: IpAddr,
        /// The factor.
        factor: Factor,
    },
    /// The notice of the first use of a second factor or passkey, and of each used backup code.
    FactorUsed {
        /// The client address.
        address: IpAddr,
        /// The factor.
        factor: Factor,
    },
    /// The notice of a removed second factor or passkey.
    FactorRemoved {
        /// The client address.
        address: IpAddr,
        /// The factor.
        factor: Factor,
    },
    /// The notice that an administrator removed all second factors and passkeys.
    FactorsReset,
    /// The alert that the signature counter of a passkey went back, so it may have been copied.
    PasskeyCounterWentBack {
        /// The client address.
        address: IpAddr,
    },
}

impl Mail {
    /// The stable word of the kind, as stored and in the names of template files.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::VerifyRegistration { .. } => "verify_registration",
            Self::RegistrationAttempt { .. } => "registration_attempt",
            Self::VerifyEmail => "verify_email",
            Self::ConfirmNewEmail { .. } => "confirm_new_email",
            Self::EmailChangeRequested { .. } => "email_change_requested",
            Self::EmailChanged { .. } => "email_changed",
            Self::ResetPassword => "reset_password",
            Self::Invitation { .. } => "invitation",
            Self::PasswordChanged { .. } => "password_changed",
            Self::PasswordRemoved { .. } => "password_removed",
            Self::PasswordReset { .. } => "password_reset",
            Self::RefreshTokenReuse { .. } => "refresh_token_reuse",
            Self::RefreshTokenLate { .. } => "refresh_token_late",
            Self::NewDevice { .. } => "new_device",
            Self::SignInCode { .. } => "sign_in_code",
            Self::SignInRefused { .. } => "sign_in_refused",
            Self::PasswordBreached { .. } => "password_breached",
            Self::NetworksChanged { .. } => "networks_changed",
            Self::NetworksSet => "networks_set",
            Self::ApiKeyCreated { .. } => "api_key_created",
            Self::AccountDeleted { .. } => "account_deleted",
            Self::FactorAdded { .. } => "factor_added",
            Self::FactorUsed { .. } => "factor_used",
            Self::FactorRemoved { .. } => "factor_removed",
            Self::FactorsReset => "factors_reset",
            Self::PasskeyCounterWentBack { .. } => "passkey_counter_went_back",
        }
    }

    /// The kind of this word, if this version has it.
    pub fn known_kind(word: &str) -> Option<&'static str> {
        Self::kinds().into_iter().find(|kind| *kind == word)
    }

    /// The kinds of mail, each once, in alphabetical order.
    pub fn kinds() -> BTreeSet<&'static str> {
        Self::samples().iter().map(Self::kind).collect()
    }

    /// The purpose of the secret in the link; `None` for a mail without a secret.
    pub const fn purpose(&self) -> Option<SecretPurpose> {
        match self {
            Self::VerifyRegistration { .. } => Some(SecretPurpose::VerifyRegistration),
            Self::VerifyEmail => Some(SecretPurpose::VerifyEmail),
            Self::ConfirmNewEmail { .. } => Some(SecretPurpose::ConfirmNewEmail),
            Self::ResetPassword => Some(SecretPurpose::ResetPassword),
            Self::Invitation { .. } => Some(SecretPurpose::Invitation),
            Self::SignInCode { .. } => Some(SecretPurpose::SignInCode),
            Self::NetworksChanged { .. } => Some(SecretPurpose::DisavowNetworks),
            Self::EmailChangeRequested { .. }
            | Self::EmailChanged { .. }
            | Self::PasswordChanged { .. }
            | Self::PasswordRemoved { .. }
            | Self::PasswordReset { .. }
            | Self::RefreshTokenReuse { .. }
            | Self::RefreshTokenLate { .. }
            | Self::NewDevice { .. }
            | Self::SignInRefused { .. }
            | Self::PasswordBreached { .. }
            | Self::ApiKeyCreated { .. }
            | Self::FactorAdded { .. }
            | Self::FactorUsed { .. }
            | Self::FactorRemoved { .. }
            | Self::FactorsReset
            | Self::PasskeyCounterWentBack { .. } => Some(SecretPurpose::Disavow),
            // A deleted account cannot be given back, and no mail undoes what the operator decides.
            Self::Test
            | Self::RegistrationAttempt { .. }
            | Self::NetworksSet
            | Self::AccountDeleted { .. } => None,
        }
    }

    /// The subject of the secret in this message: the registration, the change, the invitation, the
    /// message itself, or the account of the recipient.
    pub fn subject(&self, message: MessageId, account: Option<AccountId>) -> Option<SecretSubject> {
        match (self, self.purpose()) {
            (Self::VerifyRegistration { registration, .. }, _) => {
                Some(SecretSubject::Registration(*registration))
            }
            (Self::ConfirmNewEmail { change }, _) => Some(SecretSubject::EmailChange(*change)),
            (Self::Invitation { invitation, .. }, _) => {
                Some(SecretSubject::Invitation(*invitation))
            }
            (_, Some(purpose)) if purpose.is_of_message() => {
                account.map(|account| SecretSubject::Message { message, account })
            }
            _ => account.map(SecretSubject::Account),
        }
    }

    /// One mail of each kind, to check templates and to show them.
    pub fn samples() -> Vec<Self> {
        let address = IpAddr::from([192, 0, 2, 1]);
        let device = MailText::new("Firefox on Linux");
        let now = Timestamp::from_seconds(0);
        let invitation = InvitationId::generate(now, &SystemRandom);
        let registration = RegistrationId::generate(now, &SystemRandom);
        let change = EmailChangeId::generate(now, &SystemRandom);
        vec![
            Self::Test,
            Self::VerifyRegistration { registration, username: MailText::new("ada") },
            Self::RegistrationAttempt { address },
            Self::VerifyEmail,
            Self::ConfirmNewEmail { change },
            Self::EmailChangeRequested { address },
            Self::EmailChanged { address },
            Self::ResetPassword,
            Self::Invitation { invitation, inviter: MailText::new("grace") },
            Self::PasswordChanged { address },
            Self::PasswordRemoved { address },
            Self::PasswordReset { address },
            Self::RefreshTokenReuse { address },
            Self::RefreshTokenLate { address },
            Self::NewDevice { address, device },
            Self::SignInCode { address },
            Self::SignInRefused { address },
            Self::PasswordBreached { address },
            Self::NetworksChanged { address },
            Self::NetworksSet,
            Self::ApiKeyCreated { address, key: MailText::new("nightly report") },
            Self::AccountDeleted { address },
            Self::FactorAdded { address, factor: Factor::Totp },
            Self::FactorUsed { address, factor: Factor::BackupCodes },
            Self::FactorRemoved { address, factor: Factor::Passkey },
            Self::FactorsReset,
            Self::PasskeyCounterWentBack { address },
        ]
    }
}

/// Text of a user or of a client for the body of a mail: at most 100 characters, without control
/// characters and other [deceptive](is_deceptive) ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String")]
pub struct MailText(String);

/// The maximum number of characters of a [`MailText`].
const MAX_TEXT_LENGTH: usize = 100;

impl MailText {
    /// Shortens the text, and replaces its deceptive characters by spaces.
    pub fn new(text: &str) -> Self {
        let characters = text.chars().map(|c| if is_deceptive(c) { ' ' } else { c });
        Self(characters.take(MAX_TEXT_LENGTH).collect())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for MailText {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

/// The purpose of a secret that is sent by mail. A secret is accepted for its own purpose only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SecretPurpose {
    /// Creates the account of a registration.
    VerifyRegistration,
    /// Verifies the address of an account.
    VerifyEmail,
    /// Confirms the new address of an account.
    ConfirmNewEmail,
    /// Resets a password.
    ResetPassword,
    /// Registers an account.
    Invitation,
    /// Disavows the action that an alert tells of.
    Disavow,
    /// Disavows another list of networks, and removes it.
    DisavowNetworks,
    /// Completes a sign-in. A person types it: it is a code and no link.
    SignInCode,
}

impl SecretPurpose {
    /// All purposes.
    pub const ALL: [Self; 8] = [
        Self::VerifyRegistration,
        Self::VerifyEmail,
        Self::ConfirmNewEmail,
        Self::ResetPassword,
        Self::Invitation,
        Self::Disavow,
        Self::DisavowNetworks,
        Self::SignInCode,
    ];

    /// The stable word, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyRegistration => "verify_registration",
            Self::VerifyEmail => "verify_email",
            Self::ConfirmNewEmail => "confirm_new_email",
            Self::ResetPassword => "reset_password",
            Self::Invitation => "invitation",
            Self::Disavow => "disavow",
            Self::DisavowNetworks => "disavow_networks",
            Self::SignInCode => "sign_in_code",
        }
    }

    /// True if each message has a secret of its own.
    pub const fn is_of_message(self) -> bool {
        matches!(self, Self::Disavow | Self::DisavowNetworks | Self::SignInCode)
    }

    /// True if the mail shows a code that a person types, and no link.
    pub const fn is_code(self) -> bool {
        matches!(self, Self::SignInCode)
    }
}

impl fmt::Display for SecretPurpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SecretPurpose {
    type Err = UnknownPurpose;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text).ok_or(UnknownPurpose)
    }
}

/// The text is not the word of a purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not the purpose of a secret")]
pub struct UnknownPurpose;

/// The subject of a secret. One subject has at most one secret for each purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretSubject {
    /// An account.
    Account(AccountId),
    /// A registration that waits for its link.
    Registration(RegistrationId),
    /// A change of an address that waits for its link.
    EmailChange(EmailChangeId),
    /// An invitation.
    Invitation(InvitationId),
    /// An alert, or the mail with a code. Each has a secret of its own: a newer one, which may go to another
    /// address or belong to another sign-in, must not invalidate it.
    Message {
        /// The message.
        message: MessageId,
        /// The account.
        account: AccountId,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_stored_under_its_word_and_read_back() {
        for mail in Mail::samples() {
            let json = serde_json::to_value(&mail).unwrap();
            assert_eq!(json["kind"], mail.kind());
            assert_eq!(serde_json::from_value::<Mail>(json).unwrap(), mail);
        }
    }

    /// Tests of templates and of messages go through the samples: a kind without a sample has no test.
    #[test]
    fn every_kind_has_one_sample() {
        let unknown = serde_json::from_str::<Mail>(r#"{"kind":"unknown"}"#).unwrap_err();
        let message = unknown.to_string();
        // "unknown variant `unknown`, expected one of `test`, …": the error names all kinds.
        let mut kinds: Vec<_> = message.split('`').skip(3).step_by(2).collect();
        let samples = Mail::samples();
        let mut shown: Vec<_> = samples.iter().map(Mail::kind).collect();
        assert!(kinds.contains(&"test"), "{message}");
        kinds.sort_unstable();
        shown.sort_unstable();
        assert_eq!(kinds, shown);
    }

    #[test]
    fn stored_text_of_users_is_short_and_has_no_line_breaks() {
        let text = MailText::new(&format!("a\r\nBcc: eve@example.org\0{}", "x".repeat(1_000)));
        assert_eq!(text.as_str().chars().count(), MAX_TEXT_LENGTH);
        assert!(!text.as_str().contains(char::is_control));
        let read: MailText = serde_json::from_str(r#""a\nb""#).unwrap();
        assert_eq!(read.as_str(), "a b");
    }
}
