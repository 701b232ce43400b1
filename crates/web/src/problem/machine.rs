//! Errors of requests by services: expired cursors of the revocation feed.

use portcullis_flows::node::revocation::PageError;

use super::{Code, Problem};

impl From<PageError> for Problem {
    fn from(error: PageError) -> Self {
        match error {
            PageError::Expired => Self::new(Code::CursorExpired),
            PageError::Store(error) => error.into(),
        }
    }
}
