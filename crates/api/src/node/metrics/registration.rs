//! Registration of metrics that have one value.

use std::fmt;

use prometheus_client::encoding::{EncodeCounterValue, EncodeGaugeValue};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

pub(super) fn gauge<V>(registry: &mut Registry, name: &str, about: &str, value: V)
where
    V: EncodeGaugeValue + fmt::Debug + Send + Sync + 'static,
{
    registry.register(name, about, ConstGauge::new(value));
}

pub(super) fn counter<V>(registry: &mut Registry, name: &str, about: &str, value: V)
where
    V: EncodeCounterValue + fmt::Debug + Send + Sync + 'static,
{
    registry.register(name, about, ConstCounter::new(value));
}
