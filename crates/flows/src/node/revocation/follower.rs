//! The follower thread: reads the revocation feed into the revocation set of this node.

use std::collections::HashSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_domain::{Clock, Timestamp};
use portcullis_token::{RevocationEntry, RevocationSet};

use super::feed::{Cursor, FEED_PAGE, FeedEntry, FeedState, MAX_WAITING};
use super::listener::Listener;
use super::store::RevocationStore;
use crate::StoreError;

/// The state that requests and the follower share.
pub(super) struct Shared {
    state: Mutex<State>,
    wanted: Condvar,
}

struct State {
    heard: FeedReading,
    /// True if the feed must be read at once.
    is_wanted: bool,
    /// True if this node has revoked something since the last read.
    has_own: bool,
    closing: bool,
}

/// The result of a read, and the time of the query on the monotonic clock.
#[derive(Clone, Copy)]
pub(super) struct FeedReading {
    feed_state: FeedState,
    at: Duration,
}

impl Shared {
    pub(super) fn new(heard: FeedReading) -> Self {
        let state = State { heard, is_wanted: false, has_own: false, closing: false };
        Self { state: Mutex::new(state), wanted: Condvar::new() }
    }

    pub(super) fn wake(&self) {
        self.change(|state| state.is_wanted = true);
    }

    pub(super) fn publish(&self) {
        self.change(|state| {
            state.is_wanted = true;
            state.has_own = true;
        });
    }

    pub(super) fn close(&self) {
        self.change(|state| state.closing = true);
    }

    pub(super) fn feed_state(&self) -> FeedState {
        self.state().heard.feed_state
    }

    pub(super) fn heard_at(&self) -> Duration {
        self.state().heard.at
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.wanted.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the next read is due; `None` when the follower is stopped. Returns whether this
    /// node has revoked something.
    fn wait(&self, pause: Duration) -> Option<bool> {
        let waited = self
            .wanted
            .wait_timeout_while(self.state(), pause, |state| !state.is_wanted && !state.closing);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.is_wanted = false;
        (!state.closing).then(|| std::mem::take(&mut state.has_own))
    }

    fn note(&self, heard: FeedReading) {
        self.state().heard = heard;
    }
}

/// Reads the feed into the revocation set.
pub(super) struct Follower {
    store: Arc<dyn RevocationStore>,
    set: Arc<RevocationSet>,
    clock: Arc<dyn Clock>,
    cursor: Cursor,
}

impl Follower {
    pub(super) fn new(
        store: Arc<dyn RevocationStore>,
        set: Arc<RevocationSet>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, set, clock, cursor: Cursor::START }
    }

    /// Reads every `poll`, from the start of one read to the start of the next.
    pub(super) fn work(&mut self, shared: &Shared, poll: Duration, listener: &dyn Listener) {
        let mut is_failing = false;
        let mut pause = poll;
        while let Some(has_own) = shared.wait(pause) {
            let begun = self.clock.monotonic();
            if has_own {
                // The entry is committed, and other nodes do not wait for its number.
                listener.published();
            }
            match self.follow(has_own, listener) {
                Ok(heard) => {
                    shared.note(heard);
                    if is_failing {
                        tracing::info!("following revocations works again");
                    }
                    is_failing = false;
                }
                Err(error) => {
                    if !is_failing {
                        tracing::error!(%error, "following revocations fails");
                    }
                    is_failing = true;
                }
            }
            pause = poll.saturating_sub(self.clock.monotonic().saturating_sub(begun));
        }
    }

    /// Reads to the head of the feed, including entries without a number. With `numbering`, an
    /// entry is known to wait for a number, which saves a query.
    ///
    /// It ends when every entry that had no number at the first query has one: entries committed
    /// meanwhile are left to the next read, however many there are.
    pub(super) fn follow(
        &mut self,
        mut numbering: bool,
        listener: &dyn Listener,
    ) -> Result<FeedReading, StoreError> {
        let mut look: Option<FirstQuery> = None;
        loop {
            // Read before the query: all entries committed by then are in the result.
            let (as_of, at) = (self.clock.now(), self.clock.monotonic());
            let first = self.cursor.position();
            let range = if numbering {
                self.store.number_revocations(first, FEED_PAGE)?
            } else {
                self.store.revocations_from(first, FEED_PAGE)?
            };
            if let Some(horizon) = range.horizon {
                self.set.vouch_from(horizon);
            }
            if let Some(time) = range.issued_from {
                self.set.refuse_issued_before(time);
            }
            let is_needed = |entry: &RevocationEntry| Some(entry.until) >= range.horizon;
            self.set.revoke_all(range.waiting.iter().copied().filter(is_needed));
            let Some(entries) = range.after(self.cursor) else {
                // An older state of the database was restored, or this node was disconnected for a
                // long time.
                self.cursor = range.beginning();
                continue;
            };
            if let Some(last) = entries.last() {
                let entry = |numbered: &FeedEntry| numbered.entry;
                self.set.revoke_all(entries.iter().map(entry).filter(is_needed));
                self.cursor = last.cursor();
                listener.heard(entries);
            } else if self.cursor.position() < range.head {
                return Err(StoreError::Corrupt { table: "revocations", column: "position" });
            }
            let shows_all = range.waiting.len() < MAX_WAITING;
            let waiting: HashSet<RevocationEntry> = range.waiting.into_iter().collect();
            let look = match &mut look {
                Some(look) => {
                    look.unnumbered.retain(|entry| waiting.contains(entry));
                    look
                }
                None if !shows_all => {
                    numbering = true;
                    continue;
                }
                none => none.insert(FirstQuery { as_of, at, unnumbered: waiting }),
            };
            numbering = !look.unnumbered.is_empty();
            if !numbering && self.cursor.position() >= range.head {
                let feed_state = FeedState { cursor: self.cursor, as_of: look.as_of };
                return Ok(FeedReading { feed_state, at: look.at });
            }
        }
    }
}

/// The time of the first query, and its entries without a number.
struct FirstQuery {
    as_of: Timestamp,
    at: Duration,
    unnumbered: HashSet<RevocationEntry>,
}
