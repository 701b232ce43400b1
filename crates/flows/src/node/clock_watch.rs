//! Whether the clock of this node agrees with that of the database.
//!
//! What orders two writes is dated by the database, so a wrong clock breaks no order. But tokens are
//! judged by the clock of the node that is shown them: one that is minutes off accepts what has expired
//! and refuses what is good. So a node that differs by more than [`ClockWatch::MAX_OFFSET`] says so.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use portcullis_domain::{Clock, Timestamp};

use crate::StoreError;

/// What comparing clocks needs from storage.
pub trait TimeStore: Send + Sync {
    /// The time of the database; of a SQLite file that is the clock of this host.
    fn time(&self) -> Result<Timestamp, StoreError>;
}

/// How far a node is ahead of its database; negative when it is behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockOffset(i64);

impl ClockOffset {
    /// In seconds.
    pub fn as_seconds(self) -> f64 {
        let size = self.size().as_secs_f64();
        if self.0 < 0 { -size } else { size }
    }

    /// Whichever is ahead.
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

/// The use case.
pub struct ClockWatch {
    store: Arc<dyn TimeStore>,
    clock: Arc<dyn Clock>,
    offset: AtomicI64,
    is_off: AtomicBool,
}

impl ClockWatch {
    /// Clocks that differ by no more than this are right.
    pub const MAX_OFFSET: Duration = Duration::from_secs(5);

    /// A use case over these parts, which has not compared anything yet.
    pub fn new(store: Arc<dyn TimeStore>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, offset: AtomicI64::new(0), is_off: AtomicBool::new(false) }
    }

    /// Compares the clocks. Says in the log when they begin to differ, and when they agree again.
    pub fn compare(&self) -> Result<ClockOffset, StoreError> {
        let (asked_at, asked) = (self.clock.now(), self.clock.monotonic());
        let there = self.store.time()?;
        // The database has answered at some moment in between.
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

    /// How far the clocks differed when they were compared last.
    pub fn offset(&self) -> ClockOffset {
        ClockOffset(self.offset.load(Ordering::Relaxed))
    }

    /// Whether that was more than the limit.
    pub fn is_off(&self) -> bool {
        self.is_off.load(Ordering::Relaxed)
    }
}
