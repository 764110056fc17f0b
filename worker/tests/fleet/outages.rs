//! Servers that go away and come back.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use shared::broker::lapin::options::QueueDeleteOptions;
use shared::job::BatchId;

use crate::harness::{Fleet, Line, NORMAL, Proxy, Worker, until};

/// A stop waits some seconds for a server that does not answer, and no longer.
const GRACE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn without_redis_results_wait_and_nothing_is_acknowledged() {
    let fleet = Fleet::with(&[]).await;
    let redis = Proxy::before(&fleet.servers.redis).await;
    let batch = BatchId::new();
    let mut worker = Worker::ready(&fleet, &[("REDIS_URL", &redis.url)]).await;
    redis.set(Line::Cut);
    fleet.submit(&fleet.silences(batch, 5)).await;
    worker.log.says("results cannot be stored").await;
    let reason = worker.answers("/readyz", 503).await;
    assert!(reason.contains("(REDIS_URL) does not answer"), "{reason}");
    assert_eq!(worker.get("/livez").await.0, 200);
    assert_eq!(fleet.done(batch).await, 0);

    // A server that has forgotten the script, as after a restart.
    redis::cmd("SCRIPT").arg("FLUSH").query_async::<()>(&mut fleet.redis().await).await.unwrap();
    redis.set(Line::Open);
    fleet.ends(batch, 5).await;
    worker.answers("/readyz", 200).await;
    assert!(worker.metrics().await.sum("analysis_store_failures_total", &[]) > 0.0);
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
    assert_eq!(fleet.done(batch).await, 5);
}

