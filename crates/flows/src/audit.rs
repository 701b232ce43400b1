//! The audit log: recording decisions, search and export, verification, checkpoints and purge.

pub mod checkpoint;
pub mod recording;
pub mod trail;
pub mod verification;
