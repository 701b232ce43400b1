//! The audit trail: what is recorded, how it is read, proven and purged.

pub(crate) mod block;
pub(crate) mod chain;
pub(crate) mod checkpoint;
pub(crate) mod event;
pub(crate) mod recording;
pub(crate) mod trail;
pub(crate) mod verification;
