//! Clock offset: compares the clock of this node with that of the database.
//!
//! The database dates everything that orders two writes, so a wrong clock breaks no order. But a
//! node checks tokens by its own clock: if that is minutes off, it accepts expired tokens and
//! refuses valid ones. So a node whose clock differs by more than [`ClockWatch::MAX_OFFSET`]
//! reports it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use portcullis_domain::{Clock, Timestamp};

use crate::StoreError;

/// The port for the time of the database.
pub trait TimeStore: Send + Sync {
    /// The time of the database; for a SQLite file, the clock of this host.
    fn time(&self) -> Result<Timestamp, StoreError>;
}

/// The offset of a node's clock to that of its database; negative if the node is behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockOffset(i64);

impl ClockOffset {
    /// The offset in seconds.
    pub fn as_seconds(self) -> f64 {
        let size = self.size().as_secs_f64();
        if self.0 < 0 { -size } else { size }
    }

    /// The absolute value.
    pub fn size(self) -> Duration {
        Duration::from_micros(self.0.unsigned_abs())
    }
}

impl fmt::Display for ClockOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = if self.0 < 0 { "behind" } else { "ahead" };
        write!(f, "{:.1} s {side}", self.size().as_secs_f64())
    }
}

/// Compares the clocks and keeps the last offset.
pub struct ClockWatch {
    store: Arc<dyn TimeStore>,
    clock: Arc<dyn Clock>,
    offset: AtomicI64,
    is_off: AtomicBool,
}

impl ClockWatch {
    /// A larger offset is reported.
    pub const MAX_OFFSET: Duration = Duration::from_secs(5);

    /// Creates the use case, which has not compared anything yet.
    pub fn new(store: Arc<dyn TimeStore>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, offset: AtomicI64::new(0), is_off: AtomicBool::new(false) }
    }

    /// Compares the clocks. Logs once when they begin to differ, and once when they agree again.
    pub fn compare(&self) -> Result<ClockOffset, StoreError> {
        let (asked_at, asked) = (self.clock.now(), self.clock.monotonic());
        let there = self.store.time()?;
        // The database has answered at an unknown moment in between.
        let half = self.clock.monotonic().saturating_sub(asked) / 2;
        let here = asked_at + half;
        let offset = ClockOffset(here.as_micros().saturating_sub(there.as_micros()));
        let is_off = offset.size() > Self::MAX_OFFSET + half;
        self.offset.store(offset.0, Ordering::Relaxed);
        match (self.is_off.swap(is_off, Ordering::Relaxed), is_off) {
            (false, true) => {
                tracing::error!(%offset, "the clock of this node differs from that of the database");
            }
            (true, false) => tracing::info!("the clocks of node and database agree again"),
            _ => {}
        }
        Ok(offset)
    }

    /// The offset of the last comparison.
    pub fn offset(&self) -> ClockOffset {
        ClockOffset(self.offset.load(Ordering::Relaxed))
    }

    /// True if that was more than the limit.
    pub fn is_off(&self) -> bool {
        self.is_off.load(Ordering::Relaxed)
    }
}
