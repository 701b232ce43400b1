//! The limits of the hashing pool.

use std::thread;
use std::time::Duration;

/// How much hashing goes on at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSettings {
    /// Hashes computed at the same time, each with its own memory; at least one. More than the
    /// machine has cores gains nothing.
    pub threads: usize,
    /// The most jobs that may wait; at least one.
    pub queue: usize,
    /// The longest a job may wait before it is given up. A job that has begun is finished.
    pub deadline: Duration,
    /// The highest bcrypt cost that is verified like any other hash, 4 to 14. A costlier one takes half a
    /// second and more; such hashes get half of the threads at a time, at least one.
    pub max_bcrypt_cost: u32,
}

impl Default for PoolSettings {
    /// A thread per core, 64 waiting jobs, 2 seconds, bcrypt up to 12.
    fn default() -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        Self { threads, queue: 64, deadline: Duration::from_secs(2), max_bcrypt_cost: 12 }
    }
}
