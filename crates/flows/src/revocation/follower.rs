//! The thread that follows the feed.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_domain::Clock;
use portcullis_token::{LEEWAY, RevocationEntry, RevocationSet};

use super::feed::FEED_PAGE;
use super::{Cursor, Listener, Numbered, RevocationStore, Standing};
use crate::StoreError;

/// What requests and the follower share.
pub(super) struct Shared {
    state: Mutex<State>,
    wanted: Condvar,
}

struct State {
    heard: Heard,
    /// The feed is to be looked into at once.
    is_wanted: bool,
    /// This node has revoked something that the listener was not yet told as published.
    has_own: bool,
    closing: bool,
}

/// What was read, and when on the monotonic clock the question was put.
#[derive(Clone, Copy)]
pub(super) struct Heard {
    standing: Standing,
    at: Duration,
}

impl Shared {
    pub(super) fn new(heard: Heard) -> Self {
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

    pub(super) fn standing(&self) -> Standing {
        self.state().heard.standing
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

    /// Waits until it is time to look; `None` when nobody wants to know any more. Answers whether
    /// this node has something to publish.
    fn wait(&self, poll: Duration) -> Option<bool> {
        let waited = self
            .wanted
            .wait_timeout_while(self.state(), poll, |state| !state.is_wanted && !state.closing);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.is_wanted = false;
        (!state.closing).then(|| std::mem::take(&mut state.has_own))
    }

    fn note(&self, heard: Heard) {
        self.state().heard = heard;
    }

    /// What could not be published is still to be.
    fn put_back(&self, has_own: bool) {
        self.state().has_own |= has_own;
    }
}

/// Reads the feed into the set.
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

    pub(super) fn work(mut self, shared: &Shared, poll: Duration, listener: &dyn Listener) {
        let mut is_failing = false;
        while let Some(has_own) = shared.wait(poll) {
            match self.follow(listener) {
                Ok(heard) => {
                    shared.note(heard);
                    if has_own {
                        listener.published();
                    }
                    if is_failing {
                        tracing::info!("following revocations works again");
                    }
                    is_failing = false;
                }
                Err(error) => {
                    shared.put_back(has_own);
                    if !is_failing {
                        tracing::error!(%error, "following revocations fails");
                    }
                    is_failing = true;
                }
            }
        }
    }

    /// Reads to the head of the feed.
    pub(super) fn follow(&mut self, listener: &dyn Listener) -> Result<Heard, StoreError> {
        let (as_of, at) = (self.clock.now(), self.clock.monotonic());
        self.store.number_revocations()?;
        loop {
            let stretch = self.store.revocations_from(self.cursor.position(), FEED_PAGE)?;
            let Some(entries) = stretch.after(self.cursor) else {
                // An older state of the database was restored, or this node was away for long.
                self.cursor = stretch.beginning();
                continue;
            };
            if let Some(last) = entries.last() {
                let entry = |numbered: &Numbered| numbered.entry;
                let is_needed = |entry: &RevocationEntry| entry.until + LEEWAY >= as_of;
                self.set.revoke_all(entries.iter().map(entry).filter(is_needed));
                self.cursor = last.cursor();
                listener.heard(entries);
            } else if self.cursor.position() < stretch.head {
                return Err(StoreError::Corrupt { table: "revocations", column: "position" });
            }
            if self.cursor.position() >= stretch.head {
                return Ok(Heard { standing: Standing { cursor: self.cursor, as_of }, at });
            }
        }
    }
}
