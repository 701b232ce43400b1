//! `Overview`: the numbers that an operator looks at first.

use std::sync::Arc;

use super::outbox::{OutboxState, OutboxStore};
use crate::StoreError;

/// The port of the overview.
pub trait OverviewStore: Send + Sync {
    /// Counts what there is now. Each number ends at `most`, so that the count takes as long in a large
    /// database as in a small one.
    fn count_present(&self, most: u32) -> Result<PresentCounts, StoreError>;
}

/// What there is now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PresentCounts {
    /// Accounts that can sign in.
    pub active_accounts: u64,
    /// Sessions that have not ended.
    pub sessions: u64,
    /// Lockouts of accounts: for strangers, for known devices or for second factors.
    pub lockouts: u64,
}

/// Reads the overview. It names no account, so no reading is recorded.
pub struct Overview {
    counts: Arc<dyn OverviewStore>,
    outbox: Arc<dyn OutboxStore>,
}

impl Overview {
    /// Every number ends here.
    pub const MOST: u32 = 10_000;

    /// Creates the use case from its dependencies.
    pub fn new(counts: Arc<dyn OverviewStore>, outbox: Arc<dyn OutboxStore>) -> Self {
        Self { counts, outbox }
    }

    /// Counts accounts, sessions and lockouts.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn count(&self) -> Result<PresentCounts, StoreError> {
        self.counts.count_present(Self::MOST)
    }

    /// The state of the outbox.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn outbox(&self) -> Result<OutboxState, StoreError> {
        self.outbox.outbox_state()
    }
}
