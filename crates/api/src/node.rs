//! Routes of this node: bans, outbox, signing keys, jobs, settings, health, metrics, API document, signals, and
//! reports of browsers.

pub(crate) mod ban;
pub(crate) mod csp_report;
pub(crate) mod database_check;
pub(crate) mod document;
pub(crate) mod health;
pub(crate) mod health_report;
pub(crate) mod job;
pub(crate) mod metrics;
pub(crate) mod outbox;
pub(crate) mod setting;
pub(crate) mod signals;
pub(crate) mod signing_key;
