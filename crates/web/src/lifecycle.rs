//! Graceful shutdown: not ready, drain, close; with the timeouts of each phase.
//!
//! First the server reports that it is not ready, and continues to accept and answer for a
//! configured time, in which load balancers turn to other nodes; every response closes its
//! connection. Then it accepts nothing more, closes idle connections, finishes the requests under
//! way, and writes the waiting decisions. All this has a deadline, whatever the database and the
//! clients do. Losses after the deadline are reported, and the exit of the server is then a
//! failure.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use portcullis_flows::audit::recording::LostDecisions;

/// The maximum time of requests under way after the server stops accepting.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(6);

/// The maximum time from that moment to the end of the server.
pub(crate) const STOP_TIMEOUT: Duration = Duration::from_secs(8);

/// The phase of the server, shared by all parts that serve requests.
#[derive(Debug, Default)]
pub struct Lifecycle {
    is_stopping: AtomicBool,
    is_draining: AtomicBool,
    connections: AtomicUsize,
    refused: AtomicU64,
}

impl Lifecycle {
    /// True once the server was asked to stop.
    pub fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    /// Begins the shutdown.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// True once only requests under way are finished.
    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    /// Stops accepting; only requests under way are finished.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    /// Counts a new connection.
    pub fn connected(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a closed connection.
    pub fn disconnected(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts a connection that was refused because a limit was reached.
    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of refused connections.
    pub fn refused_connections(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// The number of open connections.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// The reason why a server has ended without a clean stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// It could not be started.
    #[error(transparent)]
    Start(#[from] io::Error),
    /// A required part has ended.
    #[error("a part of the server has ended by itself: {0}")]
    Part(&'static str),
    /// The shutdown took too long.
    #[error("stopping took too long: {}", lost(*connections, *unrecorded))]
    Lost {
        /// Connections that were closed before their responses were sent.
        connections: usize,
        /// Answered decisions that are not stored.
        unrecorded: Option<LostDecisions>,
    },
}

fn lost(connections: usize, unrecorded: Option<LostDecisions>) -> String {
    let connections = (connections > 0)
        .then(|| format!("{connections} connections were cut before their answers were sent"));
    let unrecorded =
        unrecorded.map(|unrecorded| format!("{unrecorded} could not be recorded and are lost"));
    [connections, unrecorded].into_iter().flatten().collect::<Vec<_>>().join(", ")
}
