//! Why a line was left out, and how to mend it. Never with the hash.

use std::fmt;

use portcullis_flows::identity::account_request::FieldError;
use portcullis_flows::identity::provisioning::RowError;
use portcullis_password::HashError;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::lines::LineError;

/// A line that was left out.
#[derive(Debug)]
pub(super) struct BadLine {
    /// Counts from 1, the header included.
    pub(super) number: u64,
    pub(super) problem: RowProblem,
}

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
pub(super) enum RowProblem {
    #[error(transparent)]
    Line(LineError),
    #[error("the line does not have {expected} fields")]
    FieldCount { expected: usize },
    #[error("the role is not known")]
    UnknownRole,
    #[error(transparent)]
    Row(#[from] RowError),
    #[error("the user name is taken, by an account of this or a similar-looking name")]
    UsernameTaken,
    #[error("the email is taken by another account")]
    EmailTaken,
    #[error("another version of the access matrix has come into force during the import")]
    MatrixSuperseded,
    #[error("the account stands in this file already")]
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
            Self::UnknownRole => "choose a role of the access matrix, or leave the field empty",
            Self::Row(RowError::Field(FieldError::Email(_))) => "change the email on this line",
            Self::Row(RowError::Field(FieldError::DisplayName(_))) => {
                "change the display name on this line, or leave it empty"
            }
            Self::Row(RowError::Field(_)) | Self::UsernameTaken => {
                "change the user name on this line"
            }
            Self::Row(RowError::Hash(HashError::Malformed)) => "export the whole hash again",
            Self::Row(RowError::BcryptCost { .. }) => {
                "raise passwords.max_bcrypt_cost if the machine can afford it, or leave the account \
                 out, and give its owner a new password by `user create`"
            }
            Self::Row(RowError::Hash(_)) => {
                "leave the account out, and give its owner a new password by `user create`"
            }
            Self::EmailTaken => "change the email on this line, or remove the line",
            Self::MatrixSuperseded => "run the same command again: what is stored is skipped",
            Self::Repeated => "remove the line",
        }
    }
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}: {}", self.number, self.problem, self.problem.remedy())
    }
}

impl Serialize for BadLine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut line = serializer.serialize_struct("BadLine", 3)?;
        line.serialize_field("line", &self.number)?;
        line.serialize_field("problem", &self.problem.to_string())?;
        line.serialize_field("remedy", self.problem.remedy())?;
        line.end()
    }
}
