//! The feed of revocations as this node passes it on, and the signals by which nodes wake each other.

pub(crate) mod buffer;
mod event;

use std::future;
use std::sync::Arc;
use std::time::Duration;

use portcullis_domain::Clock;
use portcullis_flows::node::revocation::{
    FeedState, FollowError, Listener, Numbered, RevocationPolicy, RevocationStore, Revocations,
};
use portcullis_redis::WakeSignal;
use tokio::sync::Semaphore;

use self::buffer::FeedBuffer;
pub(crate) use self::event::{MAX_ENTRIES, revoked};

/// What this node knows of the latest revocations, and the services that follow them.
pub struct Feed {
    pub(crate) buffer: FeedBuffer,
    wake_signal: Option<WakeSignal>,
    /// Places for requests that read from the database.
    pub(crate) readers: Semaphore,
}

impl Feed {
    /// Reads all that is revoked and goes on to follow it, as [`Revocations::start`] does.
    ///
    /// # Errors
    ///
    /// When the database does not answer, and when the operating system gives no thread.
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

    /// Tells every service that follows, and has every entry, how far this node knows the feed.
    pub fn beat(&self, feed_state: FeedState) {
        self.buffer.beat(feed_state);
    }

    /// Wakes other nodes, and is woken by them, without end.
    pub async fn exchange_signals(&self, revocations: &Revocations) {
        match &self.wake_signal {
            Some(signal) => signal.run(|| revocations.wake()).await,
            None => future::pending().await,
        }
    }

    /// Whether nodes can wake each other; `None` where they are not meant to.
    pub fn is_signal_up(&self) -> Option<bool> {
        self.wake_signal.as_ref().map(WakeSignal::is_up)
    }

    /// Ends the streams of every service that follows.
    pub fn close(&self) {
        self.buffer.close();
    }
}

impl Listener for Feed {
    fn heard(&self, entries: &[Numbered]) {
        self.buffer.extend(entries);
    }

    fn published(&self) {
        if let Some(signal) = &self.wake_signal {
            signal.send();
        }
    }
}

/// Who reads the feed from the database at the same time.
const MAX_READERS: usize = 4;
