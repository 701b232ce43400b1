//! Errors of accounts: registration, verification of addresses, invitations, setup, changes, passwords.

use std::borrow::Cow;

use portcullis_flows::identity::account_change::{ChangeError, Refusal};
use portcullis_flows::identity::account_deletion::DeletionError;
use portcullis_flows::identity::account_request::{FieldError, RegistrationError};
use portcullis_flows::identity::bootstrap::SetupError;
use portcullis_flows::identity::disavowal::DisavowalError;
use portcullis_flows::identity::email_change::{EmailChangeError, EmailConfirmationError};
use portcullis_flows::identity::email_verification::VerificationError;
use portcullis_flows::identity::invitation::{AcceptanceError, InvitationError};
use portcullis_flows::identity::network_allowlist::AllowlistError;
use portcullis_flows::identity::password_change::PasswordChangeError;
use portcullis_flows::identity::password_removal::PasswordRemovalError;
use portcullis_flows::identity::password_reset::PasswordResetError;
use portcullis_flows::identity::profile::ProfileError;

use super::{Code, FieldProblem, Problem};

impl From<RegistrationError> for Problem {
    fn from(error: RegistrationError) -> Self {
        match error {
            RegistrationError::Closed => Self::new(Code::RegistrationClosed),
            RegistrationError::AdministratorsOnly => Self::new(Code::AdministratorsOnly),
            RegistrationError::InvitationRequired => Self::new(Code::InvitationRequired),
            RegistrationError::Invalid(faults) => {
                Self::new(Code::UnacceptableAccount).fields(faults)
            }
            RegistrationError::PasswordTooLong => Self::new(Code::PasswordTooLong),
            RegistrationError::UsernameTaken => Self::new(Code::UsernameTaken),
            RegistrationError::EmailTaken => Self::new(Code::EmailTaken),
            // Nothing was done, and in a moment this node will have the new matrix.
            RegistrationError::Superseded => Self::unavailable(),
            RegistrationError::Hashing(error) => error.into(),
            RegistrationError::Store(error) => error.into(),
        }
    }
}

impl From<VerificationError> for Problem {
    fn from(error: VerificationError) -> Self {
        match error {
            VerificationError::InvalidLink => Self::new(Code::InvalidLink),
            VerificationError::Account(error) => error.into(),
            VerificationError::Store(error) => error.into(),
        }
    }
}

impl From<EmailChangeError> for Problem {
    fn from(error: EmailChangeError) -> Self {
        match error {
            EmailChangeError::Reauthentication(error) => error.into(),
            EmailChangeError::SessionEnded => Self::new(Code::InvalidToken),
            EmailChangeError::Invalid(fault) => {
                Self::new(Code::UnacceptableAccount).fields(vec![fault])
            }
            EmailChangeError::Store(error) => error.into(),
        }
    }
}

impl From<EmailConfirmationError> for Problem {
    fn from(error: EmailConfirmationError) -> Self {
        match error {
            EmailConfirmationError::InvalidLink => Self::new(Code::InvalidLink),
            EmailConfirmationError::EmailTaken => Self::new(Code::EmailTaken),
            EmailConfirmationError::Store(error) => error.into(),
        }
    }
}

impl From<InvitationError> for Problem {
    fn from(error: InvitationError) -> Self {
        match error {
            InvitationError::Account(error) => error.into(),
            InvitationError::UnknownRole(roles) => unknown_role(&roles),
            InvitationError::Refused(refusal) => refusal.into(),
            InvitationError::Unknown => Self::new(Code::NotFound),
            InvitationError::Store(error) => error.into(),
        }
    }
}

impl From<AcceptanceError> for Problem {
    fn from(error: AcceptanceError) -> Self {
        match error {
            AcceptanceError::InvalidInvitation => Self::new(Code::InvalidInvitation),
            AcceptanceError::Account(error) => error.into(),
            AcceptanceError::Store(error) => error.into(),
        }
    }
}

impl From<PasswordChangeError> for Problem {
    fn from(error: PasswordChangeError) -> Self {
        match error {
            PasswordChangeError::WrongPassword => Self::new(Code::WrongPassword),
            PasswordChangeError::SessionEnded => Self::new(Code::InvalidToken),
            PasswordChangeError::Invalid(faults) => unacceptable_new_password(faults),
            PasswordChangeError::PasswordTooLong => Self::new(Code::PasswordTooLong),
            PasswordChangeError::Hashing(error) => error.into(),
            PasswordChangeError::Store(error) => error.into(),
        }
    }
}

