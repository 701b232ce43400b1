//! What is kept for how long, and then removed.
//!
//! Removed is only what nothing refers to any more: a session long after its end, when no token of it
//! could verify; failures of sign-in that lock nobody; messages that nobody has delivered. Ages count
//! by the database's clock, in the transaction that removes.

use std::time::Duration;

use crate::StoreError;

/// What removing needs from storage. Each removes at most `most` rows in one transaction and answers
/// how many.
pub trait RetentionStore: Send + Sync {
    /// Removes sessions that have ended or expired longer than `age` ago, and first the refresh
    /// tokens of their families.
    fn remove_sessions(&self, age: Duration, most: u32) -> Result<u64, StoreError>;

    /// Removes counters of failures whose last failure is longer than `age` ago and that keep nobody
    /// out at present.
    fn remove_failures(&self, age: Duration, most: u32) -> Result<u64, StoreError>;

    /// Removes messages that have waited for longer than `age`.
    fn remove_messages(&self, age: Duration, most: u32) -> Result<u64, StoreError>;
}

/// How long what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// Sessions after their end, with the family of their refresh tokens. Longer than a refresh token
    /// lives, so that one that still verifies is known for what it is.
    pub sessions: Duration,
    /// Failures of sign-in after the last of them. It bounds how soon failures in a row begin to be
    /// counted anew, and so is long.
    pub failures: Duration,
    /// Messages that wait to be delivered.
    pub messages: Duration,
}

impl Default for RetentionPolicy {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self { sessions: 90 * DAY, failures: 90 * DAY, messages: 90 * DAY }
    }
}
