//! `OutboxWatch`: the state of the outbox for metrics, read by a job.

use std::sync::{Arc, Mutex, PoisonError};

use super::{OutboxState, OutboxStore};
use crate::StoreError;

/// The state of the outbox as a node last read it.
pub struct OutboxWatch {
    store: Arc<dyn OutboxStore>,
    state: Mutex<OutboxState>,
}

impl OutboxWatch {
    /// Creates the use case; it has read nothing yet.
    pub fn new(store: Arc<dyn OutboxStore>) -> Self {
        Self { store, state: Mutex::default() }
    }

    /// Reads the state.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn follow(&self) -> Result<(), StoreError> {
        let state = self.store.outbox_state()?;
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        Ok(())
    }

    /// The state as it was last read.
    pub fn state(&self) -> OutboxState {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
