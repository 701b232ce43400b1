//! The audit log: recording decisions, search and export, statistics, verification, checkpoints and purge.

pub mod checkpoint;
pub mod recording;
pub mod sign_in_statistics;
pub mod trail;
pub mod verification;
