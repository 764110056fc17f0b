//! The Prometheus recorder: buckets, help texts, and every series from the start.

use std::time::{Duration, UNIX_EPOCH};

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use shared::job::Levels;
use shared::telemetry::metrics::{self as names, METRICS, Metric, MetricKind, MetricUnit};
use tokio::time::interval;

use super::Stage;

/// Histograms collect single observations until upkeep folds them into buckets; without it memory grows by the minute.
const UPKEEP: Duration = Duration::from_secs(5);

/// Renders the exposition.
#[derive(Debug, Clone)]
pub struct Recorder(PrometheusHandle);

impl Recorder {
    /// The text that Prometheus scrapes.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.render()
    }
}

/// Why there is no recorder.
#[derive(Debug, thiserror::Error)]
pub enum RecorderError {
    /// A histogram without buckets.
    #[error("the metrics cannot be set up: {0}")]
    Build(#[from] BuildError),
    /// Another one is installed in this process.
    #[error("the metrics are already set up")]
    Twice,
}

/// Makes the recorder of this process. Needs a tokio runtime.
///
/// # Errors
/// When there is one already.
pub fn install(levels: Levels) -> Result<Recorder, RecorderError> {
    let mut builder = PrometheusBuilder::new();
    for metric in METRICS.iter().filter(|metric| metric.kind == MetricKind::Histogram) {
        builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), metric.buckets)?;
    }
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|_| RecorderError::Twice)?;
    METRICS.iter().for_each(describe);
    super::touch(levels);
    touch_histograms(levels);
    gauge!(names::BUILD_INFO, "version" => shared::VERSION, "analysis_version" => analysis::VERSION).set(1.0);
    gauge!(names::START_TIME).set(UNIX_EPOCH.elapsed().unwrap_or_default().as_secs_f64());
    let upkeep = handle.clone();
    tokio::spawn(async move {
        let mut ticks = interval(UPKEEP);
        loop {
            ticks.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(Recorder(handle))
}

fn describe(metric: &Metric) {
    let unit = match metric.unit {
        MetricUnit::Count | MetricUnit::Ratio => Unit::Count,
        MetricUnit::Seconds => Unit::Seconds,
        MetricUnit::Bytes => Unit::Bytes,
        MetricUnit::Percent => Unit::Percent,
    };
    match metric.kind {
        MetricKind::Counter => describe_counter!(metric.name, unit, metric.help),
        MetricKind::Gauge => describe_gauge!(metric.name, unit, metric.help),
        MetricKind::Histogram => describe_histogram!(metric.name, unit, metric.help),
    }
}

/// Registering one is enough: an empty histogram is rendered with all its buckets at nothing.
fn touch_histograms(levels: Levels) {
    for stage in Stage::ALL {
        let _registered = histogram!(names::PROCESSING_DURATION, "stage" => stage.label());
    }
    for level in levels.iter() {
        let _registered = histogram!(names::QUEUE_WAIT, "priority" => levels.name(level));
    }
    let _registered = histogram!(names::BATCH_SIZE);
}
