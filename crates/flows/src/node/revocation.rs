//! Revocation of access tokens, and its propagation to all nodes.
//!
//! A transaction that ends sessions also writes their revocations. Its node refuses the tokens from
//! the next request on; every other node follows the feed of committed entries. Entries are
//! numbered after their commit, by one node at a time, so they become visible in the order of their
//! numbers whatever the order of the commits, and a reader that continues after a number misses
//! none.
//!
//! A node does not wait for the numbers: one query returns the numbered entries after its position
//! and those without a number, and the node refuses both at once. So a revocation reaches another
//! node with its next query, which begins `poll` after the previous one began, or when that one is
//! answered if the database is slower.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use portcullis_domain::{Clock, Supervised, Timestamp};
use portcullis_token::{AccessClaims, REVOCATION_MARGIN, RevocationEntry, RevocationSet};

pub use self::enforcement::Enforcement;
use self::feed::FEED_PAGE;
pub use self::feed::{
    Cursor, CursorError, FeedEntry, FeedRange, FeedState, MAX_WAITING, Page, PageError,
};
use self::follower::{Follower, Shared};
pub use self::listener::Listener;
pub use self::revoked::Revoked;
pub use self::snapshot::Snapshot;
pub use self::store::{PurgeResult, RevocationStore};
use crate::StoreError;
use crate::effects::Effects;

mod enforcement;
mod feed;
mod follower;
mod listener;
mod revoked;
mod snapshot;
mod store;

/// The policy for following and checking revocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevocationPolicy {
    /// True if every token is checked against the database, so that a revocation takes effect at
    /// once on all nodes.
    pub strict: bool,
    /// The time from one query of the feed to the next, unless a signal wakes the node earlier.
    pub poll: Duration,
    /// The time without a response of the database after which this node is stale.
    pub staleness: Duration,
    /// The treatment of valid tokens while the node is stale.
    pub when_stale: WhenStale,
}

/// The treatment of valid tokens while the node does not know the latest revocations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenStale {
    /// Refuses them for requests that change something and for administrators' routes.
    #[default]
    RefuseChanges,
    /// Refuses them everywhere; a strict node always does.
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

/// The reason why revocations cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The revocations cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operating system gives no thread.
    #[error("no thread to follow revocations in: {0}")]
    Thread(#[from] io::Error),
}

/// The revocations known to this node. Dropping it ends the follower thread.
pub struct Revocations {
    store: Arc<dyn RevocationStore>,
    set: Arc<RevocationSet>,
    clock: Arc<dyn Clock>,
    policy: RevocationPolicy,
    shared: Arc<Shared>,
    follower: Supervised,
    /// The time of the last purge, on the monotonic clock.
    purged_at: Mutex<Duration>,
}

impl Revocations {
    /// Reads all revocations, and starts a thread of its own, independent of requests, that follows
    /// the feed. Blocks until all are read.
    ///
    /// Access tokens of this node live for at most `access_lifetime`. The database stores this
    /// before the first token is issued: it keeps all revocations for that long, whatever the
    /// setting was when they were written.
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

    /// True if every token is refused, because the latest revocations are unknown and required.
    pub fn refuses_all(&self) -> bool {
        (self.policy.strict || self.policy.when_stale == WhenStale::RefuseAll) && self.is_stale()
    }

    /// Checks the token against the revocations. Asks the database, and so blocks, if the token is
    /// not known as revoked and the policy is strict or this node is stale.
    pub fn is_revoked(&self, claims: &AccessClaims) -> Result<bool, StoreError> {
        if self.set.is_revoked(claims) {
            return Ok(true);
        }
        let asks = self.policy.strict || self.is_stale();
        if asks { self.store.is_revoked(claims) } else { Ok(false) }
    }

    /// Writes an entry and its effects, and enforces it.
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

    /// Refuses the tokens that a transaction of this node has revoked, and wakes the other nodes.
    pub fn enforce(&self, revoked: Revoked) {
        if !revoked.is_empty() {
            self.set.revoke_all(revoked.into_entries());
            self.shared.publish();
        }
    }

    /// Wakes the follower: another node may have revoked something.
    pub fn wake(&self) {
        self.shared.wake();
    }

    /// The time since the last response of the database.
    pub fn staleness(&self) -> Duration {
        self.clock.monotonic().saturating_sub(self.shared.heard_at())
    }

    /// True if that is longer than the policy allows.
    pub fn is_stale(&self) -> bool {
        self.staleness() > self.policy.staleness
    }

    /// The position of this node in the feed.
    pub fn feed_state(&self) -> FeedState {
        self.shared.feed_state()
    }

    /// The revocations in memory.
    pub fn set(&self) -> &RevocationSet {
        &self.set
    }

    /// The policy of this node.
    pub const fn policy(&self) -> RevocationPolicy {
        self.policy
    }

    /// At most `most` entries after the cursor, from the database.
    pub fn page(&self, after: Cursor, most: u32) -> Result<Page, PageError> {
        // Read before the query: all entries committed by then have their positions.
        let as_of = self.feed_state().as_of;
        let range = self.store.revocations_from(after.position(), most.saturating_add(1))?;
        range.into_page(after, as_of).ok_or(PageError::Expired)
    }

    /// All active revocations from the database, and the position to continue from.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::new(self.store.clone(), self.feed_state())
    }

    /// Deletes, in memory and in the database, the revocations that no live token needs.
    ///
    /// Uses the time of the database, and moves no faster than time passes on this node.
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

    /// True while the follower thread runs.
    pub fn is_followed(&self) -> bool {
        self.follower.is_running()
    }

    /// Stops the follower. Blocks as long as the database takes for a query, and at most two
    /// seconds.
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

/// The maximum wait of [`Revocations::close`] for the database.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
