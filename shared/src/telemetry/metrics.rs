//! The metrics: names, meanings, labels and buckets, one table for worker, dashboards, alerts and load tests.
//!
//! Label values are closed sets: levels by name, the codes of [`crate::outcome`], containers, stages. A path or an id is
//! never a label.

/// Files that came to an end, each once.
pub const FILES_PROCESSED: &str = "analysis_files_processed_total";
/// Time per stage of a file.
pub const PROCESSING_DURATION: &str = "analysis_processing_duration_seconds";
/// Length of the audio in them.
pub const AUDIO_SECONDS: &str = "analysis_audio_seconds_total";
/// Messages on the broker.
pub const QUEUE_DEPTH: &str = "analysis_queue_depth";
/// Messages that a queue takes.
pub const QUEUE_LIMIT: &str = "analysis_queue_limit";
/// Consumers of a queue, of all workers together.
pub const QUEUE_CONSUMERS: &str = "analysis_queue_consumers";
/// Files that this worker holds.
pub const JOBS: &str = "analysis_jobs";
/// Ends per write to Redis.
pub const BATCH_SIZE: &str = "analysis_batch_size";
/// How many messages are held beyond the lanes.
pub const BATCH_LIMIT: &str = "analysis_batch_limit";
/// Busy lanes.
pub const WORKER_UTILIZATION: &str = "analysis_worker_utilization";
/// Memory of the worker and its lanes.
pub const MEMORY_USAGE: &str = "analysis_memory_usage_bytes";
/// How much of it they may use.
pub const MEMORY_LIMIT: &str = "analysis_memory_limit_bytes";
/// Processor time of the worker and its lanes.
pub const CPU_USAGE: &str = "analysis_cpu_usage_percent";
/// Failed files.
pub const FAILURES: &str = "analysis_failures_total";
/// Failed files that ran out of time.
pub const TIMEOUTS: &str = "analysis_timeouts_total";
/// From submission to start.
pub const QUEUE_WAIT: &str = "analysis_queue_wait_seconds";
/// Files answered without analysis.
pub const CACHE_HITS: &str = "analysis_cache_hits_total";
/// Files of whose report only some parts were computed anew.
pub const CACHE_REFRESHED: &str = "analysis_cache_refreshed_total";
/// Files that no cache knew.
pub const CACHE_MISSES: &str = "analysis_cache_misses_total";
/// How much of files was read into memory before their turn.
pub const READ_AHEAD_BYTES: &str = "analysis_read_ahead_bytes_total";
/// Messages sent to a retry tier.
pub const RETRIES: &str = "analysis_retries_total";
/// Retries that the broker did not bring back, published again by a worker.
pub const OVERDUE_RETRIES: &str = "analysis_overdue_retries_total";
/// Deliveries that were no longer ours when they were to be acknowledged.
pub const LOST_LEASES: &str = "analysis_lost_leases_total";
/// Messages taken out of the dead queue.
pub const DEAD_LETTERS: &str = "analysis_dead_letters_total";
/// Consumers started again.
pub const CONSUMER_RESTARTS: &str = "analysis_consumer_restarts_total";
/// Results that Redis refuses for good.
pub const REFUSED_RESULTS: &str = "analysis_refused_results_total";
/// Whether a circuit breaker keeps the worker from taking work.
pub const BREAKER_STATE: &str = "analysis_breaker_state";
/// Media roots that can be read, and that cannot.
pub const MEDIA_ROOTS: &str = "analysis_media_roots";
/// Whether Redis may throw results away.
pub const REDIS_MAY_EVICT: &str = "analysis_redis_may_evict";
/// Deliveries that had been with a worker before.
pub const REDELIVERIES: &str = "analysis_redeliveries_total";
/// Lanes replaced.
pub const LANE_RESTARTS: &str = "analysis_lane_restarts_total";
/// How far lanes are shut in.
pub const LANE_CONFINEMENT: &str = "analysis_lane_confinement";
/// Writes to Redis that failed.
pub const STORE_FAILURES: &str = "analysis_store_failures_total";
/// Log lines that were not written.
pub const LOG_LINES_DROPPED: &str = "analysis_log_lines_dropped_total";
/// Whether the worker takes work.
pub const WORKER_READY: &str = "analysis_worker_ready";
/// When the worker started.
pub const START_TIME: &str = "analysis_start_time_seconds";
/// Version of the running program.
pub const BUILD_INFO: &str = "analysis_build_info";

