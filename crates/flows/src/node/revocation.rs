//! Which access tokens must be refused although they look valid, and how every node comes to know.
//!
//! What ends sessions writes its revocations in the same transaction. The node that does so refuses
//! from the next request on; every node then follows the feed of what is committed. Entries are
//! numbered after their commit, one node at a time, so they become visible in the order of their
//! numbers whatever the order of the commits, and a reader that goes by numbers misses none.
//!
//! A node does not wait for the numbers: one question brings it the numbered entries after its
//! position and those that wait for a number, and it refuses both at once. So a revocation reaches
//! another node by its next question, which begins `poll` after the one before began, or as soon as
//! that one is answered, if the database is slower than that.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use portcullis_domain::{Clock, Supervised, Timestamp};
use portcullis_token::{AccessClaims, REVOCATION_MARGIN, RevocationEntry, RevocationSet};

use self::feed::FEED_PAGE;
pub use self::feed::{
    Cursor, CursorError, FeedRange, FeedState, MAX_WAITING, Numbered, Page, PageError,
};
use self::follower::{Follower, Shared};
pub use self::listener::Listener;
pub use self::revoked::Revoked;
pub use self::snapshot::Snapshot;
pub use self::store::{Purged, RevocationStore};
use crate::StoreError;
use crate::effects::Effects;

mod feed;
mod follower;
mod listener;
mod revoked;
mod snapshot;
mod store;

/// How revocations are followed and asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevocationPolicy {
    /// Whether the database is asked about every token, so that a revocation holds at once everywhere.
    pub strict: bool,
    /// How long after one look into the feed the next follows, unless something hastens it.
    pub poll: Duration,
    /// After how long without word from the database this node no longer counts as informed.
    pub staleness: Duration,
    /// What becomes of good tokens then.
    pub when_stale: WhenStale,
}

/// What a node does with good tokens while it does not know what was revoked lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenStale {
    /// Refuses them for whatever changes something and for administrators' routes.
    #[default]
    RefuseChanges,
    /// Refuses them everywhere, as a strict node always does.
    RefuseAll,
}

impl Default for RevocationPolicy {
    fn default() -> Self {
        Self {
            strict: false,
            poll: Duration::from_millis(250),
            staleness: Duration::from_secs(30),
            when_stale: WhenStale::default(),
        }
    }
}

/// Why revocations cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// What is revoked cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operating system gives no thread.
    #[error("no thread to follow revocations in: {0}")]
    Thread(#[from] io::Error),
}

/// What is revoked, as this node knows it. Dropping it ends the following.
pub struct Revocations {
    store: Arc<dyn RevocationStore>,
    set: Arc<RevocationSet>,
    clock: Arc<dyn Clock>,
    policy: RevocationPolicy,
    shared: Arc<Shared>,
    follower: Supervised,
    /// When on the monotonic clock this node purged last.
    purged_at: Mutex<Duration>,
}

impl Revocations {
    /// Reads all that is revoked, and goes on to follow it in a thread that no flood of requests can
    /// take. Blocks until the first is done.
    ///
    /// Access tokens that this node issues live for at most `access_lifetime`. The database knows that
    /// before the first of them: it keeps revocations for as long, whatever the setting was when they
    /// were made.
    pub fn start(
        store: Arc<dyn RevocationStore>,
        access_lifetime: Duration,
        clock: Arc<dyn Clock>,
        policy: RevocationPolicy,
        listener: Arc<dyn Listener>,
    ) -> Result<Self, FollowError> {
        store.note_access_lifetime(access_lifetime)?;
        let set = Arc::<RevocationSet>::default();
        let mut follower = Follower::new(store.clone(), set.clone(), clock.clone());
        let feed_state = follower.follow(false, &())?;
        let shared = Arc::new(Shared::new(feed_state));
        let work = Arc::clone(&shared);
        let thread = Supervised::restarting("revocations", move || {
            follower.work(&work, policy.poll, &*listener);
        })?;
        let purged_at = Mutex::new(clock.monotonic());
        Ok(Self { store, set, clock, policy, shared, follower: thread, purged_at })
    }

