//! Errors of the audit log.

use portcullis_flows::audit::trail::TrailError;

use super::{Code, Problem};

impl From<TrailError> for Problem {
    fn from(error: TrailError) -> Self {
        match error {
            TrailError::Damaged(error) => {
                tracing::error!(%error, "the audit trail is damaged; `audit verify` says where");
                Self::new(Code::Internal)
            }
            TrailError::TooLarge { from, until, bytes } => {
                let detail = format!(
                    "Search before {from} and after {until}: of that time is a block of {bytes} bytes."
                );
                Self::new(Code::BlockTooLarge).detail(detail)
            }
            TrailError::Store(error) => error.into(),
        }
    }
}
