//! Storage of the area `audit`: events, blocks of decisions, chains, checkpoints, search, single
//! entries, verification.

pub(crate) mod block;
pub(crate) mod chain;
pub(crate) mod checkpoint;
pub(crate) mod event;
pub(crate) mod recording;
pub(crate) mod sealed_entry;
pub(crate) mod sign_in_statistics;
pub(crate) mod trail;
pub(crate) mod verification;
