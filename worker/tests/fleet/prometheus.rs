//! What a real Prometheus makes of two workers: every series from the start and no other later, counters that are those of
//! the batch in Redis, buckets that hold what was observed, and rules that find what they name.

use std::collections::{BTreeMap, BTreeSet};

use shared::job::{BatchId, FileRef, Job};
use shared::outcome::FailureKind;
use shared::record::Record;
use shared::store::BatchState;
use shared::telemetry::metrics::{METRICS, MetricKind};

use crate::dashboard;
use crate::harness::{Fleet, HIGH, JOB, LOW, NORMAL, Prometheus, Worker, slow_wav, until};

/// Nobody takes the low level, so that something waits.
const SETTINGS: [(&str, &str); 2] = [("ANALYSIS_TIMEOUT", "3s"), ("WORKER_LEVELS", "high,normal")];
const WAITING: usize = 3;

const SAMPLES: [&str; 8] = [
    "house.wav",
    "jazz.caf",
    "waltz.flac",
    "bad/silence.wav",
    "bad/empty.mp3",
    "bad/midi.mid",
    "bad/truncated.flac",
    "bad/tenth_of_a_second.wav",
];

#[tokio::test]
async fn two_workers_under_load() {
    let fleet = Fleet::with(&SETTINGS).await;
    let workers = [Worker::ready(&fleet, &[]).await, Worker::ready(&fleet, &[]).await];
    let prometheus = Prometheus::scraping(&workers).await;
    let before = series(&prometheus).await;
    every_metric_is_there(&prometheus, &before, workers.len()).await;

    let low = BatchId::new();
    fleet.submit(&[(); WAITING].map(|()| fleet.job(low, "house.wav", LOW))).await;
    let batch = BatchId::new();
    let jobs = jobs(&fleet, batch);
    fleet.submit(&jobs).await;
    let records = fleet.ends(batch, jobs.len() as u64).await;
    let state = fleet.state(batch).await.unwrap();
    // Counted a moment after Redis has them, and scraped a moment after that.
    until("every file in the metrics", async || {
        let mut counted = 0.0;
        for worker in &workers {
            counted += worker.metrics().await.sum("analysis_batch_size_sum", &[]);
        }
        (counted == jobs.len() as f64).then_some(())
    })
    .await;
    prometheus.scrapes_again().await;

    counters_are_those_of(&prometheus, &state).await;
    audio_is_that_of(&prometheus, &records).await;
    buckets_hold(&prometheus, &records).await;
    every_worker_sees_the_same_queue(&prometheus, &fleet, workers.len()).await;
    assert_eq!(series(&prometheus).await, before, "no label value that was not there from the start");
    dashboard::every_query_has_an_answer(&prometheus).await;
    for worker in workers {
        worker.stop().await;
    }
}

/// Good, partial, empty, broken and late files, copies of them, and one of a root that is nowhere.
fn jobs(fleet: &Fleet, batch: BatchId) -> Vec<Job> {
    slow_wav(&fleet.path("slow.wav"));
    let late = fleet.job(batch, "slow.wav", HIGH);
    let mut lost = fleet.job(batch, "lost.wav", NORMAL);
    lost.file = FileRef { root: "elsewhere".to_owned(), ..lost.file };
    let missing = fleet.job(batch, "nothing.wav", NORMAL);
    let samples = SAMPLES.iter().flat_map(|name| {
        fleet.put(name, name);
        [HIGH, NORMAL, NORMAL].map(|level| fleet.job(batch, name, level))
    });
    [late, lost, missing].into_iter().chain(samples).collect()
}

