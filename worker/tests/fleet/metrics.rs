//! What a worker tells of itself.

use shared::job::{BatchId, Job};
use shared::outcome::{FailureKind, Outcome};

use crate::harness::{Fleet, HIGH, LOW, Line, NORMAL, Proxy, Worker, run_to_its_end, until};

const FIXED: [(&str, &str); 9] = [
    ("analysis_files_processed_total", "counter"),
    ("analysis_processing_duration_seconds", "histogram"),
    ("analysis_queue_depth", "gauge"),
    ("analysis_batch_size", "histogram"),
    ("analysis_worker_utilization", "gauge"),
    ("analysis_memory_usage_bytes", "gauge"),
    ("analysis_cpu_usage_percent", "gauge"),
    ("analysis_failures_total", "counter"),
    ("analysis_timeouts_total", "counter"),
];

#[tokio::test]
async fn every_series_is_there_from_the_start() {
    let fleet = Fleet::with(&[]).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let metrics = worker.metrics().await;
    for (name, kind) in FIXED {
        assert_eq!(metrics.kind(name), Some(kind), "{name}\n{}", metrics.text);
        let series = if kind == "histogram" { format!("{name}_bucket") } else { name.to_owned() };
        assert!(metrics.has(&series), "{series}\n{}", metrics.text);
        assert!(metrics.text.contains(&format!("# HELP {name} ")), "{name}");
    }
    let series = |name: &str, label: &str, value: &str| {
        metrics
            .series
            .iter()
            .any(|series| series.name == name && series.labels.get(label).is_some_and(|own| own == value))
    };
    for outcome in Outcome::ALL {
        assert!(series("analysis_files_processed_total", "outcome", outcome.code()), "{outcome}");
    }
    for kind in FailureKind::ALL {
        assert!(series("analysis_failures_total", "kind", kind.code()), "{kind}");
    }
    for queue in fleet.topology.queues() {
        assert!(series("analysis_queue_depth", "queue", &queue), "{queue}");
    }
    for (name, label, values) in [
        ("analysis_dead_letters_total", "fate", &["revived", "failed", "unreadable", "ended"][..]),
        ("analysis_consumer_restarts_total", "cause", &["ended", "wedged"]),
        ("analysis_breaker_state", "dependency", &["redis", "roots", "lanes"]),
        ("analysis_media_roots", "state", &["available", "away"]),
    ] {
        for value in values {
            assert!(series(name, label, value), "{name} {label}={value}");
        }
        assert!(metrics.text.contains(&format!("# HELP {name} ")), "{name}");
    }
    for bound in ["0.001", "30", "1800", "+Inf"] {
        assert!(series("analysis_processing_duration_seconds_bucket", "le", bound), "{bound}");
    }
    assert!(metrics.series.iter().all(|series| !series.labels.contains_key("quantile")), "{}", metrics.text);
    assert!(metrics.sum("analysis_memory_usage_bytes", &[("kind", "worker")]) > 1e6);
    assert!(metrics.sum("analysis_memory_usage_bytes", &[("kind", "lanes")]) > 1e6);
    assert!(series("analysis_memory_usage_bytes", "kind", "cache"));
    worker.stop().await;
}

#[tokio::test]
async fn the_counters_are_those_of_the_batch() {
    let fleet = Fleet::with(&[("ANALYSIS_MAX_WORKERS", "2")]).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let batch = BatchId::new();
    let samples = ["house.wav", "bad/silence.wav", "bad/empty.mp3", "bad/midi.mid", "bad/truncated.flac"];
    let jobs: Vec<Job> = samples
        .iter()
        .flat_map(|name| {
            fleet.put(name, name);
            [HIGH, NORMAL, NORMAL, LOW].map(|level| fleet.job(batch, name, level))
        })
        .chain([fleet.job(batch, "nothing.wav", LOW)])
        .collect();
    fleet.submit(&jobs).await;
    let records = fleet.ends(batch, jobs.len() as u64).await;
    let state = fleet.state(batch).await.unwrap();

    // A moment after Redis has them, since only what is stored is counted.
    let metrics = until("every file in the metrics", async || {
        let metrics = worker.metrics().await;
        (metrics.sum("analysis_files_processed_total", &[]) == jobs.len() as f64).then_some(metrics)
    })
    .await;
    let files = |labels: &[_]| metrics.sum("analysis_files_processed_total", labels);
    for (outcome, count) in &state.outcomes {
        assert_eq!(files(&[("outcome", outcome.code())]), *count as f64, "{outcome}");
    }
    for (level, count) in [("high", 5.0), ("normal", 10.0), ("low", 6.0)] {
        assert_eq!(files(&[("priority", level)]), count, "{level}");
    }
    assert_eq!(files(&[("format", "wav")]), 8.0, "{}", metrics.text);
    let failed = state.failed();
    assert_eq!(metrics.sum("analysis_failures_total", &[]), failed as f64);
    for kind in FailureKind::ALL {
        let of_kind = state.kinds.get(kind.code()).copied().unwrap_or(0);
        assert_eq!(
            metrics.sum("analysis_failures_total", &[("kind", kind.code())]),
            of_kind as f64,
            "{kind}"
        );
    }
    let cached = records.iter().filter(|record| record.cached).count();
    assert_eq!(metrics.sum("analysis_cache_hits_total", &[]), cached as f64);
    assert!(metrics.sum("analysis_memory_usage_bytes", &[("kind", "cache")]) > 0.0);
    let duration = |stage| metrics.sum("analysis_processing_duration_seconds_count", &[("stage", stage)]);
    assert_eq!(duration("total"), jobs.len() as f64);
    assert_eq!(metrics.sum("analysis_queue_wait_seconds_count", &[]), jobs.len() as f64);
    assert_eq!(metrics.sum("analysis_batch_size_sum", &[]), jobs.len() as f64);
    worker.stop().await;
}

