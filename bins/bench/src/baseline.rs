//! What the server is compared with: the unavoidable part of the same work, and nothing else.

pub(crate) mod handler;
pub(crate) mod pgbench;
pub(crate) mod raw_hashing;
