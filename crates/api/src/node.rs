//! Routes of this node: health, metrics, API document.

pub(crate) mod document;
pub(crate) mod health;
pub(crate) mod metrics;
