//! One request's use of the database: bounded in time, and given up before it is answered so.
//!
//! Whoever waits for an answer is told within two seconds that there is none. From that moment on
//! nothing of the use case is committed: giving up and beginning to commit exclude each other. So an
//! answer of 503 means that the work was not done, but for the one case that nobody can avoid: a
//! COMMIT was on its way when the database fell silent. What is repeated then is answered as the
//! first would have been; see [`refresh`](crate::sign_in::refresh).
//!
//! Only the time that is spent with the database counts, waiting for a connection included.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};

/// One request's use of the database. What runs on another thread, or outside of any request, has no
/// attempt and takes as long as the timeouts of the database allow.
#[derive(Debug)]
pub struct Attempt {
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
    GivenUp,
}

/// The request was answered already: nothing more happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it took too long and was given up")]
pub struct GivenUp;

thread_local! {
    static CURRENT: RefCell<Option<Arc<Attempt>>> = const { RefCell::new(None) };
}

impl Attempt {
    /// The longest that a use case spends with the database, in all.
    pub const LIMIT: Duration = Duration::from_millis(1_700);

    /// An attempt that has spent nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self { clock: SystemClock::new(), state: Mutex::default() }
    }

    /// Runs a use case on this thread as this attempt.
    pub fn run<T>(self: Arc<Self>, use_case: impl FnOnce() -> T) -> T {
        let _current = Current::set(self);
        use_case()
    }

    /// How long it may still spend with the database.
    pub fn remaining(&self) -> Duration {
        let state = self.state();
        let waiting = state.entered.map_or(Duration::ZERO, |since| self.since(since));
        Self::LIMIT.saturating_sub(state.spent + waiting)
    }

    /// Lets nothing more be committed. Answers `false` when a commit is under way, whose end nobody
    /// knows yet.
    pub fn give_up(&self) -> bool {
        let mut state = self.state();
        if state.stage == Stage::Committing {
            return false;
        }
        state.stage = Stage::GivenUp;
        true
    }

    /// Whether this thread runs an attempt.
    pub fn is_running() -> bool {
        Self::current().is_some()
    }

    /// Counts the time until the answer is dropped as spent with the database, if this thread runs
    /// an attempt. Within such a time another one counts nothing.
    #[must_use]
    pub fn enter() -> Waiting {
        Waiting(Self::current().filter(|attempt| {
            let mut state = attempt.state();
            let is_first = state.entered.is_none();
            state.entered.get_or_insert_with(|| attempt.clock.monotonic());
            is_first
        }))
    }

    /// Whether what runs on this thread may go on.
    ///
    /// # Errors
    ///
    /// When it was given up.
    pub fn check() -> Result<(), GivenUp> {
        match Self::current() {
            Some(attempt) if attempt.state().stage == Stage::GivenUp => Err(GivenUp),
            _ => Ok(()),
        }
    }

    /// From now on until the answer is dropped, what runs on this thread is not given up. The commit
    /// takes at least the `round_trip` that the transaction took to begin.
    ///
    /// # Errors
    ///
    /// When it was given up, or has no time left.
    pub fn begin_commit(round_trip: Duration) -> Result<Committing, GivenUp> {
        let Some(attempt) = Self::current() else { return Ok(Committing(None)) };
        let mut state = attempt.state();
        let waiting = state.entered.map_or(Duration::ZERO, |since| attempt.since(since));
        let spent = state.spent + waiting;
        let is_late = spent >= Self::LATEST_COMMIT || spent + round_trip >= Self::LIMIT;
        if state.stage == Stage::GivenUp || is_late {
            state.stage = Stage::GivenUp;
            return Err(GivenUp);
        }
        state.stage = Stage::Committing;
        drop(state);
        Ok(Committing(Some(attempt)))
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

impl Default for Attempt {
    fn default() -> Self {
        Self::new()
    }
}

/// A use case waits for the database.
#[derive(Debug)]
pub struct Waiting(Option<Arc<Attempt>>);

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(attempt) = &self.0 {
            let mut state = attempt.state();
            if let Some(since) = state.entered.take() {
                state.spent += attempt.since(since);
            }
        }
    }
}

/// A commit is under way.
#[derive(Debug)]
pub struct Committing(Option<Arc<Attempt>>);

impl Drop for Committing {
    fn drop(&mut self) {
        if let Some(attempt) = &self.0 {
            attempt.state().stage = Stage::Working;
        }
    }
}

/// The attempt of this thread, until it is dropped.
struct Current(Option<Arc<Attempt>>);

impl Current {
    fn set(attempt: Arc<Attempt>) -> Self {
        Self(CURRENT.replace(Some(attempt)))
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
        let attempt = Arc::new(Attempt::new());
        attempt.clone().run(|| {
            let _waiting = Attempt::enter();
            assert!(attempt.give_up());
            assert_eq!(Attempt::check(), Err(GivenUp));
            assert!(Attempt::begin_commit(Duration::ZERO).is_err());
        });
    }

    #[test]
    fn what_is_being_committed_is_not_given_up_until_the_commit_has_ended() {
        let attempt = Arc::new(Attempt::new());
        attempt.clone().run(|| {
            let committing = Attempt::begin_commit(Duration::ZERO).unwrap();
            assert!(!attempt.give_up());
            drop(committing);
            assert!(attempt.give_up());
        });
    }

    #[test]
    fn outside_of_an_attempt_nothing_is_given_up() {
        let attempt = Arc::new(Attempt::new());
        assert!(attempt.give_up());
        attempt.run(|| assert!(Attempt::is_running()));
        assert!(!Attempt::is_running());
        assert_eq!(Attempt::check(), Ok(()));
        assert!(Attempt::begin_commit(Attempt::LIMIT).is_ok());
    }

    #[test]
    fn a_commit_that_would_not_end_in_time_is_not_begun() {
        Arc::new(Attempt::new()).run(|| {
            let _waiting = Attempt::enter();
            assert!(Attempt::begin_commit(Attempt::LIMIT / 2).is_ok());
            assert!(Attempt::begin_commit(Attempt::LIMIT).is_err());
        });
    }
}
