//! Snapshot of all active revocations, read page by page so that memory stays bounded.

use std::fmt;
use std::sync::Arc;

use portcullis_token::RevocationEntry;

use super::feed::{FEED_PAGE, FeedState};
use super::store::RevocationStore;
use crate::StoreError;

/// All active entries, page by page.
pub struct Snapshot {
    store: Arc<dyn RevocationStore>,
    feed_state: FeedState,
    read_through: u64,
}

impl Snapshot {
    pub(super) fn new(store: Arc<dyn RevocationStore>, feed_state: FeedState) -> Self {
        Self { store, feed_state, read_through: 0 }
    }

    /// The position after the last page, and the time up to which the snapshot is complete.
    pub const fn feed_state(&self) -> FeedState {
        self.feed_state
    }

    fn next_page(&mut self) -> Result<Vec<RevocationEntry>, StoreError> {
        let first = self.read_through.saturating_add(1);
        let range = self.store.revocations_from(first, FEED_PAGE)?;
        let last = self.read_through.saturating_add(FEED_PAGE.into());
        self.read_through = last.max(range.purged_through);
        let entries = range.entries.into_iter();
        let wanted =
            entries.filter(|numbered| numbered.position <= self.feed_state.cursor.position());
        let needed = wanted.map(|numbered| numbered.entry);
        Ok(needed.filter(|entry| Some(entry.until) >= range.horizon).collect())
    }
}

impl Iterator for Snapshot {
    type Item = Result<Vec<RevocationEntry>, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.read_through < self.feed_state.cursor.position() {
            match self.next_page() {
                Ok(entries) if entries.is_empty() => {}
                page => return Some(page),
            }
        }
        None
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("feed_state", &self.feed_state).finish_non_exhaustive()
    }
}
