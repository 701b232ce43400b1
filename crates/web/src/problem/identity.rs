//! Errors of accounts: registration, setup, changes, passwords.

use std::borrow::Cow;

use portcullis_flows::identity::account_change::{ChangeError, Refusal};
use portcullis_flows::identity::account_deletion::DeletionError;
use portcullis_flows::identity::account_request::{FieldError, RegistrationError};
use portcullis_flows::identity::bootstrap::SetupError;
use portcullis_flows::identity::disavowal::DisavowalError;
use portcullis_flows::identity::password_change::PasswordChangeError;
use portcullis_flows::identity::password_reset::PasswordResetError;
use portcullis_flows::identity::profile::ProfileError;

use super::{Code, FieldProblem, Problem};

impl From<RegistrationError> for Problem {
    fn from(error: RegistrationError) -> Self {
        match error {
            RegistrationError::NotOpen => Self::new(Code::RegistrationClosed),
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
            DeletionError::WrongPassword => Self::new(Code::WrongPassword),
            DeletionError::PasswordTooLong => Self::new(Code::PasswordTooLong),
            DeletionError::Change(error) => error.into(),
            DeletionError::Hashing(error) => error.into(),
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

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Unknown => Self::new(Code::NotFound),
            ChangeError::UnknownRole(roles) => {
                let message = format!("choose one of {}", roles.join(", "));
                Self::invalid(vec![FieldProblem::new("role".to_owned(), "unknown_role", message)])
            }
            ChangeError::Refused(Refusal::CallerChanged) => Self::new(Code::InvalidToken),
            ChangeError::Refused(Refusal::LastAdministrator) => Self::new(Code::LastAdministrator),
            ChangeError::Refused(Refusal::OwnAccount) => Self::new(Code::OwnAccount),
            ChangeError::Refused(Refusal::AboveOwnRole) => Self::new(Code::AboveOwnRole),
            ChangeError::Refused(Refusal::NotProven(_)) => Self::new(Code::WrongPassword),
            ChangeError::Refused(Refusal::RoleJustChanged) => Self::new(Code::RoleJustChanged),
            ChangeError::Superseded => Self::new(Code::MatrixSuperseded),
            ChangeError::Store(error) => error.into(),
        }
    }
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
