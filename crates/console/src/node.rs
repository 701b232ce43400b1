//! Pages about this server: banned addresses, mails, keys, jobs, settings.

pub(crate) mod ban;
pub(crate) mod outbox;
pub(crate) mod overview;
pub(crate) mod server;
pub(crate) mod signing_key;
