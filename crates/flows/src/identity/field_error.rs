//! Faults of single fields in requests for accounts and for new passwords, with their stable codes.

use portcullis_domain::{EmailError, TextError, UsernameError};
use portcullis_password::Violation;

/// A fault of one field of a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// The user name is malformed.
    #[error("the user name {0}")]
    Username(#[from] UsernameError),
    /// The user name is reserved, or looks like one that is.
    #[error("this user name is reserved; choose another")]
    UsernameReserved,
    /// The user name is offensive.
    #[error("this user name is not acceptable; choose another")]
    UsernameOffensive,
    /// The email address is malformed.
    #[error("the email {0}")]
    Email(#[from] EmailError),
    /// The email address is missing.
    #[error("the email is required without an invitation")]
    EmailMissing,
    /// The email address is the present one.
    #[error("the email must differ from the present one")]
    EmailUnchanged,
    /// The email address is not that of the invitation.
    #[error("the email is not that of the invitation; leave it out")]
    EmailNotInvited,
    /// The display name is malformed.
    #[error("the display name {0}")]
    DisplayName(TextError),
    /// The display name is offensive.
    #[error("this display name is not acceptable; choose another")]
    DisplayNameOffensive,
    /// The password breaks a rule.
    #[error("the password {0}")]
    Password(Violation),
    /// The new password is the current one.
    #[error("the new password must differ from the current one")]
    PasswordUnchanged,
}

impl FieldError {
    /// The field of the request.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Username(_) | Self::UsernameReserved | Self::UsernameOffensive => "username",
            Self::Email(_) | Self::EmailMissing | Self::EmailUnchanged | Self::EmailNotInvited => {
                "email"
            }
            Self::DisplayName(_) | Self::DisplayNameOffensive => "display_name",
            Self::Password(_) | Self::PasswordUnchanged => "password",
        }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Username(error) => error.code(),
            Self::Email(error) => error.code(),
            Self::DisplayName(error) => error.code(),
            Self::EmailMissing => "required",
            Self::EmailNotInvited => "not_invited",
            Self::UsernameReserved => "reserved",
            Self::UsernameOffensive | Self::DisplayNameOffensive => "offensive",
            Self::Password(violation) => violation.code(),
            Self::PasswordUnchanged | Self::EmailUnchanged => "unchanged",
        }
    }
}
