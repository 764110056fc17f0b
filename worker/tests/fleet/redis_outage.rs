//! Redis is away while lanes work and results wait to be stored.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use shared::job::BatchId;

use crate::harness::{Fleet, Line, Proxy, Worker, until};

/// Every file takes this long, so that results become ready in the middle of the outage.
const FILE: &str = "3s";
const LANES: u32 = 3;
const JOBS: u32 = 12;

/// What a stop takes at most when only results wait that cannot be stored: five seconds of last tries, and the rest for a
/// busy machine. `SHUTDOWN_TIMEOUT` is 25 s.
const STOP_WITHIN: Duration = Duration::from_secs(15);

async fn running(worker: &Worker) -> u32 {
    worker.metrics().await.sum("analysis_jobs", &[("state", "running")]) as u32
}

#[tokio::test]
async fn jobs_that_have_not_started_go_back_although_results_wait_to_be_stored() {
    let fleet = Fleet::with(&[("ANALYSIS_MAX_WORKERS", "3"), ("ANALYSIS_REHEARSAL", FILE)]).await;
    let redis = Proxy::before(&fleet.servers.redis).await;
    let batch = BatchId::new();
    let mut worker = Worker::ready(&fleet, &[("REDIS_URL", &redis.url)]).await;
    fleet.submit(&fleet.silences(batch, JOBS as usize)).await;
    worker.holds(JOBS - LANES, LANES).await;
    redis.set(Line::Cut);
    worker.log.says("taking no work").await;
    worker.log.says("results cannot be stored").await;

    // One lot of results waits, at most another lot runs; whatever else was held is in the queue again.
    let returned = until("what has not started is back in the queue", async || {
        let queued = fleet.queued().await;
        (queued >= JOBS - 2 * LANES).then_some(queued)
    })
    .await;
    assert!(running(&worker).await <= LANES);
    // What runs is finished, and its results wait, too.
    worker.holds(0, 0).await;
    assert_eq!((fleet.done(batch).await, fleet.queued().await), (0, returned));

    redis.set(Line::Open);
    fleet.ends(batch, u64::from(JOBS)).await;
    let metrics = worker.metrics().await;
    let analysed = metrics.sum("analysis_processing_duration_seconds_count", &[("stage", "analyze")]);
    assert_eq!(analysed, f64::from(JOBS), "every file was analysed once");
    assert_eq!(metrics.sum("analysis_lost_leases_total", &[]), 0.0);
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}

async fn stops_soon(line: Line) {
    let fleet = Fleet::with(&[]).await;
    let redis = Proxy::before(&fleet.servers.redis).await;
    let batch = BatchId::new();
    let mut worker = Worker::ready(&fleet, &[("REDIS_URL", redis.url.as_str())]).await;
    let lanes = worker.freeze().await;
    fleet.submit(&fleet.silences(batch, 5)).await;
    worker.holds(4, 1).await;
    redis.set(line);
    worker.log.says("taking no work").await;
    lanes[0].thaw();
    worker.holds(0, 0).await;
    let begun = Instant::now();
    worker.signal(Signal::TERM);
    assert_eq!(worker.exit().await.code(), Some(0));
    assert!(begun.elapsed() < STOP_WITHIN, "{:?}", begun.elapsed());
    worker.log.says("results could not be stored").await;
    redis.set(Line::Open);
    fleet.queues_hold(5).await;
    let worker = Worker::ready(&fleet, &[]).await;
    fleet.ends(batch, 5).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_stop_does_not_wait_long_for_a_redis_that_refuses() {
    stops_soon(Line::Cut).await;
}

#[tokio::test]
async fn a_stop_does_not_wait_long_for_a_redis_that_hangs() {
    stops_soon(Line::Silent).await;
}

#[tokio::test]
async fn a_redis_that_comes_back_during_the_stop_still_gets_the_results() {
    let fleet = Fleet::with(&[]).await;
    let redis = Proxy::before(&fleet.servers.redis).await;
    let batch = BatchId::new();
    let mut worker = Worker::ready(&fleet, &[("REDIS_URL", redis.url.as_str())]).await;
    redis.set(Line::Cut);
    fleet.submit(&fleet.silences(batch, 1)).await;
    worker.log.says("results cannot be stored").await;
    worker.log.says("taking no work").await;
    worker.signal(Signal::TERM);
    worker.log.says("stopping").await;
    redis.set(Line::Open);
    assert_eq!(worker.exit().await.code(), Some(0));
    assert_eq!((fleet.done(batch).await, fleet.queued().await), (1, 0));
}

/// What runs is interrupted and goes back, and its start is to be taken back in Redis, which does not answer.
#[tokio::test]
async fn a_stop_at_once_does_not_wait_for_a_redis_that_hangs() {
    let settings = [("ANALYSIS_MAX_WORKERS", "3"), ("SHUTDOWN_TIMEOUT", "1s")];
    let fleet = Fleet::with(&settings).await;
    let redis = Proxy::before(&fleet.servers.redis).await;
    let batch = BatchId::new();
    let mut worker = Worker::ready(&fleet, &[("REDIS_URL", redis.url.as_str())]).await;
    worker.freeze().await;
    fleet.submit(&fleet.silences(batch, 3)).await;
    worker.holds(0, 3).await;
    redis.set(Line::Silent);
    worker.log.says("taking no work").await;
    let begun = Instant::now();
    worker.signal(Signal::TERM);
    assert_eq!(worker.exit().await.code(), Some(0));
    assert!(begun.elapsed() < STOP_WITHIN, "{:?}", begun.elapsed());
    fleet.queues_hold(3).await;
}
