//! The audit log: recording decisions, search and export, one entry with its proof, statistics, verification,
//! checkpoints and purge.

pub mod checkpoint;
pub mod entry_proof;
pub mod recording;
pub mod sign_in_statistics;
pub mod trail;
pub mod verification;
