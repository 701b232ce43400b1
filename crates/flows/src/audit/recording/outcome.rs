//! The outcomes of recording, as callers and operators learn them.

use std::fmt;

use portcullis_audit::DecisionId;

/// The decision was not recorded in time, and must not be acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRecorded {
    /// The queue, or the caller's share of it, is full.
    #[error("there is no room for the decision in the recording queue")]
    NoRoom,
    /// The database did not take it in time.
    #[error("the decision was not recorded in time")]
    TimedOut,
    /// The server is closing.
    #[error("the decision cannot be recorded because the server is closing")]
    Closing,
}

/// Decisions that were answered and could not be recorded before the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unrecorded {
    /// How many.
    pub decisions: u64,
    /// The first of them.
    pub first: DecisionId,
    /// The last of them.
    pub last: DecisionId,
}

impl fmt::Display for Unrecorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { decisions, first, last } = self;
        write!(f, "{decisions} answered decisions from {first} to {last}")
    }
}

/// Hears once how the recording of a request ended: the id of its first decision; the others follow.
pub type Notify = Box<dyn FnOnce(Result<DecisionId, NotRecorded>) + Send>;
