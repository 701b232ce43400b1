//! Errors of the audit log.

use portcullis_flows::audit::trail::AuditLogError;

use super::{Code, Problem};

impl From<AuditLogError> for Problem {
    fn from(error: AuditLogError) -> Self {
        match error {
            AuditLogError::Damaged(error) => {
                tracing::error!(%error, "the audit log is damaged; `audit verify` says where");
                Self::new(Code::Internal)
            }
            AuditLogError::TooLarge { from, until, bytes } => {
                let detail = format!(
                    "Search before {from} and after {until}: of that time is a block of {bytes} bytes."
                );
                Self::new(Code::BlockTooLarge).detail(detail)
            }
            AuditLogError::Store(error) => error.into(),
        }
    }
}
