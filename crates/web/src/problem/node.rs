//! Errors of the database and of the node.

use portcullis_flows::StoreError;
use portcullis_flows::node::ban::BanError;
use portcullis_flows::node::health::HealthError;
use portcullis_flows::node::outbox::ResendError;
use portcullis_flows::node::signing_key::{RetirementError, RotationError};

use super::sparse::ThrottledLog;
use super::{Code, Problem};

/// An outage fails every request, so these log lines are throttled.
static STORAGE_FAILURES: ThrottledLog = ThrottledLog::new();

impl From<HealthError> for Problem {
    fn from(error: HealthError) -> Self {
        match error {
            HealthError::Unreachable(_) => Self::unavailable(),
            HealthError::Unwritable(_) => {
                Self::unavailable().detail("The database takes no writes.")
            }
        }
    }
}

impl From<BanError> for Problem {
    fn from(error: BanError) -> Self {
        match error {
            BanError::Exempt(_) | BanError::OwnAddress(_) => Self::new(Code::UnbannableAddress)
                .detail(format!("{error}. The server never bans such an address.")),
            BanError::NotBanned(_) => Self::new(Code::NotBanned),
            BanError::Store(error) => error.into(),
            _ => Self::new(Code::Internal),
        }
    }
}

impl From<ResendError> for Problem {
    fn from(error: ResendError) -> Self {
        match error {
            ResendError::Unknown => Self::new(Code::NotFound),
            ResendError::Over => Self::new(Code::MailOver),
            ResendError::Store(error) => error.into(),
            _ => Self::new(Code::Internal),
        }
    }
}

impl From<RotationError> for Problem {
    fn from(error: RotationError) -> Self {
        match error {
            RotationError::TooMany => Self::new(Code::TooManyKeys),
            RotationError::Store(error) => error.into(),
        }
    }
}

impl From<RetirementError> for Problem {
    fn from(error: RetirementError) -> Self {
        match error {
            RetirementError::Unknown => Self::new(Code::NotFound),
            RetirementError::Signing => Self::new(Code::KeySigns),
            RetirementError::Retired => Self::new(Code::KeyRetired),
            RetirementError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => {
                if let Some(more) = STORAGE_FAILURES.turn() {
                    tracing::error!(%error, more, "storage failed");
                }
                Self::unavailable()
            }
            StoreError::OutcomeUnknown(_) => {
                if let Some(more) = STORAGE_FAILURES.turn() {
                    tracing::error!(%error, more, "storage failed");
                }
                Self::outcome_unknown()
            }
            StoreError::Corrupt { .. } => {
                tracing::error!(%error, "storage failed");
                Self::new(Code::Internal)
            }
        }
    }
}
