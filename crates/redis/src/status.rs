//! The failures of the shared limiter, counted by reason and logged at each change of state.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::fault::{FailureReason, Fault};

pub(crate) struct Status {
    failures: [AtomicU64; FailureReason::ALL.len()],
    is_lost: AtomicBool,
}

impl Status {
    pub(crate) const fn new() -> Self {
        let failures = [const { AtomicU64::new(0) }; FailureReason::ALL.len()];
        Self { failures, is_lost: AtomicBool::new(false) }
    }

    pub(crate) fn succeeded(&self) {
        if self.is_lost.load(Ordering::Relaxed) && self.is_lost.swap(false, Ordering::Relaxed) {
            tracing::info!("redis answers: limits are shared by all nodes");
        }
    }

    pub(crate) fn failed(&self, fault: &Fault) {
        let reason = fault.reason();
        let counters = FailureReason::ALL.iter().zip(&self.failures);
        for (_, counter) in counters.filter(|(counted, _)| **counted == reason) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        if !self.is_lost.swap(true, Ordering::Relaxed) {
            tracing::warn!(reason = reason.name(), %fault, "redis fails: each node has limits of its own");
        }
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Relaxed)
    }

    pub(crate) fn failures(&self) -> impl Iterator<Item = (FailureReason, u64)> {
        let counts = self.failures.iter().map(|counter| counter.load(Ordering::Relaxed));
        FailureReason::ALL.into_iter().zip(counts)
    }
}