#[tokio::test]
async fn the_gauges_follow() {
    let fleet = Fleet::with(&[]).await;
    let worker = Worker::ready(&fleet, &[("WORKER_LEVELS", "high")]).await;
    let lanes = worker.freeze().await;
    let (high, low) = (BatchId::new(), BatchId::new());
    fleet.put("bad/silence.wav", "a.wav");
    fleet.submit(&[fleet.job(high, "a.wav", HIGH)]).await;
    fleet.submit(&[1, 2, 3].map(|_| fleet.job(low, "a.wav", LOW))).await;
    let queue = fleet.topology.level_queue(LOW);
    until("three messages and a busy lane in the metrics", async || {
        let metrics = worker.metrics().await;
        let depth = metrics.sum("analysis_queue_depth", &[("queue", &queue), ("state", "ready")]);
        (depth == 3.0 && metrics.sum("analysis_worker_utilization", &[]) == 1.0).then_some(())
    })
    .await;
    lanes[0].thaw();
    fleet.ends(high, 1).await;
    worker.holds(0, 0).await;
    worker.stop().await;
}

#[tokio::test]
async fn without_rabbitmq_no_figure_is_shown_instead_of_an_old_one() {
    let fleet = Fleet::with(&[]).await;
    let rabbitmq = Proxy::before(&fleet.servers.amqp).await;
    let worker = Worker::ready(&fleet, &[("AMQP_URL", &rabbitmq.url)]).await;
    let knows = async |known: bool| {
        until(&format!("the queues are known: {known}"), async || {
            let metrics = worker.metrics().await;
            let figures = ["analysis_queue_depth", "analysis_queue_consumers"];
            figures.iter().all(|name| metrics.sum(name, &[]).is_nan() != known).then_some(())
        })
        .await;
    };
    knows(true).await;
    // Not cut: a server that hangs answers nothing, and is soon known again when it goes on.
    rabbitmq.set(Line::Silent);
    knows(false).await;
    rabbitmq.set(Line::Open);
    knows(true).await;
    worker.stop().await;
}

#[tokio::test]
async fn readiness_is_a_metric() {
    let fleet = Fleet::with(&[]).await;
    let redis = Proxy::before(&fleet.servers.redis).await;
    let worker = Worker::ready(&fleet, &[("REDIS_URL", &redis.url)]).await;
    for (line, ready) in [(Line::Open, 1.0), (Line::Cut, 0.0), (Line::Open, 1.0)] {
        redis.set(line);
        until(&format!("ready is {ready}"), async || {
            (worker.metrics().await.sum("analysis_worker_ready", &[]) == ready).then_some(())
        })
        .await;
    }
    worker.stop().await;
}

#[tokio::test]
async fn the_probes_and_the_health_check_agree() {
    let fleet = Fleet::with(&[]).await;
    let worker = Worker::ready(&fleet, &[]).await;
    for probe in ["/startupz", "/livez", "/readyz"] {
        assert_eq!(worker.get(probe).await, (200, "ok\n".to_owned()), "{probe}");
    }
    assert_eq!(worker.get("/nothing").await.0, 404);
    let address = worker.address.to_string();
    let check = fleet.environment(&[("HTTP_ADDR", &address)]);
    assert_eq!(run_to_its_end(&["healthcheck"], &check).await.code, Some(0));
    worker.stop().await;
    let ended = run_to_its_end(&["healthcheck"], &check).await;
    assert_eq!(ended.code, Some(69));
    assert!(
        ended.said().contains(&format!("no worker answers at {address} (HTTP_ADDR)")),
        "{}",
        ended.stderr
    );
}
