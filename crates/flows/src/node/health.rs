//! Whether the server can do its work: whether the database answers, and whether it takes writes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use portcullis_domain::Clock;

use crate::StoreError;

/// What readiness needs from storage.
pub trait HealthStore: Send + Sync {
    /// Asks the database for a sign of life.
    fn ping(&self) -> Result<(), StoreError>;

    /// Commits a transaction that writes and leaves nothing behind.
    fn try_write(&self) -> Result<(), StoreError>;
}

/// Looks how the database is. To ask often costs no writes: see [`WRITE_INTERVAL`].
pub struct Health {
    store: Arc<dyn HealthStore>,
    clock: Arc<dyn Clock>,
    /// When the last write that succeeded was begun, on the monotonic clock.
    written: Mutex<Option<Duration>>,
    /// Whether the last attempt to write failed.
    is_failing: AtomicBool,
}

/// How long a write that succeeded shows that the database takes writes.
pub const WRITE_INTERVAL: Duration = Duration::from_secs(1);

/// Why the server cannot do its work.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// The database does not answer.
    #[error(transparent)]
    Unreachable(StoreError),
    /// It answers, and takes no writes.
    #[error("the database takes no writes: {0}")]
    Unwritable(StoreError),
}

impl Health {
    /// Looks at this database.
    pub fn new(store: Arc<dyn HealthStore>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, written: Mutex::new(None), is_failing: AtomicBool::new(false) }
    }

    /// Looks whether the database answers and takes writes. Blocks. One caller at a time tries to
    /// write; others are told what was found last.
    pub fn check(&self) -> Result<(), HealthError> {
        self.store.ping().map_err(HealthError::Unreachable)?;
        let mut written = match self.written.try_lock() {
            Ok(written) => written,
            Err(TryLockError::Poisoned(poisoned)) => PoisonError::into_inner(poisoned),
            Err(TryLockError::WouldBlock) if self.is_failing.load(Ordering::Relaxed) => {
                let error = StoreError::Unavailable("it took none lately".to_owned());
                return Err(HealthError::Unwritable(error));
            }
            Err(TryLockError::WouldBlock) => return Ok(()),
        };
        let now = self.clock.monotonic();
        if written.is_some_and(|at| now.saturating_sub(at) < WRITE_INTERVAL) {
            return Ok(());
        }
        let outcome = self.store.try_write();
        self.is_failing.store(outcome.is_err(), Ordering::Relaxed);
        *written = outcome.is_ok().then_some(now);
        outcome.map_err(HealthError::Unwritable)
    }
}

impl std::fmt::Debug for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Health").finish_non_exhaustive()
    }
}