/// What kind of series a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations in buckets.
    Histogram,
}

/// The unit of a metric's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricUnit {
    /// Things.
    Count,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Per cent of one processor core.
    Percent,
    /// From 0 to 1.
    Ratio,
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name in the exposition.
    pub name: &'static str,
    /// Kind of series.
    pub kind: MetricKind,
    /// Unit of the value.
    pub unit: MetricUnit,
    /// The `# HELP` text.
    pub help: &'static str,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// Upper bounds of a histogram's buckets in its unit, ascending, without infinity; empty for the others.
    pub buckets: &'static [f64],
}

/// From a write to Redis (milliseconds) to the longest mix under its stretched time limit.
const DURATIONS: &[f64] =
    &[0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0];
/// From an idle fleet to an archive that waits over a weekend.
const WAITS: &[f64] = &[
    0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 43_200.0, 86_400.0,
    259_200.0,
];
/// The range of ANALYSIS_BATCH_SIZE.
const SIZES: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];

/// Every metric, in the order of the documentation.
pub const METRICS: &[Metric] = &[
    counter(
        FILES_PROCESSED,
        &["outcome", "priority", "format"],
        "Files that came to an end and are stored, by outcome, priority level and container format.",
    ),
    histogram(
        PROCESSING_DURATION,
        MetricUnit::Seconds,
        &["stage"],
        DURATIONS,
        "Wall time of one stage of one file, or of one batch for the stage store.",
    ),
    Metric {
        unit: MetricUnit::Seconds,
        ..counter(
            AUDIO_SECONDS,
            &["origin"],
            "Length of the audio in files that ended with a report, by where that came from: analysed, or cached.",
        )
    },
    gauge(
        QUEUE_DEPTH,
        MetricUnit::Count,
        &["queue", "state"],
        "Messages in a queue of the broker that wait for a worker (state ready), or for their time in a retry queue: the same figure from every worker, NaN while the broker does not say.",
    ),
    gauge(
        QUEUE_LIMIT,
        MetricUnit::Count,
        &["queue"],
        "Messages that the queue of a level takes before it refuses more (QUEUE_MAX_SIZE).",
    ),
    gauge(
        QUEUE_CONSUMERS,
        MetricUnit::Count,
        &["queue"],
        "Consumers of a level's queue or of the dead queue, those of all workers together; NaN while the broker does not say.",
    ),
    gauge(
        JOBS,
        MetricUnit::Count,
        &["state"],
        "Files that this worker has taken from the broker: waiting for a lane, or running on one.",
    ),
    histogram(BATCH_SIZE, MetricUnit::Count, &[], SIZES, "Ends written to Redis in one pipeline."),
    gauge(
        BATCH_LIMIT,
        MetricUnit::Count,
        &[],
        "Messages held beyond those that the lanes work on, at most: what the lanes end in a second, from 1 up to ANALYSIS_BATCH_MAX; 0 while other workers may be idle.",
    ),
    gauge(WORKER_UTILIZATION, MetricUnit::Ratio, &[], "Share of the lanes that are analysing, from 0 to 1."),
    gauge(
        MEMORY_USAGE,
        MetricUnit::Bytes,
        &["kind"],
        "Memory by kind: resident memory of the worker process and of all its lanes, and the report cache within the worker.",
    ),
    gauge(
        MEMORY_LIMIT,
        MetricUnit::Bytes,
        &[],
        "What the worker and its lanes may use together (MAX_MEMORY_MB).",
    ),
    gauge(
        CPU_USAGE,
        MetricUnit::Percent,
        &[],
        "Processor time of the worker and its lanes over the last interval; 100 is one core.",
    ),
    counter(
        FAILURES,
        &["kind"],
        "Files that ended as failed, by kind of failure. Retries are not among them.",
    ),
    counter(
        TIMEOUTS,
        &[],
        "Files that ended as failed because they took too long: a part of analysis_failures_total.",
    ),
    histogram(
        QUEUE_WAIT,
        MetricUnit::Seconds,
        &["priority"],
        WAITS,
        "Time from submission to the first start, by the clocks of the producer's and the worker's host.",
    ),
    counter(
        CACHE_HITS,
        &["tier"],
        "Files whose audio was known and was not analysed again, by where the report was: memory or redis.",
    ),
    counter(
        CACHE_REFRESHED,
        &[],
        "Files whose audio was known, but with parts of an older analyser: they were decoded, and those parts alone computed anew.",
    ),
    counter(
        CACHE_MISSES,
        &[],
        "Files that were analysed whole, because no cache knew their audio or the whole report was of an older analyser.",
    ),
    Metric {
        unit: MetricUnit::Bytes,
        ..counter(
            READ_AHEAD_BYTES,
            &[],
            "What of files was not in the machine's memory and is read into it before their turn (READ_AHEAD_MB).",
        )
    },
    counter(RETRIES, &["priority"], "Messages sent to a retry tier after a passing failure."),
    counter(
        OVERDUE_RETRIES,
        &[],
        "Retries that RabbitMQ did not bring back from their queue within WEDGE_TIMEOUT after their time, although their level's queue was empty; the worker has published them again.",
    ),
    counter(
        LOST_LEASES,
        &[],
        "Deliveries that the broker had already taken back when they were acknowledged; their files may be analysed twice, and count once.",
    ),
    counter(
        DEAD_LETTERS,
        &["fate"],
        "Messages that the broker had given up on, by what became of them: revived (never started; published again), failed, unreadable, or ended (had an end already).",
    ),
    counter(
        CONSUMER_RESTARTS,
        &["cause"],
        "Consumers started anew, by cause: ended (by the broker), or wedged (messages waited and none was delivered).",
    ),
    gauge(
        BREAKER_STATE,
        MetricUnit::Count,
        &["dependency"],
        "State of the circuit breaker: 0 closed, 1 half-open (one probe), 2 open (no work is taken). For roots that of the root that is best off.",
    ),
    gauge(
        MEDIA_ROOTS,
        MetricUnit::Count,
        &["state"],
        "Media roots of this worker that are available, and that are away; jobs of those that are away are retried.",
    ),
    gauge(
        REDIS_MAY_EVICT,
        MetricUnit::Count,
        &[],
        "1 where Redis has a maxmemory and a maxmemory-policy other than noeviction: it may throw results away. Looked at every minute.",
    ),
    counter(
        REDELIVERIES,
        &[],
        "Deliveries that had been with a worker before: one that died, lost its connection or gave them back.",
    ),
    counter(LANE_RESTARTS, &["cause"], "Analysis processes replaced by a fresh one, by cause."),
    gauge(
        LANE_CONFINEMENT,
        MetricUnit::Count,
        &["layer"],
        "1 where a layer of the lanes' confinement is in force: files (Landlock), calls (seccomp); 0 where the kernel has it not.",
    ),
    counter(STORE_FAILURES, &[], "Batches that Redis did not take; they are written again."),
    counter(
        LOG_LINES_DROPPED,
        &[],
        "Log lines that were not written, because standard error was not read in time or could not be written to.",
    ),
    counter(
        REFUSED_RESULTS,
        &["fate"],
        "Results that Redis refuses for good (a key of another type, a script that fails), by what became of them: reduced (stored as a failure, without the report), retried, stray (stored as a failure of the batch of nobody), parked (in the longest retry tier), lost (no job; it stands in the log).",
    ),
    gauge(
        WORKER_READY,
        MetricUnit::Count,
        &[],
        "1 while the worker takes work, as /readyz says; 0 while it starts, stops, or waits for RabbitMQ, Redis or a media root.",
    ),
    gauge(START_TIME, MetricUnit::Seconds, &[], "When the worker started, in seconds since the Unix epoch."),
    gauge(
        BUILD_INFO,
        MetricUnit::Count,
        &["version", "analysis_version"],
        "Always 1; the labels are versions.",
    ),
];

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: MetricKind::Counter, unit: MetricUnit::Count, help, labels, buckets: &[] }
}

