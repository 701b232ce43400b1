//! The exporter of traces by OTLP: protocol buffers over HTTP, in batches, on a thread of its own.
//!
//! The queue is bounded: while the collector does not answer, spans are lost, and requests go on.

use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor,
};
use portcullis_web::{RequestSpan, TraceSink};
use url::Url;

/// The maximum number of spans that wait.
const QUEUE: usize = 4096;

/// The maximum number of spans in a message.
const BATCH: usize = 512;

/// The maximum time between two messages.
const DELAY: Duration = Duration::from_secs(2);

/// The maximum time of a message.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The exporter.
#[derive(Debug)]
pub(super) struct Exporter {
    processor: BatchSpanProcessor,
    ratio: f64,
    scope: InstrumentationScope,
}

impl Exporter {
    /// Starts the exporter to this collector, with this part of the traces.
    pub(super) fn start(endpoint: &Url, ratio: f64) -> Result<Self, ExporterBuildError> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint.as_str())
            .with_timeout(TIMEOUT)
            .build()?;
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(DELAY)
            .build();
        let mut processor =
            BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
        let version = env!("CARGO_PKG_VERSION");
        let resource = Resource::builder_empty()
            .with_service_name("portcullis")
            .with_attribute(KeyValue::new("service.version", version))
            .build();
        processor.set_resource(&resource);
        let scope = InstrumentationScope::builder("portcullis").with_version(version).build();
        Ok(Self { processor, ratio, scope })
    }
}

impl TraceSink for Exporter {
    fn samples(&self, span: [u8; 8], caller: Option<bool>) -> bool {
        caller == Some(true) || is_chosen(span, self.ratio)
    }

    fn record(&self, span: RequestSpan) {
        self.processor.on_end(span_data(span, &self.scope));
    }

    fn close(&self, timeout: Duration) -> Result<(), String> {
        self.processor.shutdown_with_timeout(timeout).map_err(|error| error.to_string())
    }
}

/// True for this part of all spans.
fn is_chosen(span: [u8; 8], ratio: f64) -> bool {
    let [.., a, b, c, d] = span;
    f64::from(u32::from_be_bytes([a, b, c, d])) < ratio * (f64::from(u32::MAX) + 1.0)
}

/// The span, with the attributes of the conventions for HTTP servers.
fn span_data(request: RequestSpan, scope: &InstrumentationScope) -> SpanData {
    let RequestSpan { trace, parent, span, route, status, request_id, ended_at, duration } =
        request;
    let micros = u64::try_from(ended_at.as_micros()).unwrap_or_default();
    let end = SystemTime::UNIX_EPOCH + Duration::from_micros(micros);
    let mut attributes = vec![
        KeyValue::new("http.response.status_code", i64::from(status)),
        KeyValue::new("portcullis.request_id", request_id),
    ];
    attributes.extend(route.into_iter().flat_map(|(method, path)| {
        [KeyValue::new("http.request.method", method), KeyValue::new("http.route", path)]
    }));
    let (trace, span) = (TraceId::from_bytes(trace), SpanId::from_bytes(span));
    SpanData {
        span_context: SpanContext::new(
            trace,
            span,
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        ),
        parent_span_id: parent.map_or(SpanId::INVALID, SpanId::from_bytes),
        parent_span_is_remote: parent.is_some(),
        span_kind: SpanKind::Server,
        name: route.map_or("HTTP".into(), |(method, path)| format!("{method} {path}").into()),
        start_time: end.checked_sub(duration).unwrap_or(end),
        end_time: end,
        attributes,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: if status >= 500 { Status::error("") } else { Status::Unset },
        instrumentation_scope: scope.clone(),
    }
}

#[cfg(test)]
mod tests {
    use portcullis_domain::Timestamp;

    use super::*;

    fn span(route: Option<(&'static str, &'static str)>, status: u16) -> SpanData {
        let request = RequestSpan {
            trace: [7; 16],
            parent: Some([8; 8]),
            span: [9; 8],
            route,
            status,
            request_id: "a-1".to_owned(),
            ended_at: Timestamp::from_seconds(100),
            duration: Duration::from_secs(30),
        };
        span_data(request, &InstrumentationScope::builder("test").build())
    }

    #[test]
    fn a_span_has_the_pattern_of_the_route_and_its_times() {
        let span = span(Some(("GET", "/api/admin/users/{id}")), 200);
        assert_eq!(span.name, "GET /api/admin/users/{id}");
        assert_eq!(span.start_time, SystemTime::UNIX_EPOCH + Duration::from_secs(70));
        assert_eq!(span.end_time, SystemTime::UNIX_EPOCH + Duration::from_secs(100));
        assert_eq!(span.parent_span_id, SpanId::from_bytes([8; 8]));
        assert_eq!((span.status, span.attributes.len()), (Status::Unset, 4));
    }

    #[test]
    fn a_failure_is_an_error_and_a_refusal_is_none() {
        assert_eq!(span(None, 503).status, Status::error(""));
        assert_eq!(span(None, 404).status, Status::Unset);
        assert_eq!(span(None, 404).name, "HTTP");
    }

    #[test]
    fn the_ratio_chooses_by_the_end_of_the_span_id() {
        let (low, high) = ([0; 8], [0xff; 8]);
        assert!(is_chosen(low, 1.0) && is_chosen(high, 1.0));
        assert!(!is_chosen(low, 0.0) && !is_chosen(high, 0.0));
        assert!(is_chosen(low, 0.5) && !is_chosen(high, 0.5));
    }
}
