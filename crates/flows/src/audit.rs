//! The audit trail: what is recorded, how it is read, proven and purged.

pub mod checkpoint;
pub mod recording;
pub mod trail;
pub mod verification;
