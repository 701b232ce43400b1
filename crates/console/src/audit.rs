//! Pages of the audit log.

pub(crate) mod chart;
pub(crate) mod entry;
mod item;
pub(crate) mod sign_in_statistics;
pub(crate) mod trail;
