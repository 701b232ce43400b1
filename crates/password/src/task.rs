//! One piece of work on its way: from its caller through the queue to a hashing thread, and back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::SyncSender;
use std::thread;

use crate::{Hasher, Scratch};

/// Work for one hashing thread. Its caller notices when it is dropped without having run.
///
/// Doing it and giving it up are two steps, taken by different threads: the one that only computes
/// must not own what it computes with, see [`Workplace`](crate::worker::Workplace).
pub(crate) trait Task: Send {
    /// Does the work, at most once.
    fn run(&mut self, hasher: &Hasher, scratch: &mut Scratch);

    /// Tells the caller the outcome, a panic too.
    fn answer(self: Box<Self>);
}

/// What came of a job: its value, or its panic.
pub(crate) type Outcome<T> = thread::Result<T>;

/// A job and whoever waits for it.
pub(crate) struct Errand<T, F> {
    job: F,
    outcome: Option<Outcome<T>>,
    caller: SyncSender<Outcome<T>>,
}

impl<T, F: FnMut(&Hasher, &mut Scratch) -> T> Errand<T, F> {
    pub(crate) const fn new(job: F, caller: SyncSender<Outcome<T>>) -> Self {
        Self { job, outcome: None, caller }
    }
}

impl<T: Send, F: FnMut(&Hasher, &mut Scratch) -> T + Send> Task for Errand<T, F> {
    fn run(&mut self, hasher: &Hasher, scratch: &mut Scratch) {
        let job = &mut self.job;
        self.outcome = Some(catch_unwind(AssertUnwindSafe(|| job(hasher, scratch))));
    }

    fn answer(self: Box<Self>) {
        if let Some(outcome) = self.outcome {
            // The caller stays until it has an answer, or this job is gone.
            drop(self.caller.send(outcome));
        }
    }
}
