//! Readiness: the database responds, and takes writes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use portcullis_domain::Clock;

use crate::StoreError;

/// The port of readiness.
pub trait HealthStore: Send + Sync {
    /// Checks that the database responds.
    fn ping(&self) -> Result<(), StoreError>;

    /// Commits a transaction that writes and leaves nothing behind.
    fn try_write(&self) -> Result<(), StoreError>;
}

/// Checks the database. Frequent checks cost no further writes: see [`WRITE_INTERVAL`].
pub struct Health {
    store: Arc<dyn HealthStore>,
    clock: Arc<dyn Clock>,
    /// The start of the last successful write, on the monotonic clock.
    written: Mutex<Option<Duration>>,
    /// True if the last attempt to write failed.
    is_failing: AtomicBool,
}

/// The time for which a successful write counts as proof that the database takes writes.
pub const WRITE_INTERVAL: Duration = Duration::from_secs(1);

/// The reason why the server is not ready.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// The database does not respond.
    #[error(transparent)]
    Unreachable(StoreError),
    /// The database responds, but takes no writes.
    #[error("the database takes no writes: {0}")]
    Unwritable(StoreError),
}

impl Health {
    /// Creates the check for this database.
    pub fn new(store: Arc<dyn HealthStore>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, written: Mutex::new(None), is_failing: AtomicBool::new(false) }
    }

    /// Checks that the database responds and takes writes. Blocks. One caller at a time tries to
    /// write; the others get the last result.
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
