//! The window of one subject under one quota, by either algorithm.

use std::time::Duration;

use crate::gcra::Gcra;
use crate::quota::{Algorithm, Quota};
use crate::sliding_log::SlidingLog;
use crate::state::QuotaState;

/// A window with at least one accepted request. It has 16 bytes, and a log has heap memory too.
pub(crate) enum Window {
    Sliding(SlidingLog),
    Gcra(Gcra),
}

impl Window {
    pub(crate) fn new(quota: &Quota) -> Self {
        match quota.algorithm() {
            Algorithm::SlidingLog => Self::Sliding(SlidingLog::default()),
            Algorithm::Gcra => Self::Gcra(Gcra::default()),
        }
    }

    pub(crate) fn state(&self, quota: &Quota, now: Duration) -> QuotaState {
        match self {
            Self::Sliding(log) => log.state(quota, now),
            Self::Gcra(gcra) => gcra.state(quota, now),
        }
    }

    pub(crate) fn record(&mut self, quota: &Quota, now: Duration) {
        match self {
            Self::Sliding(log) => log.record(quota, now),
            Self::Gcra(gcra) => gcra.record(quota, now),
        }
    }

    pub(crate) fn is_expired(&self, quota: &Quota, now: Duration) -> bool {
        match self {
            Self::Sliding(log) => log.is_expired(quota, now),
            Self::Gcra(gcra) => gcra.is_expired(now),
        }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Sliding(log) => log_bytes(log.len()),
            Self::Gcra(_) => 0,
        }
    }

    /// The heap memory that a further request needs: a copy of the log, before the old one is freed.
    pub(crate) fn growth(&self) -> usize {
        match self {
            Self::Sliding(log) => log_bytes(log.len() + 1),
            Self::Gcra(_) => 0,
        }
    }
}

/// The bytes of a log with its first time.
pub(crate) const MIN_LOG_BYTES: usize = 32;

/// The bytes of a log of so many times, with the header and the rounding of common allocators.
fn log_bytes(times: usize) -> usize {
    if times == 0 { 0 } else { (times * 8 + 8).next_multiple_of(16).max(MIN_LOG_BYTES) }
}
