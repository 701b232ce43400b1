//! Pages about this server: first steps, banned addresses, mails, keys, jobs, settings.

pub(crate) mod ban;
pub(crate) mod first_steps;
pub(crate) mod outbox;
pub(crate) mod overview;
pub(crate) mod server;
pub(crate) mod signing_key;
