//! Routes of the audit log and its checkpoints.

pub(crate) mod checkpoint;
pub(crate) mod trail;
