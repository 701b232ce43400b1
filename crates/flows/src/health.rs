//! Whether the server can do its work.

use crate::StoreError;

/// What readiness needs from storage.
pub trait HealthStore: Send + Sync {
    /// Asks the database for a sign of life.
    fn ping(&self) -> Result<(), StoreError>;
}
