//! Errors of what services ask.

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
