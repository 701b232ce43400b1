//! Pages about this server: banned addresses.

pub(crate) mod ban;
