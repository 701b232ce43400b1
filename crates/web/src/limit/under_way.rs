//! Requests under way: the maximum of a node and of a client address, by priority.
//!
//! A request is under way from the choice of its route until its handler returns the response. It is
//! not while it waits for its body, and a body that is streamed to the client counts no more. When
//! the node has too many, it refuses with 503 those of low priority first. Within each priority an
//! address gets no more places than it leaves free, so a flood from some addresses does not take the
//! last place of the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use portcullis_rate_limit::AddressPrefix;

use super::fair_semaphore::{Bounds, FairPermit, FairSemaphore};
use crate::pending::{Pending, PendingBounds, PendingPermit};
use crate::problem::Problem;
use crate::request::RequestContext;
use crate::settings::RequestBounds;

/// The priority of a route while the node has too many requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Refused first, at half of the maximum: work that can wait.
    Low,
    /// Refused at four fifths of the maximum.
    #[default]
    Normal,
    /// Refused last: checks of tokens and permissions, and the end of sessions.
    High,
}

impl Priority {
    /// All priorities.
    pub const ALL: [Self; 3] = [Self::Low, Self::Normal, Self::High];

    /// The name, as a label of a metric.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }

    /// The part of the maximum that routes of this priority may use.
    const fn share_of(self, total: usize) -> usize {
        match self {
            Self::Low => total.div_ceil(2),
            Self::Normal => total - total / 5,
            Self::High => total,
        }
    }
}

/// The refused requests, by priority.
#[derive(Debug, Default)]
struct Refused {
    low: AtomicU64,
    normal: AtomicU64,
    high: AtomicU64,
}

impl Refused {
    const fn of(&self, priority: Priority) -> &AtomicU64 {
        match priority {
            Priority::Low => &self.low,
            Priority::Normal => &self.normal,
            Priority::High => &self.high,
        }
    }
}

/// The requests under way on this node.
#[derive(Debug)]
pub(crate) struct RequestsUnderWay {
    bounds: RequestBounds,
    semaphore: Arc<FairSemaphore<AddressPrefix>>,
    awaited: Arc<Pending>,
    refused: Refused,
}

impl RequestsUnderWay {
    pub(super) fn new(bounds: RequestBounds) -> Self {
        let (semaphore, awaited) = (FairSemaphore::new(), Arc::default());
        Self { bounds, semaphore, awaited, refused: Refused::default() }
    }

    /// Counts a request until the permit is dropped, or refuses it.
    pub(super) fn enter(
        &self,
        context: &RequestContext,
        priority: Priority,
    ) -> Result<FairPermit<AddressPrefix>, Problem> {
        let RequestBounds { total, per_address } = self.bounds;
        let bounds = Bounds { total: priority.share_of(total), per_caller: per_address };
        let caller =
            (!context.owner.stands_for_many()).then(|| AddressPrefix::new(context.address));
        self.semaphore.enter(caller, 1, bounds).ok_or_else(|| {
            self.refused.of(priority).fetch_add(1, Ordering::Relaxed);
            Problem::busy().detail("The server has too many requests under way.")
        })
    }

    /// Counts a request that waits for its body, until the permit is dropped. It may end an older one.
    pub(super) fn await_body(&self, context: &RequestContext) -> PendingPermit {
        let RequestBounds { total, per_address } = self.bounds;
        let per_client = if context.owner.stands_for_many() { usize::MAX } else { per_address };
        let address = AddressPrefix::new(context.address);
        self.awaited.begin(Some(address), PendingBounds { total, per_client })
    }

    /// The requests that wait for their bodies.
    pub(super) fn awaited(&self) -> &Pending {
        &self.awaited
    }

    /// The present number.
    pub(super) fn count(&self) -> usize {
        self.semaphore.total()
    }

    /// The refused requests so far, by priority.
    pub(super) fn refused(&self) -> impl Iterator<Item = (Priority, u64)> + '_ {
        let count = |priority| (priority, self.refused.of(priority).load(Ordering::Relaxed));
        Priority::ALL.into_iter().map(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_higher_priority_has_places_that_a_lower_one_cannot_take() {
        for total in [1, 2, 3, 5, 10, 2_000] {
            let shares = Priority::ALL.map(|priority| priority.share_of(total));
            assert!(shares.is_sorted() && shares[0] > 0 && shares[2] == total, "{total}");
        }
        assert_eq!(Priority::ALL.map(|priority| priority.share_of(10)), [5, 8, 10]);
    }
}
