//! Baselines: programs that do only the unavoidable part of the same work.

pub(crate) mod handler;
pub(crate) mod pgbench;
pub(crate) mod raw_hashing;
