//! This node: health, figures, work without requests.

pub(crate) mod document;
pub(crate) mod health;
pub(crate) mod jobs;
pub(crate) mod metrics;
pub(crate) mod workers;
