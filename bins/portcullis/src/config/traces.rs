//! The section `traces`: the collector of traces, and the part of them that is sent.

use url::Url;

use super::finding::Findings;
use super::raw;

const ENDPOINT: &str = "traces.endpoint";
const RATIO: &str = "traces.sample_ratio";

/// The checked section.
#[derive(Clone, Debug)]
pub struct Traces {
    /// The address of the collector; `None` if no trace is sent.
    pub endpoint: Option<Url>,
    /// The part of the traces that is sent, from 0 to 1.
    pub sample_ratio: f64,
}

pub(crate) fn check(raw: &raw::Traces, findings: &mut Findings) -> Traces {
    let endpoint = raw.endpoint.as_deref().filter(|text| !text.is_empty());
    if endpoint.is_some() && !cfg!(feature = "otlp") {
        let remedy = "build with `--features otlp`, or remove it";
        findings.fault(ENDPOINT, "is set, and this build sends no traces", remedy);
    }
    let parsed = endpoint.and_then(|text| Url::parse(text).ok());
    // The address is shown among the settings, so it may have no credential.
    let parsed = parsed.filter(|url| {
        ["http", "https"].contains(&url.scheme())
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
    });
    if endpoint.is_some() && parsed.is_none() {
        let remedy = "write one such as http://127.0.0.1:4318/v1/traces; OTEL_EXPORTER_OTLP_HEADERS has credentials";
        findings.fault(ENDPOINT, "is no address of a collector", remedy);
    }
    let sample_ratio = raw.sample_ratio.unwrap_or(1.0);
    if !(0.0..=1.0).contains(&sample_ratio) {
        findings.fault(RATIO, "is no part of the traces", "write a number from 0.0 to 1.0");
    }
    Traces { endpoint: parsed, sample_ratio }
}
