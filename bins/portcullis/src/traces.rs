//! The export of traces, if a collector is configured. Builds without the feature `otlp` have none.

#[cfg(feature = "otlp")]
mod otlp;

use std::sync::Arc;

use portcullis_web::TraceSink;

use crate::config::Traces;
use crate::failure::Failure;

/// Starts the exporter; `None` without a collector.
#[cfg(feature = "otlp")]
pub(crate) fn start(config: &Traces) -> Result<Option<Arc<dyn TraceSink>>, Failure> {
    let Some(endpoint) = &config.endpoint else { return Ok(None) };
    let exporter = otlp::Exporter::start(endpoint, config.sample_ratio);
    let remedy = "fix traces.endpoint, or remove it";
    let exporter = exporter.map_err(|error| Failure::failed(error, remedy))?;
    Ok(Some(Arc::new(exporter)))
}

/// The check of the configuration refuses a collector.
#[cfg(not(feature = "otlp"))]
#[expect(clippy::unnecessary_wraps, reason = "with the feature `otlp` it can fail")]
pub(crate) fn start(_: &Traces) -> Result<Option<Arc<dyn TraceSink>>, Failure> {
    Ok(None)
}
