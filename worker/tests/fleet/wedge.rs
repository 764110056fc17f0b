//! A broker that says it delivers, and does not.

use shared::job::{BatchId, Job};

use crate::harness::{Fleet, Line, NORMAL, Proxy, Worker};

/// More than the window of a worker with one lane: what the broker believes to have delivered no longer waits.
const JOBS: usize = 20;

async fn submit(fleet: &Fleet) -> BatchId {
    let batch = BatchId::new();
    fleet.put("bad/silence.wav", "a.wav");
    let jobs: Vec<Job> = (0..JOBS).map(|_| fleet.job(batch, "a.wav", NORMAL)).collect();
    fleet.submit(&jobs).await
}

#[tokio::test]
async fn consumers_that_are_given_nothing_are_started_anew() {
    let fleet = Fleet::with(&[]).await;
    let rabbitmq = Proxy::before(&fleet.servers.amqp).await;
    let settings = [("AMQP_URL", rabbitmq.url.as_str()), ("WEDGE_TIMEOUT", "2s")];
    let mut worker = Worker::ready(&fleet, &settings).await;
    rabbitmq.set(Line::Deaf);
    let batch = submit(&fleet).await;
    let line = worker.log.says("none is delivered: consuming anew").await;
    assert_eq!(line["queue"].as_str(), Some(fleet.topology.level_queue(NORMAL).as_str()));
    let records = fleet.ends(batch, JOBS as u64).await;
    assert!(records.iter().all(|record| record.attempts == 1));
    let restarts = worker.metrics().await.sum("analysis_consumer_restarts_total", &[("cause", "wedged")]);
    assert!(restarts >= 1.0, "{restarts}");
    worker.answers("/readyz", 200).await;
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}

async fn leaves(line: Line) {
    let fleet = Fleet::with(&[]).await;
    let rabbitmq = Proxy::before(&fleet.servers.amqp).await;
    let settings = [("AMQP_URL", rabbitmq.url.as_str()), ("WEDGE_TIMEOUT", "2s")];
    let mut worker = Worker::ready(&fleet, &settings).await;
    rabbitmq.set(line);
    let batch = submit(&fleet).await;
    worker.log.says("consuming anew").await;
    worker.log.says("to new consumers either").await;
    assert_eq!(worker.exit().await.code(), Some(70));
    // What hangs in a black hole does not end with the process behind it; the broker gives up by its heartbeats.
    rabbitmq.set(Line::Cut);

    let worker = Worker::ready(&fleet, &[]).await;
    fleet.ends(batch, JOBS as u64).await;
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}

#[tokio::test]
async fn a_worker_whose_new_consumers_are_given_nothing_leaves() {
    leaves(Line::Mute).await;
}

#[tokio::test]
async fn a_worker_whose_consuming_connection_is_a_black_hole_leaves() {
    leaves(Line::OneSilent).await;
}

/// Nothing fails, and yet no retry is published and nobody knows what waits.
#[tokio::test]
async fn a_worker_whose_other_connection_is_dead_leaves() {
    let fleet = Fleet::with(&[]).await;
    let rabbitmq = Proxy::before(&fleet.servers.amqp).await;
    let settings = [("AMQP_URL", rabbitmq.url.as_str()), ("WEDGE_TIMEOUT", "1s")];
    let mut worker = Worker::ready(&fleet, &settings).await;
    rabbitmq.set(Line::OthersSilent);
    let line = worker.log.says("does not come back, the other works").await;
    assert_eq!(line["connection"].as_str(), Some("publish"));
    assert_eq!(worker.exit().await.code(), Some(70));
}

#[tokio::test]
async fn a_worker_that_is_busy_is_not_wedged() {
    let fleet = Fleet::with(&[]).await;
    let settings = [("WEDGE_TIMEOUT", "1s"), ("ANALYSIS_TIMEOUT", "5s")];
    let worker = Worker::ready(&fleet, &settings).await;
    worker.freeze().await;
    let batch = submit(&fleet).await;
    // Its only lane stands still for five seconds, while messages wait in the queue.
    let records = fleet.ends(batch, JOBS as u64).await;
    assert!(records.iter().any(|record| record.kind.is_some_and(|kind| kind.code() == "timeout")));
    let metrics = worker.metrics().await;
    assert_eq!(metrics.sum("analysis_consumer_restarts_total", &[]), 0.0);
    worker.stop().await;
}
