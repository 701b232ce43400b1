//! The work of one node among several: signing keys, revocations, bans, jobs, health.

pub mod ban;
pub mod clock_watch;
pub mod deadline;
pub mod health;
pub mod job;
pub mod retention;
pub mod revocation;
pub mod secret;
pub mod signing_key;
