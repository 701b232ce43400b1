//! Pages of the audit log.

pub(crate) mod trail;
