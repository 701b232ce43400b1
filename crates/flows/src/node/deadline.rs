//! The deadline of one request for its time with the database.
//!
//! A client gets an answer within two seconds, if only that there is none. From that moment on nothing of
//! the use case is committed: to cancel and to begin to commit exclude each other. So an answer of 503
//! means that the work was not done, but for one case that nothing can avoid: a COMMIT was on its way when
//! the database fell silent. A retry is then answered as the first request would have been; see [`refresh`](crate::sign_in::refresh).
//!
//! Only the time that is spent with the database counts, waiting for a connection included.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};

/// One request's use of the database. What runs on another thread, or outside of any request, has no
/// deadline and takes as long as the timeouts of the database allow.
#[derive(Debug)]
pub struct RequestDeadline {
    clock: SystemClock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    stage: Stage,
    /// Time spent with the database before.
    spent: Duration,
    /// Since when the use case has been waiting for it, if it is.
    entered: Option<Duration>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Working,
    Committing,
    Cancelled,
}

/// The request was answered already: nothing more happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the deadline of the request was exceeded")]
pub struct DeadlineExceeded;

thread_local! {
    static CURRENT: RefCell<Option<Arc<RequestDeadline>>> = const { RefCell::new(None) };
}

impl RequestDeadline {
    /// The longest that a use case spends with the database, in all.
    pub const TIMEOUT: Duration = Duration::from_millis(1_700);

    /// A deadline of which nothing is spent yet.
    #[must_use]
    pub fn new() -> Self {
        Self { clock: SystemClock::new(), state: Mutex::default() }
    }

    /// Runs a use case on this thread under this deadline.
    pub fn run<T>(self: Arc<Self>, use_case: impl FnOnce() -> T) -> T {
        let _current = Current::set(self);
        use_case()
    }

    /// How long it may still spend with the database.
    pub fn remaining(&self) -> Duration {
        let state = self.state();
        let waiting = state.entered.map_or(Duration::ZERO, |since| self.since(since));
        Self::TIMEOUT.saturating_sub(state.spent + waiting)
    }

    /// Lets nothing more be committed. Answers `false` when a commit is under way, whose end nobody
    /// knows yet.
    pub fn cancel(&self) -> bool {
        let mut state = self.state();
        if state.stage == Stage::Committing {
            return false;
        }
        state.stage = Stage::Cancelled;
        true
    }

    /// Whether this thread runs under a deadline.
    pub fn is_running() -> bool {
        Self::current().is_some()
    }

    /// Counts the time until the answer is dropped as spent with the database, if this thread runs
    /// a deadline. Within such a time another one counts nothing.
    #[must_use]
    pub fn enter() -> Waiting {
        Waiting(Self::current().filter(|deadline| {
            let mut state = deadline.state();
            let is_first = state.entered.is_none();
            state.entered.get_or_insert_with(|| deadline.clock.monotonic());
            is_first
        }))
    }

    /// Whether what runs on this thread may go on.
    ///
    /// # Errors
    ///
    /// When it was given up.
    pub fn check() -> Result<(), DeadlineExceeded> {
        match Self::current() {
            Some(deadline) if deadline.state().stage == Stage::Cancelled => Err(DeadlineExceeded),
            _ => Ok(()),
        }
    }

    /// From now on until the answer is dropped, what runs on this thread is not given up. The commit
    /// takes at least the `round_trip` that the transaction took to begin.
    ///
    /// # Errors
    ///
    /// When it was given up, or has no time left.
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

    /// A commit that begins later might not end in time: a database that was so slow before is
    /// unlikely to be quick now.
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

/// A use case waits for the database.
#[derive(Debug)]
pub struct Waiting(Option<Arc<RequestDeadline>>);

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(deadline) = &self.0 {
            let mut state = deadline.state();
            if let Some(since) = state.entered.take() {
                state.spent += deadline.since(since);
            }
        }
    }
}

/// A commit is under way.
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