/// Every series of ours, by its name and labels.
async fn series(prometheus: &Prometheus) -> BTreeSet<BTreeMap<String, String>> {
    let samples = prometheus.query(r#"{__name__=~"analysis_.+"}"#).await;
    samples.into_iter().map(|sample| sample.labels).collect()
}

async fn every_metric_is_there(
    prometheus: &Prometheus,
    series: &BTreeSet<BTreeMap<String, String>>,
    workers: usize,
) {
    let metadata = prometheus.metadata().await;
    for metric in METRICS {
        let (kind, suffixes): (_, &[&str]) = match metric.kind {
            MetricKind::Counter => ("counter", &[""]),
            MetricKind::Gauge => ("gauge", &[""]),
            MetricKind::Histogram => ("histogram", &["_bucket", "_sum", "_count"]),
        };
        let known = &metadata[metric.name][0];
        assert_eq!(
            (known["type"].as_str(), known["help"].as_str()),
            (Some(kind), Some(metric.help)),
            "{}",
            metric.name
        );
        for suffix in suffixes {
            let name = format!("{}{suffix}", metric.name);
            let found: Vec<_> = series.iter().filter(|labels| labels["__name__"] == name).collect();
            let instances: BTreeSet<_> = found.iter().map(|labels| &labels["instance"]).collect();
            assert_eq!(instances.len(), workers, "{name} of every worker");
            for labels in found {
                let own: Vec<&str> = labels.keys().map(String::as_str).collect();
                let mut wanted = [metric.labels, &["__name__", "instance", "job"]].concat();
                if *suffix == "_bucket" {
                    wanted.push("le");
                }
                wanted.sort_unstable();
                assert_eq!(own, wanted, "{name}");
                assert_eq!(labels["job"], JOB);
            }
        }
        for bound in metric.buckets {
            let selector = format!("count({}_bucket{{le=\"{bound}\"}})", metric.name);
            assert!(prometheus.value(&selector).await >= workers as f64, "{selector}");
        }
    }
}

async fn counters_are_those_of(prometheus: &Prometheus, state: &BatchState) {
    let outcomes = prometheus.by_label("outcome", "sum by (outcome) (analysis_files_processed_total)").await;
    for (outcome, count) in &state.outcomes {
        assert_eq!(outcomes[outcome.code()], *count as f64, "{outcome}");
    }
    let kinds = prometheus.by_label("kind", "sum by (kind) (analysis_failures_total)").await;
    for kind in FailureKind::ALL {
        let count = state.kinds.get(kind.code()).copied().unwrap_or(0);
        assert_eq!(kinds[kind.code()], count as f64, "{kind}");
    }
    assert!(kinds["timeout"] >= 1.0);
    assert_eq!((kinds["root_unavailable"], kinds["not_found"]), (1.0, 1.0));
    assert_eq!(prometheus.value("sum(analysis_timeouts_total)").await, kinds["timeout"]);
    assert_eq!(prometheus.value("sum(analysis_retries_total)").await, 1.0);
    assert_eq!(prometheus.value("sum(analysis_batch_size_sum)").await, state.done() as f64);
}

/// To the second, each worker's own.
async fn audio_is_that_of(prometheus: &Prometheus, records: &[Record]) {
    let mut milliseconds: BTreeMap<(Option<&str>, bool), u64> = BTreeMap::new();
    for record in records {
        if let Some(report) = &record.report {
            let of = milliseconds.entry((record.worker.as_deref(), record.cached)).or_default();
            *of += (report.audio.duration_seconds * 1000.0).round() as u64;
        }
    }
    for (origin, cached) in [("analysed", false), ("cached", true)] {
        let seconds: u64 =
            milliseconds.iter().filter(|((_, own), _)| *own == cached).map(|(_, sum)| sum / 1000).sum();
        assert!(seconds > 0, "{origin}");
        let query = format!("sum(analysis_audio_seconds_total{{origin=\"{origin}\"}})");
        assert_eq!(prometheus.value(&query).await, seconds as f64, "{origin}");
    }
}

async fn buckets_hold(prometheus: &Prometheus, records: &[Record]) {
    let total = r#"analysis_processing_duration_seconds_bucket{stage="total"}"#;
    let buckets = prometheus.by_label("le", &format!("sum by (le) ({total})")).await;
    for (bound, count) in &buckets {
        let bound: f64 = bound.parse().unwrap();
        let held = records.iter().filter(|record| record.elapsed_seconds <= bound).count();
        assert_eq!(*count, held as f64, "up to {bound} s");
    }
    // Neither all in the first nor all in the last: the timeout of three seconds is in a bucket of its own.
    assert!(buckets["0.001"] < buckets["2.5"] && buckets["2.5"] < buckets["30"], "{buckets:?}");
    let waits = prometheus.by_label("le", "sum by (le) (analysis_queue_wait_seconds_bucket)").await;
    // Each file's first start; the retry is none from the queue.
    assert_eq!(waits["+Inf"], records.len() as f64);
    assert_eq!(waits["259200"], waits["+Inf"]);
}

async fn every_worker_sees_the_same_queue(prometheus: &Prometheus, fleet: &Fleet, workers: usize) {
    let low = fleet.topology.level_queue(LOW);
    let same =
        format!("count(analysis_queue_depth{{queue=\"{low}\", state=\"ready\"}} == {WAITING}) == {workers}");
    until("every worker sees what waits", async || prometheus.query(&same).await.pop()).await;
    let recorded = format!("job_queue:analysis_queue_depth:max{{queue=\"{low}\"}} == {WAITING}");
    until("it is recorded once", async || prometheus.query(&recorded).await.pop()).await;
    let limit = format!("min(analysis_queue_limit{{queue=\"{low}\"}})");
    assert_eq!(prometheus.value(&limit).await, fleet.topology.max_size as f64);
    // Seen by the rule as well, in the fleet as it is.
    let alert = r#"ALERTS{alertname="AnalysisQueueWithoutConsumers"}"#;
    let pending = until("an alert is pending", async || prometheus.query(alert).await.pop()).await;
    assert_eq!((pending.label("queue"), pending.label("alertstate")), (low.as_str(), "pending"));
}
