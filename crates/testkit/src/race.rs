//! Concurrency helper: runs one function in several threads at the same moment.

use std::sync::Barrier;
use std::thread;

/// Runs the same function in `threads` threads that start at the same moment. The results are in
/// the order of the thread numbers. A panic in a thread is a panic of the caller.
pub fn at_once<T: Send>(threads: usize, run: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(threads);
    thread::scope(|scope| {
        let start = |number| {
            let (barrier, run) = (&barrier, &run);
            scope.spawn(move || {
                barrier.wait();
                run(number)
            })
        };
        let started: Vec<_> = (0..threads).map(start).collect();
        started.into_iter().map(|thread| thread.join().expect("no thread panics")).collect()
    })
}
