//! Outcomes of recording, for callers and operators.

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

/// Answered decisions that could not be recorded before the shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostDecisions {
    /// The number of decisions.
    pub decisions: u64,
    /// The first decision.
    pub first: DecisionId,
    /// The last decision.
    pub last: DecisionId,
}

impl fmt::Display for LostDecisions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { decisions, first, last } = self;
        write!(f, "{decisions} answered decisions from {first} to {last}")
    }
}

/// Called once with the result of recording a request: the id of its first decision; the others
/// follow.
pub type Notify = Box<dyn FnOnce(Result<DecisionId, NotRecorded>) + Send>;
