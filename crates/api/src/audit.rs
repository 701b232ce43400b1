//! The audit trail and its checkpoints.

pub(crate) mod checkpoint;
pub(crate) mod trail;
