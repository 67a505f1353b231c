//! Metrics as values that are read when somebody asks.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

/// Whether a value only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows; its name is shown with `_total` behind it.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// One value with its labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Names and values of labels.
    pub labels: Vec<(&'static str, String)>,
    /// Value.
    pub value: u64,
}

/// Values of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    /// Name, with the unit at its end.
    pub name: &'static str,
    /// What it counts, in words.
    pub help: &'static str,
    /// Whether it only grows.
    pub kind: Kind,
    /// Values.
    pub samples: Vec<Sample>,
}

/// Metrics of a program: build and uptime, and what it adds.
#[derive(Debug)]
pub struct Metrics(Registry);

impl Kind {
    fn encode(self, value: u64, encoder: MetricEncoder<'_>) -> fmt::Result {
        match self {
            Self::Counter => ConstCounter::new(value).encode(encoder),
            Self::Gauge => ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(encoder),
        }
    }
}

impl Family {
    /// A family of one value.
    #[must_use]
    pub fn single(name: &'static str, help: &'static str, kind: Kind, value: u64) -> Self {
        Self { name, help, kind, samples: vec![Sample { labels: Vec::new(), value }] }
    }
}

impl Metrics {
    /// Build and uptime of `component`.
    #[must_use]
    pub fn new(component: &'static str, version: &'static str) -> Self {
        let mut registry = Registry::with_prefix("meridian");
        let build = Info::new(vec![("component", component), ("version", version)]);
        registry.register("build", "Which program this is", build);
        let mut metrics = Self(registry);
        let begin = now();
        metrics.read(move || {
            let seconds = begin.elapsed().as_secs();
            vec![Family::single("uptime_seconds", "Time since the start", Kind::Gauge, seconds)]
        });
        metrics
    }

    /// Adds what `read` gives; it is asked at each scrape and must be quick.
    pub fn read(&mut self, read: impl Fn() -> Vec<Family> + Send + Sync + 'static) {
        self.0.register_collector(Box::new(Reader(Arc::new(read))));
    }

    /// The registry, for components that register their own; it puts `meridian_` before their names.
    pub fn registry_mut(&mut self) -> &mut Registry {
        &mut self.0
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.0
    }
}

struct Reader(Arc<dyn Fn() -> Vec<Family> + Send + Sync>);

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

impl Collector for Reader {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in (self.0)() {
            let metric_type = match family.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
            };
            let mut descriptor = encoder.encode_descriptor(family.name, family.help, None, metric_type)?;
            if let [Sample { labels, value }] = family.samples.as_slice()
                && labels.is_empty()
            {
                family.kind.encode(*value, descriptor)?;
                continue;
            }
            for sample in family.samples {
                family.kind.encode(sample.value, descriptor.encode_family(&sample.labels)?)?;
            }
        }
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "the edge that reads the clock for the uptime")]
fn now() -> Instant {
    Instant::now()
}
