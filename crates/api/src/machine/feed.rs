//! The revocation feed for services, and the wake signals between nodes. Nodes read the database:
//! `flows/node/revocation/follower.rs`.

pub(crate) mod buffer;
mod event;

use std::future;
use std::sync::Arc;
use std::time::Duration;

use portcullis_domain::Clock;
use portcullis_flows::node::revocation::{
    FeedEntry, FeedState, FollowError, Listener, RevocationPolicy, RevocationStore, Revocations,
};
use portcullis_redis::WakeSignal;
use tokio::sync::Semaphore;

use self::buffer::FeedBuffer;
pub(crate) use self::event::{MAX_ENTRIES, revoked};

/// Publishes the revocations of this node to the services that follow them.
pub struct Feed {
    pub(crate) buffer: FeedBuffer,
    wake_signal: Option<WakeSignal>,
    /// Permits for requests that read from the database.
    pub(crate) readers: Semaphore,
}

impl Feed {
    /// Reads all revocations and starts to follow them, like [`Revocations::start`].
    ///
    /// # Errors
    ///
    /// If the database does not respond, and if the operating system gives no thread.
    pub fn start(
        wake_signal: Option<WakeSignal>,
        store: Arc<dyn RevocationStore>,
        access_lifetime: Duration,
        clock: Arc<dyn Clock>,
        policy: RevocationPolicy,
    ) -> Result<(Arc<Self>, Arc<Revocations>), FollowError> {
        let readers = Semaphore::new(MAX_READERS);
        let feed = Arc::new(Self { buffer: FeedBuffer::new(), wake_signal, readers });
        let listener = Arc::clone(&feed);
        let revocations = Revocations::start(store, access_lifetime, clock, policy, listener)?;
        feed.buffer.begin_at(revocations.feed_state().cursor);
        Ok((feed, Arc::new(revocations)))
    }

    /// Sends the position of this node in the feed to every service that has all entries.
    pub fn beat(&self, feed_state: FeedState) {
        self.buffer.beat(feed_state);
    }

    /// Sends wake signals to other nodes and receives theirs, without end.
    pub async fn exchange_signals(&self, revocations: &Revocations) {
        match &self.wake_signal {
            Some(signal) => signal.run(|| revocations.wake()).await,
            None => future::pending().await,
        }
    }

    /// True if nodes can wake each other; `None` if signals are not configured.
    pub fn is_signal_up(&self) -> Option<bool> {
        self.wake_signal.as_ref().map(WakeSignal::is_up)
    }

    /// Ends the streams of all services.
    pub fn close(&self) {
        self.buffer.close();
    }
}

impl Listener for Feed {
    fn heard(&self, entries: &[FeedEntry]) {
        self.buffer.extend(entries);
    }

    fn published(&self) {
        if let Some(signal) = &self.wake_signal {
            signal.send();
        }
    }
}

/// The maximum of concurrent reads of the feed from the database.
const MAX_READERS: usize = 4;
