//! The error of a skipped line, with its remedy. It never contains the hash.

use std::fmt;

use portcullis_flows::identity::account_request::FieldError;
use portcullis_flows::identity::provisioning::RowError;
use portcullis_password::HashError;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::lines::LineError;

/// A line that was skipped for an error.
#[derive(Debug)]
pub(super) struct SkippedLine {
    /// Counts from 1, the header included.
    pub(super) number: u64,
    pub(super) problem: RowProblem,
}

/// The error of a line.
#[derive(Debug, thiserror::Error)]
pub(super) enum RowProblem {
    #[error(transparent)]
    Line(LineError),
    #[error("the line does not have {expected} fields")]
    FieldCount { expected: usize },
    #[error("the access matrix has no such role")]
    UnknownRole,
    #[error(transparent)]
    Row(#[from] RowError),
    #[error("the user name is taken, by an account of this or a similar-looking name")]
    UsernameTaken,
    #[error("the email is taken by another account")]
    EmailTaken,
    #[error("another version of the access matrix has come into force during the import")]
    MatrixSuperseded,
    #[error("an earlier line of this file has the same account")]
    Repeated,
}

impl RowProblem {
    const fn remedy(&self) -> &'static str {
        match self {
            Self::Line(LineError::TooLong | LineError::OpenQuote) => {
                "write one account on a line and close each quotation mark"
            }
            Self::Line(LineError::NotUtf8) => "save the file in UTF-8",
            Self::FieldCount { .. } => {
                "write one field for each column; quote fields that hold a comma"
            }
            Self::UnknownRole => "choose a role of the access matrix, or clear the field",
            Self::Row(RowError::Field(FieldError::Email(_))) => "change the email on this line",
            Self::Row(RowError::Field(FieldError::DisplayName(_))) => {
                "change the display name on this line, or clear the field"
            }
            Self::Row(RowError::Field(_)) | Self::UsernameTaken => {
                "change the user name on this line"
            }
            Self::Row(RowError::Hash(HashError::Malformed)) => "export the whole hash again",
            Self::Row(RowError::Pepper) => {
                "set passwords.pepper_previous to the pepper of these hashes, or remove the line and \
                 create the account with a new password by `user create`"
            }
            Self::Row(RowError::BcryptCost { .. }) => {
                "raise passwords.max_bcrypt_cost if the machine is fast enough, or remove the line and \
                 create the account with a new password by `user create`"
            }
            Self::Row(RowError::Hash(_)) => {
                "remove the line and create the account with a new password by `user create`"
            }
            Self::EmailTaken => "change the email on this line, or remove the line",
            Self::MatrixSuperseded => {
                "run the same command again: it skips accounts that are stored already"
            }
            Self::Repeated => "remove the line",
        }
    }
}

impl fmt::Display for SkippedLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}: {}", self.number, self.problem, self.problem.remedy())
    }
}

impl Serialize for SkippedLine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut line = serializer.serialize_struct("BadLine", 3)?;
        line.serialize_field("line", &self.number)?;
        line.serialize_field("problem", &self.problem.to_string())?;
        line.serialize_field("remedy", self.problem.remedy())?;
        line.end()
    }
}
