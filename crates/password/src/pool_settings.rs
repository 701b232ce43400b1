//! Limits of the hashing pool.

use std::thread;
use std::time::Duration;

/// The capacity of the hashing pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSettings {
    /// The number of concurrent hashes, each with its own memory; at least one. A number above the
    /// number of cores has no advantage.
    pub threads: usize,
    /// The maximum number of waiting jobs; at least one.
    pub queue: usize,
    /// The maximum waiting time of a job. A job that has started is finished.
    pub deadline: Duration,
    /// The highest bcrypt cost that is verified like any other hash, 4 to 14. A higher cost takes
    /// half a second and more; such hashes get half of the threads at a time, at least one.
    pub max_bcrypt_cost: u32,
}

impl Default for PoolSettings {
    /// One thread for each core, 64 waiting jobs, 2 seconds, bcrypt up to 12.
    fn default() -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        Self { threads, queue: 64, deadline: Duration::from_secs(2), max_bcrypt_cost: 12 }
    }
}