    /// Whether every token is refused, because what was revoked lately is not known and must be.
    pub fn refuses_all(&self) -> bool {
        (self.policy.strict || self.policy.when_stale == WhenStale::RefuseAll) && self.is_stale()
    }

    /// Whether the token must be refused. Asks the database, and so blocks, if this node does not
    /// know the token as revoked and its policy is strict or it is stale.
    pub fn is_revoked(&self, claims: &AccessClaims) -> Result<bool, StoreError> {
        if self.set.is_revoked(claims) {
            return Ok(true);
        }
        let asks = self.policy.strict || self.is_stale();
        if asks { self.store.is_revoked(claims) } else { Ok(false) }
    }

    /// Writes an entry and what it causes, and enforces it.
    pub fn revoke(
        &self,
        entry: RevocationEntry,
        at: Timestamp,
        effects: &Effects,
    ) -> Result<(), StoreError> {
        let revoked = self.store.revoke(&entry, at, effects)?;
        self.enforce(revoked.and_known(entry));
        Ok(())
    }

    /// Refuses from now on what a transaction of this node has revoked, and tells the other nodes.
    pub fn enforce(&self, revoked: Revoked) {
        if !revoked.is_empty() {
            self.set.revoke_all(revoked.into_entries());
            self.shared.publish();
        }
    }

    /// Has the feed looked into at once: another node may have revoked something.
    pub fn wake(&self) {
        self.shared.wake();
    }

    /// For how long nothing was heard from the database.
    pub fn staleness(&self) -> Duration {
        self.clock.monotonic().saturating_sub(self.shared.heard_at())
    }

    /// Whether that is longer than the policy allows.
    pub fn is_stale(&self) -> bool {
        self.staleness() > self.policy.staleness
    }

    /// How far this node has followed the feed.
    pub fn feed_state(&self) -> FeedState {
        self.shared.feed_state()
    }

    /// What this node refuses, without the database.
    pub fn set(&self) -> &RevocationSet {
        &self.set
    }

    /// How it follows and asks.
    pub const fn policy(&self) -> RevocationPolicy {
        self.policy
    }

    /// At most `most` entries after the cursor, from the database.
    pub fn page(&self, after: Cursor, most: u32) -> Result<Page, PageError> {
        // Before the question: all that was committed by then has its position.
        let as_of = self.feed_state().as_of;
        let range = self.store.revocations_from(after.position(), most.saturating_add(1))?;
        range.into_page(after, as_of).ok_or(PageError::Expired)
    }

    /// All that is revoked and not dead, from the database, and where to go on from there.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::new(self.store.clone(), self.feed_state())
    }

    /// Forgets here, and removes from the database, what no living token needs any more.
    ///
    /// By the time of the database, and no faster than time passes here.
    pub fn purge(&self) -> Result<(), StoreError> {
        let now = self.clock.monotonic();
        let mut purged_at = self.purged_at.lock().unwrap_or_else(PoisonError::into_inner);
        let mut elapsed = now.saturating_sub(*purged_at);
        loop {
            let keep = REVOCATION_MARGIN;
            let purged = self.store.purge_revocations(keep, elapsed, FEED_PAGE)?;
            *purged_at = now;
            elapsed = Duration::ZERO;
            if purged.removed < u64::from(FEED_PAGE) {
                self.set.forget_before(purged.horizon);
                return Ok(());
            }
        }
    }

    /// Whether the thread that follows is there.
    pub fn is_followed(&self) -> bool {
        self.follower.is_running()
    }

    /// Ends the following. Blocks, at most as long as the database takes over a question, and not
    /// longer than two seconds.
    pub fn close(&self) {
        self.shared.close();
        self.follower.join(CLOSE_TIMEOUT);
    }
}

impl Drop for Revocations {
    fn drop(&mut self) {
        self.close();
    }
}

impl std::fmt::Debug for Revocations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Revocations")
            .field("feed_state", &self.feed_state())
            .finish_non_exhaustive()
    }
}

/// The longest a [`Revocations::close`] waits for the database.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
