//! Routes of this node: bans, health, metrics, API document, signals.

pub(crate) mod ban;
pub(crate) mod database_check;
pub(crate) mod document;
pub(crate) mod health;
pub(crate) mod health_report;
pub(crate) mod metrics;
pub(crate) mod signals;
