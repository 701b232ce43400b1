//! Errors of requests by services and programs: expired cursors of the revocation feed, API keys.

use portcullis_flows::machine::api_key::{ApiKeyError, ApiKeyRefusal};
use portcullis_flows::node::revocation::PageError;

use super::{Code, FieldProblem, Problem};

impl From<PageError> for Problem {
    fn from(error: PageError) -> Self {
        match error {
            PageError::Expired => Self::new(Code::CursorExpired),
            PageError::Store(error) => error.into(),
        }
    }
}

impl From<ApiKeyRefusal> for Problem {
    fn from(refusal: ApiKeyRefusal) -> Self {
        Self::new(match refusal {
            ApiKeyRefusal::Unknown => Code::InvalidApiKey,
            ApiKeyRefusal::Expired => Code::ApiKeyExpired,
            ApiKeyRefusal::OwnerInactive => Code::ApiKeyOwnerInactive,
            ApiKeyRefusal::OutsideNetworks => Code::OutsideNetworks,
        })
    }
}

impl From<ApiKeyError> for Problem {
    fn from(error: ApiKeyError) -> Self {
        let fault = |field: &str, code, message| {
            Self::invalid(vec![FieldProblem::new(field.to_owned(), code, message)])
        };
        match error {
            ApiKeyError::WrongKind => Self::new(Code::NoApiKeys),
            ApiKeyError::BeyondRole(item) => {
                let message =
                    format!("leave out {item}, which the role of the account does not give");
                fault("scope", "beyond_role", message)
            }
            ApiKeyError::Lifetime => {
                fault("days", "out_of_range", "use a number from 1 to 365".to_owned())
            }
            ApiKeyError::Overlap => {
                fault("overlap_hours", "out_of_range", "use a number from 0 to 720".to_owned())
            }
            ApiKeyError::TooMany => Self::new(Code::TooManyApiKeys),
            ApiKeyError::Unknown => Self::new(Code::NotFound),
            ApiKeyError::Replaced => Self::new(Code::ApiKeyReplaced),
            ApiKeyError::NotEntitled => Self::new(Code::InvalidToken),
            ApiKeyError::Reauthentication(error) => error.into(),
            ApiKeyError::Store(error) => error.into(),
        }
    }
}
