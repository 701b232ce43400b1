//! The end of threads that work beside a test.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Tells threads to stop when it is dropped, so also when the test fails: they would otherwise run on, and
/// take the processor from every test after it.
#[derive(Debug, Default)]
pub struct StopSignal(Arc<AtomicBool>);

/// Sees a [`StopSignal`].
#[derive(Clone, Debug)]
pub struct StopReceiver(Arc<AtomicBool>);

impl StopSignal {
    /// A receiver for a thread.
    #[must_use]
    pub fn receiver(&self) -> StopReceiver {
        StopReceiver(Arc::clone(&self.0))
    }
}

impl Drop for StopSignal {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl StopReceiver {
    /// True once the signal is dropped.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
