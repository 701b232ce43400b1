//! Threads that work for the whole process, and what becomes of one that ends too soon.
//!
//! The rule, for every one of them: a thread whose work can begin again after a panic does so; a
//! thread whose work cannot stays ended, and shows it, so that the process can end with it. Nobody
//! waits for a thread without a deadline.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// One such thread. Dropping it does not end the thread: its owner tells it to, and then waits with
/// [`Supervised::join`].
#[derive(Debug)]
pub struct Supervised {
    end: Arc<End>,
}

#[derive(Debug, Default)]
struct End {
    has_come: Mutex<bool>,
    changed: Condvar,
}

/// Between a panic and the next beginning, so that a panic at each beginning does not take a core.
const RESTART_DELAY: Duration = Duration::from_millis(500);

impl Supervised {
    /// Starts a thread for work that ends once: when it returns, or by a panic.
    ///
    /// # Errors
    ///
    /// When the operating system gives no thread.
    pub fn once(name: impl Into<String>, work: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let end = Arc::<End>::default();
        let thread_end = Ending(Arc::clone(&end));
        thread::Builder::new().name(name.into()).spawn(move || {
            let _thread_end = thread_end;
            work();
        })?;
        Ok(Self { end })
    }

    /// Starts a thread for work that is begun again after a panic, and ends when it returns. What
    /// the work keeps between two beginnings must be good after a panic anywhere in it.
    ///
    /// # Errors
    ///
    /// When the operating system gives no thread.
    pub fn restarting(
        name: impl Into<String>,
        work: impl FnMut() + Send + 'static,
    ) -> io::Result<Self> {
        let end = Arc::<End>::default();
        let delay = Arc::clone(&end);
        let ending = Ending(Arc::clone(&end));
        thread::Builder::new().name(name.into()).spawn(move || {
            let _ending = ending;
            // Dropped before the end is announced, with all that the work holds.
            let mut work = work;
            while catch_unwind(AssertUnwindSafe(&mut work)).is_err() {
                delay.wait(RESTART_DELAY);
            }
        })?;
        Ok(Self { end })
    }

    /// Whether the thread has not ended.
    pub fn is_running(&self) -> bool {
        !*self.end.has_come()
    }

    /// Waits for the end of the thread; answers whether it came within that time.
    pub fn join(&self, timeout: Duration) -> bool {
        self.end.wait(timeout)
    }
}

impl End {
    fn has_come(&self) -> MutexGuard<'_, bool> {
        self.has_come.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, timeout: Duration) -> bool {
        let waited =
            self.changed.wait_timeout_while(self.has_come(), timeout, |has_come| !*has_come);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Says that the thread has ended, however it has.
struct Ending(Arc<End>);

impl Drop for Ending {
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
