//! Routes of the audit log, its statistics and its checkpoints.

pub(crate) mod checkpoint;
pub(crate) mod sign_in_statistics;
pub(crate) mod trail;
