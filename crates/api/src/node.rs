//! This node: health, figures, work without requests.

pub(crate) mod document;
pub(crate) mod health;
pub(crate) mod metrics;
