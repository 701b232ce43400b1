//! Storage of the area `node`: keys, secret, revocations, bans, mails, jobs, retention, health.

pub(crate) mod backup;
pub(crate) mod ban;
pub(crate) mod dead_letter;
#[cfg(feature = "testkit")]
pub(crate) mod inspection;
pub(crate) mod job;
pub(crate) mod mail_delivery;
pub(crate) mod mail_secret;
pub(crate) mod outbox;
pub(crate) mod outbox_directory;
pub(crate) mod overview;
pub(crate) mod resend;
pub(crate) mod restore;
pub(crate) mod retention;
pub(crate) mod revocation;
pub(crate) mod secret;
pub(crate) mod shared_key;
pub(crate) mod signing_key;
pub(crate) mod write_ahead_log;