impl From<ProfileError> for Problem {
    fn from(error: ProfileError) -> Self {
        match error {
            ProfileError::Invalid(fault) => {
                Self::new(Code::UnacceptableAccount).fields(vec![fault])
            }
            ProfileError::NotEntitled => Self::new(Code::InvalidToken),
            ProfileError::Store(error) => error.into(),
        }
    }
}

impl From<DisavowalError> for Problem {
    fn from(error: DisavowalError) -> Self {
        match error {
            DisavowalError::InvalidLink => Self::new(Code::InvalidLink),
            DisavowalError::Store(error) => error.into(),
        }
    }
}

impl From<PasswordResetError> for Problem {
    fn from(error: PasswordResetError) -> Self {
        match error {
            PasswordResetError::InvalidLink => Self::new(Code::InvalidLink),
            PasswordResetError::Invalid(faults) => unacceptable_new_password(faults),
            PasswordResetError::PasswordTooLong => Self::new(Code::PasswordTooLong),
            PasswordResetError::Hashing(error) => error.into(),
            PasswordResetError::Store(error) => error.into(),
        }
    }
}

fn unacceptable_new_password(faults: Vec<FieldError>) -> Problem {
    let mut problem = Problem::new(Code::UnacceptablePassword).fields(faults);
    for fault in &mut problem.fields {
        "new_password".clone_into(&mut fault.field);
    }
    problem
}

impl From<DeletionError> for Problem {
    fn from(error: DeletionError) -> Self {
        match error {
            DeletionError::NotAllowed => Self::new(Code::DeletionNotAllowed),
            DeletionError::Reauthentication(error) => error.into(),
            // Another request has deleted it.
            DeletionError::Change(ChangeError::Unknown) => Self::new(Code::InvalidToken),
            DeletionError::Change(error) => error.into(),
            DeletionError::Store(error) => error.into(),
        }
    }
}

impl From<SetupError> for Problem {
    fn from(error: SetupError) -> Self {
        match error {
            SetupError::InvalidToken => Self::new(Code::InvalidSetupToken),
            SetupError::Account(error) => error.into(),
            SetupError::Store(error) => error.into(),
        }
    }
}

impl From<AllowlistError> for Problem {
    fn from(error: AllowlistError) -> Self {
        match error {
            AllowlistError::ExcludesClient(address) => {
                let detail = format!("The address of this request, {address}, is not in the list.");
                Self::new(Code::AllowlistExcludesClient).detail(detail)
            }
            AllowlistError::Reauthentication(error) => error.into(),
            AllowlistError::Change(ChangeError::Unknown) => Self::new(Code::InvalidToken),
            AllowlistError::Change(error) => error.into(),
        }
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Unknown => Self::new(Code::NotFound),
            ChangeError::UnknownRole(roles) => unknown_role(&roles),
            ChangeError::Refused(refusal) => refusal.into(),
            ChangeError::Superseded => Self::new(Code::MatrixSuperseded),
            ChangeError::Store(error) => error.into(),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::new(match refusal {
            Refusal::NoPassword => {
                let field = "password_must_change".to_owned();
                let message = "the account has no password";
                return Self::invalid(vec![FieldProblem::new(field, "no_password", message)]);
            }
            Refusal::CallerChanged => Code::InvalidToken,
            Refusal::LastAdministrator => Code::LastAdministrator,
            Refusal::OwnAccount => Code::OwnAccount,
            Refusal::AboveOwnRole => Code::AboveOwnRole,
            Refusal::ServiceAccount => Code::Forbidden,
            Refusal::NotProven(_) => Code::WrongPassword,
            Refusal::RoleJustChanged => Code::RoleJustChanged,
        })
    }
}

fn unknown_role(roles: &[String]) -> Problem {
    let message = format!("choose one of {}", roles.join(", "));
    Problem::invalid(vec![FieldProblem::new("role".to_owned(), "unknown_role", message)])
}

impl From<FieldError> for FieldProblem {
    fn from(error: FieldError) -> Self {
        Self {
            field: error.field().to_owned(),
            line: None,
            code: Cow::Borrowed(error.code()),
            message: Cow::Owned(error.to_string()),
        }
    }
}

impl From<PasswordRemovalError> for Problem {
    fn from(error: PasswordRemovalError) -> Self {
        match error {
            PasswordRemovalError::Reauthentication(error) => error.into(),
            PasswordRemovalError::NoPasskey => Self::new(Code::NoPasskeyAlone),
            PasswordRemovalError::Store(error) => error.into(),
        }
    }
}
