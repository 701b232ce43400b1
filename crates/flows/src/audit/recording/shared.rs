//! The state that callers and the writer share, behind one lock.

use std::sync::Arc;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_audit::{ChainId, DecisionId};
use portcullis_domain::Clock;

use super::outcome::LostDecisions;
use super::policy::RecordingPolicy;
use super::queue::Queue;

/// The shared state.
pub(super) struct Shared {
    pub(super) chain: ChainId,
    pub(super) policy: RecordingPolicy,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) state: Mutex<State>,
    /// Signalled when there is something to write.
    pub(super) wanted: Condvar,
    /// Signalled when the writer has ended.
    pub(super) ended: Condvar,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) queue: Queue,
    /// The arrival time of the oldest decision that the writer has taken.
    pub(super) writing_since: Option<Duration>,
    /// Answered decisions that the writer has taken.
    pub(super) writing_answered: u64,
    /// The ordinal of the last decision that is stored.
    pub(super) written: u64,
    /// The time at which it was stored.
    pub(super) last_write: Duration,
    pub(super) failures: u64,
    pub(super) quarantined: u64,
    pub(super) refused: u64,
    /// The deadline of the writer; set once the server is closing.
    pub(super) closing: Option<Duration>,
    pub(super) is_closed: bool,
    pub(super) has_ended: bool,
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn unrecorded(&self, state: &State) -> Option<LostDecisions> {
        let decisions = state.writing_answered.saturating_add(state.queue.answered());
        let id = |ordinal| DecisionId { chain: self.chain, ordinal };
        let (first, last) = (id(state.written + 1), id(state.queue.last_answered()));
        (decisions > 0).then_some(LostDecisions { decisions, first, last })
    }
}

impl State {
    fn oldest(&self) -> Option<Duration> {
        self.writing_since.into_iter().chain(self.queue.oldest()).min()
    }

    pub(super) fn lag(&self, now: Duration) -> Duration {
        self.oldest().map_or(Duration::ZERO, |oldest| now.saturating_sub(oldest))
    }

    pub(super) fn stalled(&self, now: Duration) -> Duration {
        let since = self.oldest().map(|oldest| oldest.max(self.last_write));
        since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }
}