const fn gauge(
    name: &'static str,
    unit: MetricUnit,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric { name, kind: MetricKind::Gauge, unit, help, labels, buckets: &[] }
}

const fn histogram(
    name: &'static str,
    unit: MetricUnit,
    labels: &'static [&'static str],
    buckets: &'static [f64],
    help: &'static str,
) -> Metric {
    Metric { name, kind: MetricKind::Histogram, unit, help, labels, buckets }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_follow_the_conventions_of_prometheus() {
        let names: HashSet<_> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), METRICS.len());
        for Metric { name, kind, unit, help, labels, .. } in METRICS {
            assert!(name.starts_with("analysis_"), "{name}");
            assert_eq!(*kind == MetricKind::Counter, name.ends_with("_total"), "{name}");
            let measured = name.trim_end_matches("_total");
            assert_eq!(*unit == MetricUnit::Seconds, measured.ends_with("_seconds"), "{name}");
            assert_eq!(*unit == MetricUnit::Bytes, measured.ends_with("_bytes"), "{name}");
            assert!(help.ends_with('.') && !help.contains('\n'), "{name}: {help}");
            assert!(
                labels.iter().all(|label| label.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')),
                "{name}"
            );
        }
    }

    /// `docs/reference/metrics.md`, as it should be.
    fn page() -> String {
        let mut page = "# Metrics\n\nWhat a worker serves on `/metrics`. This page is generated from the table in \
            `shared/src/telemetry/metrics.rs`: `UPDATE=1 cargo test -p shared metrics`.\n\n\
            Every metric is there with all its series from the start, and no label has a value outside a closed set. \
            The figures of a queue are the broker's and the same from every worker: take `max`, not `sum`.\n\n\
            | metric | kind | labels | meaning |\n|---|---|---|---|\n"
            .to_owned();
        for Metric { name, kind, help, labels, .. } in METRICS {
            let kind = format!("{kind:?}").to_lowercase();
            let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
            page += &format!("| `{name}` | {kind} | {} | {help} |\n", labels.join(", "));
        }
        page
    }

    #[test]
    fn the_page_of_metrics_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/metrics.md");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, page()).unwrap();
        }
        let found = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            found == page(),
            "docs/reference/metrics.md: refresh it with UPDATE=1 cargo test -p shared metrics"
        );
    }

    #[test]
    fn histograms_and_only_they_have_ascending_buckets() {
        for Metric { name, kind, buckets, .. } in METRICS {
            assert_eq!(*kind == MetricKind::Histogram, !buckets.is_empty(), "{name}");
            assert!(buckets.is_sorted_by(|a, b| a < b), "{name}");
        }
    }

    #[test]
    fn the_nine_fixed_names_are_there() {
        let fixed = [
            "analysis_files_processed_total",
            "analysis_processing_duration_seconds",
            "analysis_queue_depth",
            "analysis_batch_size",
            "analysis_batch_limit",
            "analysis_worker_utilization",
            "analysis_memory_usage_bytes",
            "analysis_cpu_usage_percent",
            "analysis_failures_total",
            "analysis_timeouts_total",
        ];
        for name in fixed {
            assert!(METRICS.iter().any(|metric| metric.name == name), "{name}");
        }
    }
}
