//! The feed of revocations as this node passes it on.

mod event;
pub(crate) mod tail;

use std::sync::Arc;

use portcullis_domain::Clock;
use portcullis_flows::node::revocation::{
    FollowError, Listener, Numbered, RevocationPolicy, RevocationStore, Revocations,
};
use portcullis_redis::WakeSignal;
use tokio::sync::Semaphore;

pub(crate) use self::event::{MAX_ENTRIES, revoked};
use self::tail::Tail;

/// What this node knows of the latest revocations, and who follows them.
pub(crate) struct Feed {
    pub(crate) tail: Tail,
    pub(crate) wake_signal: Option<WakeSignal>,
    /// Places for those who read from the database.
    pub(crate) readers: Semaphore,
}

impl Feed {
    /// Reads all that is revoked and goes on to follow it. Blocks until the first is done.
    pub(crate) fn start(
        wake_signal: Option<WakeSignal>,
        store: Arc<dyn RevocationStore>,
        clock: Arc<dyn Clock>,
        policy: RevocationPolicy,
    ) -> Result<(Arc<Self>, Arc<Revocations>), FollowError> {
        let readers = Semaphore::new(MAX_READERS);
        let feed = Arc::new(Self { tail: Tail::new(), wake_signal, readers });
        let listener = Arc::clone(&feed);
        let revocations = Revocations::start(store, Arc::default(), clock, policy, listener)?;
        feed.tail.begin_at(revocations.standing().cursor);
        Ok((feed, Arc::new(revocations)))
    }
}

impl Listener for Feed {
    fn heard(&self, entries: &[Numbered]) {
        self.tail.extend(entries);
    }

    fn published(&self) {
        if let Some(signal) = &self.wake_signal {
            signal.send();
        }
    }
}

/// Who reads the feed from the database at the same time.
const MAX_READERS: usize = 4;
