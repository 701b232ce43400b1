//! Metrics of routes: answers by status, and the histogram of their latency.

use std::fmt;
use std::sync::Arc;

use portcullis_web::{RequestMetrics, RouteMetrics};
use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Registers the metrics of all routes that have answered a request. The bounds of the labels are the routes
/// and the statuses of the server: no label has a part of a request.
pub(super) fn register(registry: &mut Registry, requests: &RequestMetrics) {
    let routes: Arc<[RouteMetrics]> = requests.routes().into();
    let about = "Answers to requests since the start, by method, route and status; status 0 stands for rare ones";
    registry.register("requests", about, Answers(Arc::clone(&routes)));
    let about = "Time from the arrival of the head of a request to the head of its answer, by method and route";
    registry.register("request_duration_seconds", about, Latencies(routes));
    let problems = Family::<[(&str, &str); 1], Counter>::default();
    for (code, count) in requests.problems() {
        problems.get_or_create(&[("code", code.as_str())]).inc_by(count);
    }
    let about = "Answers with a problem since the start, by its code: refusals and failures";
    registry.register("problems", about, problems);
}

#[derive(Debug)]
struct Answers(Arc<[RouteMetrics]>);

#[derive(Debug)]
struct Latencies(Arc<[RouteMetrics]>);

fn labels(route: &RouteMetrics) -> [(&'static str, &'static str); 2] {
    [("method", route.method), ("route", route.path)]
}

impl EncodeMetric for Answers {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for route in &*self.0 {
            for (status, count) in &route.statuses {
                let labels = (labels(route), [("status", *status)]);
                encoder
                    .encode_family(&labels)?
                    .encode_counter::<NoLabelSet, _, f64>(count, None)?;
            }
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Counter
    }
}

impl EncodeMetric for Latencies {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for route in &*self.0 {
            let labels = labels(route);
            let mut encoder = encoder.encode_family(&labels)?;
            let total = route.total.as_secs_f64();
            encoder.encode_histogram::<NoLabelSet>(total, route.count, &route.buckets, None)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}
