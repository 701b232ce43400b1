//! The error inside this crate, and its conversion into `StoreError`, the error of the ports.

use portcullis_flows::StoreError;
use portcullis_flows::node::backup::BackupError;
use portcullis_flows::node::deadline::DeadlineExceeded;

/// An error inside storage, before it becomes the `StoreError` of the ports.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
    #[error(transparent)]
    Pool(#[from] r2d2::Error),
    #[error("a migration failed and was rolled back: {0}")]
    Migration(String),
    #[error("table {table}, column {column}")]
    Corrupt { table: &'static str, column: &'static str },
    #[error(transparent)]
    DeadlineExceeded(#[from] DeadlineExceeded),
    #[error("{0}")]
    Unconfirmed(diesel::result::Error),
    #[error(transparent)]
    File(#[from] std::io::Error),
    #[error("the content of the backup is not valid: {0}")]
    Backup(String),
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Corrupt { table, column } => Self::Corrupt { table, column },
            Failure::Unconfirmed(error) => Self::OutcomeUnknown(error.to_string()),
            Failure::Query(_)
            | Failure::Pool(_)
            | Failure::Migration(_)
            | Failure::File(_)
            | Failure::Backup(_)
            | Failure::DeadlineExceeded(_) => Self::Unavailable(failure.to_string()),
        }
    }
}

impl From<Failure> for BackupError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::File(error) => Self::File(error),
            Failure::Backup(fault) => Self::Invalid(fault),
            other => Self::Store(other.into()),
        }
    }
}
