//! From the first request to the last: what a server does when it is told to stop.
//!
//! First it says that it is not ready, and goes on to accept and answer for a configured time, in
//! which whoever distributes requests turns to other nodes; every answer closes its connection. Then it
//! accepts nothing more, closes idle connections, finishes what is under way, and writes what waits to
//! be recorded. All this has a deadline, whatever the database and the clients do. What is lost when it
//! passes is named, and the end of the server is a failure then.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use portcullis_flows::audit::recording::Unrecorded;

/// How long requests under way may go on after the server accepts no more.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(6);

/// How long after that moment the server has ended, whatever happens.
pub(crate) const STOP_TIMEOUT: Duration = Duration::from_secs(8);

/// Where the server is in its life, for all who serve requests.
#[derive(Debug, Default)]
pub struct Lifecycle {
    is_stopping: AtomicBool,
    is_draining: AtomicBool,
    connections: AtomicUsize,
}

impl Lifecycle {
    /// Whether the server has been told to stop.
    pub fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    /// The server has been told to stop.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Whether only what is under way is finished.
    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    /// From now on only what is under way is finished.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    /// A client has connected.
    pub fn connected(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// A client is gone.
    pub fn disconnected(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many clients are connected.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// Why a server has ended otherwise than it was told to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// It could not be started.
    #[error(transparent)]
    Start(#[from] io::Error),
    /// A part ended that it cannot be without.
    #[error("a part of the server has ended by itself: {0}")]
    Part(&'static str),
    /// It took too long to stop.
    #[error("stopping took too long: {}", lost(*connections, *unrecorded))]
    Lost {
        /// Connections that were cut before their answers were sent.
        connections: usize,
        /// Decisions that were answered and are not stored.
        unrecorded: Option<Unrecorded>,
    },
}

fn lost(connections: usize, unrecorded: Option<Unrecorded>) -> String {
    let connections = (connections > 0)
        .then(|| format!("{connections} connections were cut before their answers were sent"));
    let unrecorded =
        unrecorded.map(|unrecorded| format!("{unrecorded} could not be recorded and are lost"));
    [connections, unrecorded].into_iter().flatten().collect::<Vec<_>>().join(", ")
}
