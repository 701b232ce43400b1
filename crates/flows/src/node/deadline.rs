//! The database deadline of one request. After the deadline, nothing of the request is committed.
//!
//! A client gets a response within two seconds, if only an error. From that moment on nothing of
//! the use case is committed: cancelling and beginning to commit exclude each other. So a 503
//! response means that the work was not done, with one unavoidable exception: a COMMIT was sent
//! before the database stopped responding. A retry then gets the response of the first request; see
//! [`refresh`](crate::sign_in::refresh).
//!
//! Only time spent with the database counts, including the wait for a connection.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};

/// The database use of one request. Work on another thread, or outside of a request, has no
/// deadline and is bounded only by the timeouts of the database.
#[derive(Debug)]
pub struct RequestDeadline {
    clock: SystemClock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    stage: Stage,
    /// Time spent with the database before the current statement.
    spent: Duration,
    /// The start of the current wait for the database, if there is one.
    entered: Option<Duration>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Working,
    Committing,
    Cancelled,
}

/// The request was answered already: nothing more is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the deadline of the request was exceeded")]
pub struct DeadlineExceeded;

thread_local! {
    static CURRENT: RefCell<Option<Arc<RequestDeadline>>> = const { RefCell::new(None) };
}

impl RequestDeadline {
    /// The maximum time of a use case with the database, in all.
    pub const TIMEOUT: Duration = Duration::from_millis(1_700);

    /// A new deadline, with no time spent.
    #[must_use]
    pub fn new() -> Self {
        Self { clock: SystemClock::new(), state: Mutex::default() }
    }

    /// Runs a use case on this thread under this deadline.
    pub fn run<T>(self: Arc<Self>, use_case: impl FnOnce() -> T) -> T {
        let _current = Current::set(self);
        use_case()
    }

    /// The time left with the database.
    pub fn remaining(&self) -> Duration {
        let state = self.state();
        let waiting = state.entered.map_or(Duration::ZERO, |since| self.since(since));
        Self::TIMEOUT.saturating_sub(state.spent + waiting)
    }

    /// Prevents any further commit. Returns `false` if a commit is under way, whose result is not
    /// known yet.
    pub fn cancel(&self) -> bool {
        let mut state = self.state();
        if state.stage == Stage::Committing {
            return false;
        }
        state.stage = Stage::Cancelled;
        true
    }

    /// True if this thread runs under a deadline.
    pub fn is_running() -> bool {
        Self::current().is_some()
    }

    /// Counts the time until the returned guard is dropped as spent with the database, if this
    /// thread runs under a deadline. A nested call counts nothing.
    #[must_use]
    pub fn enter() -> DatabaseWait {
        DatabaseWait(Self::current().filter(|deadline| {
            let mut state = deadline.state();
            let is_first = state.entered.is_none();
            state.entered.get_or_insert_with(|| deadline.clock.monotonic());
            is_first
        }))
    }

    /// Checks that the work of this thread may continue.
    ///
    /// # Errors
    ///
    /// If the request was cancelled.
    pub fn check() -> Result<(), DeadlineExceeded> {
        match Self::current() {
            Some(deadline) if deadline.state().stage == Stage::Cancelled => Err(DeadlineExceeded),
            _ => Ok(()),
        }
    }

    /// Protects the work of this thread from being cancelled until the returned guard is dropped.
    /// The commit takes at least the `round_trip` that the transaction took to begin.
    ///
    /// # Errors
    ///
    /// If the request was cancelled, or has no time left.
    pub fn begin_commit(round_trip: Duration) -> Result<Committing, DeadlineExceeded> {
        let Some(deadline) = Self::current() else { return Ok(Committing(None)) };
        let mut state = deadline.state();
        let waiting = state.entered.map_or(Duration::ZERO, |since| deadline.since(since));
        let spent = state.spent + waiting;
        let is_late = spent >= Self::LATEST_COMMIT || spent + round_trip >= Self::TIMEOUT;
        if state.stage == Stage::Cancelled || is_late {
            state.stage = Stage::Cancelled;
            return Err(DeadlineExceeded);
        }
        state.stage = Stage::Committing;
        drop(state);
        Ok(Committing(Some(deadline)))
    }

    /// A commit that begins later might not end in time: a database that was slow before is
    /// unlikely to be fast now.
    const LATEST_COMMIT: Duration = Duration::from_millis(1_500);

    fn current() -> Option<Arc<Self>> {
        CURRENT.with_borrow(Clone::clone)
    }

    fn since(&self, then: Duration) -> Duration {
        self.clock.monotonic().saturating_sub(then)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for RequestDeadline {
    fn default() -> Self {
        Self::new()
    }
}

/// Marks a wait for the database.
#[derive(Debug)]
pub struct DatabaseWait(Option<Arc<RequestDeadline>>);

impl Drop for DatabaseWait {
    fn drop(&mut self) {
        if let Some(deadline) = &self.0 {
            let mut state = deadline.state();
            if let Some(since) = state.entered.take() {
                state.spent += deadline.since(since);
            }
        }
    }
}

/// Marks a commit under way.
#[derive(Debug)]
pub struct Committing(Option<Arc<RequestDeadline>>);

impl Drop for Committing {
    fn drop(&mut self) {
        if let Some(deadline) = &self.0 {
            deadline.state().stage = Stage::Working;
        }
    }
}

/// The deadline of this thread, until it is dropped.
struct Current(Option<Arc<RequestDeadline>>);

impl Current {
    fn set(deadline: Arc<RequestDeadline>) -> Self {
        Self(CURRENT.replace(Some(deadline)))
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_up_is_not_committed() {
        let deadline = Arc::new(RequestDeadline::new());
        deadline.clone().run(|| {
            let _waiting = RequestDeadline::enter();
            assert!(deadline.cancel());
            assert_eq!(RequestDeadline::check(), Err(DeadlineExceeded));
            assert!(RequestDeadline::begin_commit(Duration::ZERO).is_err());
        });
    }

    #[test]
    fn what_is_being_committed_is_not_given_up_until_the_commit_has_ended() {
        let deadline = Arc::new(RequestDeadline::new());
        deadline.clone().run(|| {
            let committing = RequestDeadline::begin_commit(Duration::ZERO).unwrap();
            assert!(!deadline.cancel());
            drop(committing);
            assert!(deadline.cancel());
        });
    }

    #[test]
    fn outside_of_an_attempt_nothing_is_given_up() {
        let deadline = Arc::new(RequestDeadline::new());
        assert!(deadline.cancel());
        deadline.run(|| assert!(RequestDeadline::is_running()));
        assert!(!RequestDeadline::is_running());
        assert_eq!(RequestDeadline::check(), Ok(()));
        assert!(RequestDeadline::begin_commit(RequestDeadline::TIMEOUT).is_ok());
    }

    #[test]
    fn a_commit_that_would_not_end_in_time_is_not_begun() {
        Arc::new(RequestDeadline::new()).run(|| {
            let _waiting = RequestDeadline::enter();
            assert!(RequestDeadline::begin_commit(RequestDeadline::TIMEOUT / 2).is_ok());
            assert!(RequestDeadline::begin_commit(RequestDeadline::TIMEOUT).is_err());
        });
    }
}
