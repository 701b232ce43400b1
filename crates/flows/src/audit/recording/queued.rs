//! One request in the recording queue, and the capacity that it takes.

use std::time::Duration;

use portcullis_domain::AccountId;

use super::outcome::Notify;
use crate::access::request_decisions::RequestDecisions;

/// A request in the queue.
pub(super) struct Queued {
    /// The decisions.
    pub(super) batch: Box<RequestDecisions>,
    /// Its arrival time on the monotonic clock.
    pub(super) since: Duration,
    /// Called with the result; `None` if the caller was answered.
    pub(super) notify: Option<Notify>,
    pub(super) size: QueueUsage,
    pub(super) text: usize,
}

/// An amount of the queue's capacity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct QueueUsage {
    /// The number of decisions.
    pub(super) decisions: usize,
    /// Their memory in bytes.
    pub(super) bytes: usize,
}

/// Identifies a waiting request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RequestKey {
    pub(super) caller: AccountId,
    pub(super) ticket: u64,
}

impl Queued {
    pub(super) fn new(
        batch: Box<RequestDecisions>,
        since: Duration,
        notify: Option<Notify>,
    ) -> Self {
        let (decisions, text) = (batch.decisions.len(), batch.text_bytes());
        let size = QueueUsage { decisions, bytes: batch.bytes_without_text().saturating_add(text) };
        Self { batch, since, notify, size, text }
    }

    pub(super) fn caller(&self) -> AccountId {
        self.batch.account
    }
}

impl QueueUsage {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            decisions: self.decisions.saturating_add(other.decisions),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self {
            decisions: self.decisions.saturating_sub(other.decisions),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }

    pub(super) fn times(self, factor: usize) -> Self {
        Self {
            decisions: self.decisions.saturating_mul(factor),
            bytes: self.bytes.saturating_mul(factor),
        }
    }

    pub(super) fn fits(self, room: Self) -> bool {
        self.decisions <= room.decisions && self.bytes <= room.bytes
    }
}
