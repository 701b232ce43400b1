//! What a node needs to run beside others: keys, revocations, jobs, health.

#[cfg(feature = "testkit")]
pub(crate) mod inspection;
pub(crate) mod job;
pub(crate) mod outbox;
pub(crate) mod retention;
pub(crate) mod revocation;
pub(crate) mod secret;
pub(crate) mod shared_key;
pub(crate) mod signing_key;
