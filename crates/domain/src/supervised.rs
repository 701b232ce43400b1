//! Supervised threads: background threads with a restart policy and a bounded join.
//!
//! The rule: a thread whose work can begin again after a panic restarts. A thread whose work cannot
//! begin again stays ended and reports it, so that the process can end with it. Every join has a
//! deadline.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// A supervised thread. Dropping it does not end the thread: the owner signals the thread to end,
/// and then waits with [`Supervised::join`].
#[derive(Debug)]
pub struct Supervised {
    end: Arc<ThreadEnd>,
}

#[derive(Debug, Default)]
struct ThreadEnd {
    has_come: Mutex<bool>,
    changed: Condvar,
}

/// Delay between a panic and the restart, so that a panic at each start does not use up a core.
const RESTART_DELAY: Duration = Duration::from_millis(500);

impl Supervised {
    /// Starts a thread for work that ends once: when it returns, or by a panic.
    ///
    /// # Errors
    ///
    /// An error when the operating system cannot create the thread.
    pub fn once(name: impl Into<String>, work: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let end = Arc::<ThreadEnd>::default();
        let thread_end = EndOnDrop(Arc::clone(&end));
        thread::Builder::new().name(name.into()).spawn(move || {
            let _thread_end = thread_end;
            work();
        })?;
        Ok(Self { end })
    }

    /// Starts a thread whose work is restarted after a panic, and which ends when the work returns.
    /// The state that the work keeps between two starts must be valid after a panic anywhere in it.
    ///
    /// # Errors
    ///
    /// An error when the operating system cannot create the thread.
    pub fn restarting(
        name: impl Into<String>,
        work: impl FnMut() + Send + 'static,
    ) -> io::Result<Self> {
        let end = Arc::<ThreadEnd>::default();
        let delay = Arc::clone(&end);
        let ending = EndOnDrop(Arc::clone(&end));
        thread::Builder::new().name(name.into()).spawn(move || {
            let _ending = ending;
            // Dropped before the end is announced, with everything that the work holds.
            let mut work = work;
            while catch_unwind(AssertUnwindSafe(&mut work)).is_err() {
                delay.wait(RESTART_DELAY);
            }
        })?;
        Ok(Self { end })
    }

    /// Returns whether the thread is still running.
    pub fn is_running(&self) -> bool {
        !*self.end.has_come()
    }

    /// Waits for the end of the thread. Returns whether it ended within the timeout.
    pub fn join(&self, timeout: Duration) -> bool {
        self.end.wait(timeout)
    }
}

impl ThreadEnd {
    fn has_come(&self) -> MutexGuard<'_, bool> {
        self.has_come.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, timeout: Duration) -> bool {
        let waited =
            self.changed.wait_timeout_while(self.has_come(), timeout, |has_come| !*has_come);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Announces the end of the thread when it is dropped: after a return and after a panic.
struct EndOnDrop(Arc<ThreadEnd>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        *self.0.has_come() = true;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn work_that_can_begin_again_does_so_after_a_panic() {
        let (report, beginnings) = mpsc::channel();
        let mut count = 0;
        let thread = Supervised::restarting("test", move || {
            count += 1;
            report.send(count).unwrap();
            assert_ne!(count, 1, "the first attempt panics");
        });
        let thread = thread.unwrap();
        assert!(thread.join(LONG));
        assert_eq!(beginnings.iter().collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn work_that_cannot_begin_again_is_seen_to_have_ended() {
        let thread = Supervised::once("test", || panic!("it ends")).unwrap();
        assert!(thread.join(LONG));
        assert!(!thread.is_running());
    }

    #[test]
    fn nobody_waits_longer_than_they_said() {
        let (stop, stopped) = mpsc::channel::<()>();
        let thread = Supervised::once("test", move || _ = stopped.recv()).unwrap();
        assert!(!thread.join(Duration::from_millis(1)));
        assert!(thread.is_running());
        drop(stop);
        assert!(thread.join(LONG));
    }
}
