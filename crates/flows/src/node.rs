//! The work of one node among several: signing keys, revocations, bans, jobs, mail, health, backups.

pub mod backup;
pub mod ban;
pub mod clock_watch;
pub mod database_pool;
pub mod deadline;
pub mod health;
pub mod job;
pub mod mail;
pub mod outbox;
pub mod overview;
pub mod restore;
pub mod retention;
pub mod revocation;
pub mod secret;
pub mod setting;
pub mod signing_key;