#[tokio::test]
async fn a_worker_that_dies_without_redis_has_acknowledged_nothing() {
    let fleet = Fleet::with(&[]).await;
    let redis = Proxy::before(&fleet.servers.redis).await;
    let batch = BatchId::new();
    let mut worker = Worker::ready(&fleet, &[("REDIS_URL", &redis.url)]).await;
    redis.set(Line::Cut);
    fleet.submit(&fleet.silences(batch, 5)).await;
    worker.log.says("results cannot be stored").await;
    worker.kill().await;
    fleet.queues_hold(5).await;
    let worker = Worker::ready(&fleet, &[]).await;
    fleet.ends(batch, 5).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_worker_that_is_stopped_without_redis_gives_everything_back() {
    let fleet = Fleet::with(&[]).await;
    let redis = Proxy::before(&fleet.servers.redis).await;
    let batch = BatchId::new();
    let settings = [("REDIS_URL", redis.url.as_str()), ("SHUTDOWN_TIMEOUT", "200ms")];
    let mut worker = Worker::ready(&fleet, &settings).await;
    redis.set(Line::Cut);
    fleet.submit(&fleet.silences(batch, 5)).await;
    worker.log.says("results cannot be stored").await;
    worker.stop().await;
    fleet.queues_hold(5).await;
}

#[tokio::test]
async fn a_redis_that_hangs_does_not_keep_a_worker_from_stopping() {
    let fleet = Fleet::with(&[("ANALYSIS_MAX_WORKERS", "2")]).await;
    let redis = Proxy::before(&fleet.servers.redis).await;
    let batch = BatchId::new();
    let mut worker = Worker::ready(&fleet, &[("REDIS_URL", redis.url.as_str())]).await;
    let lanes = worker.freeze().await;
    fleet.submit(&fleet.silences(batch, 5)).await;
    worker.holds(3, 2).await;
    redis.set(Line::Silent);
    lanes[0].thaw();
    let begun = Instant::now();
    worker.signal(Signal::TERM);
    worker.log.says("stopping").await;
    worker.signal(Signal::TERM);
    assert_eq!(worker.exit().await.code(), Some(0));
    assert!(begun.elapsed() < GRACE, "{:?}", begun.elapsed());
    redis.set(Line::Open);
    fleet.queues_hold(5).await;
}

#[tokio::test]
async fn a_redis_that_hangs_is_not_waited_for_by_the_probes() {
    let fleet = Fleet::with(&[]).await;
    let redis = Proxy::before(&fleet.servers.redis).await;
    let worker = Worker::ready(&fleet, &[("REDIS_URL", &redis.url)]).await;
    redis.set(Line::Silent);
    let reason = worker.answers("/readyz", 503).await;
    assert!(reason.contains("no answer within 1s (HEALTH_CHECK_TIMEOUT)"), "{reason}");
    assert_eq!(worker.get("/livez").await.0, 200);
    redis.set(Line::Open);
    worker.answers("/readyz", 200).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_lost_connection_to_rabbitmq_mends_itself_and_no_job_ends_twice() {
    let fleet = Fleet::with(&[]).await;
    let rabbitmq = Proxy::before(&fleet.servers.amqp).await;
    let batch = BatchId::new();
    let worker = Worker::ready(&fleet, &[("AMQP_URL", &rabbitmq.url)]).await;
    let lanes = worker.freeze().await;
    fleet.submit(&fleet.silences(batch, 5)).await;
    worker.holds(4, 1).await;
    rabbitmq.set(Line::Cut);
    let reason = worker.answers("/readyz", 503).await;
    assert!(reason.contains("rabbitmq"), "{reason}");
    assert_eq!(worker.get("/livez").await.0, 200);
    fleet.queues_hold(5).await;
    rabbitmq.set(Line::Open);
    worker.answers("/readyz", 200).await;
    // All of them come again; the worker has each twice, or has dropped what is no longer its own.
    fleet.queues_hold(0).await;
    for lane in &lanes {
        lane.thaw();
    }
    fleet.ends(batch, 5).await;
    worker.holds(0, 0).await;
    let metrics = until("the first delivery of each as lost", async || {
        let metrics = worker.metrics().await;
        (metrics.sum("analysis_lost_leases_total", &[]) == 5.0).then_some(metrics)
    })
    .await;
    let counted = metrics.sum("analysis_files_processed_total", &[]);
    assert_eq!(counted, 5.0, "each file counts once, however often it was worked on");

    // It goes on as if nothing had been.
    let later = fleet.submit_sample("bad/midi.mid", NORMAL).await;
    fleet.ends(later, 1).await;
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
    assert_eq!(fleet.done(batch).await, 5);
}

#[tokio::test]
async fn a_worker_without_rabbitmq_stops_when_told_to() {
    let fleet = Fleet::with(&[]).await;
    let rabbitmq = Proxy::before(&fleet.servers.amqp).await;
    let batch = BatchId::new();
    let worker = Worker::ready(&fleet, &[("AMQP_URL", &rabbitmq.url)]).await;
    let lanes = worker.freeze().await;
    fleet.submit(&fleet.silences(batch, 2)).await;
    worker.holds(1, 1).await;
    rabbitmq.set(Line::Cut);
    worker.answers("/readyz", 503).await;
    for lane in &lanes {
        lane.thaw();
    }
    until("what ran is stored", async || (fleet.done(batch).await > 0).then_some(())).await;
    worker.stop().await;
    fleet.queues_hold(2).await;
}

#[tokio::test]
async fn a_queue_that_was_deleted_is_made_again() {
    let fleet = Fleet::with(&[]).await;
    let mut worker = Worker::ready(&fleet, &[]).await;
    let queue = fleet.topology.level_queue(NORMAL);
    fleet.channel().await.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
    worker.log.says("consuming again").await;
    worker.answers("/readyz", 200).await;
    let batch = fleet.submit_sample("bad/silence.wav", NORMAL).await;
    fleet.ends(batch, 1).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_rabbitmq_that_hangs_does_not_keep_a_worker_from_stopping() {
    let fleet = Fleet::with(&[]).await;
    let rabbitmq = Proxy::before(&fleet.servers.amqp).await;
    let batch = BatchId::new();
    let mut worker = Worker::ready(&fleet, &[("AMQP_URL", rabbitmq.url.as_str())]).await;
    let lanes = worker.freeze().await;
    fleet.submit(&fleet.silences(batch, 3)).await;
    worker.holds(2, 1).await;
    rabbitmq.set(Line::Silent);
    lanes[0].thaw();
    until("what ran is stored", async || (fleet.done(batch).await > 0).then_some(())).await;
    let begun = Instant::now();
    worker.signal(Signal::TERM);
    assert_eq!(worker.exit().await.code(), Some(0));
    assert!(begun.elapsed() < GRACE, "{:?}", begun.elapsed());
}
