//! A job that is delivered again while it runs.

use shared::job::BatchId;

use crate::harness::{Fleet, Line, NORMAL, Proxy, Worker, until};

#[tokio::test]
async fn three_cuts_in_one_long_job_are_no_crash_loop() {
    let fleet = Fleet::with(&[]).await;
    let rabbitmq = Proxy::before(&fleet.servers.amqp).await;
    let worker = Worker::ready(&fleet, &[("AMQP_URL", &rabbitmq.url)]).await;
    let lanes = worker.freeze().await;
    let batch = BatchId::new();
    fleet.put("bad/flac_named.mp3", "long.mp3");
    let job = fleet.job(batch, "long.mp3", NORMAL);
    fleet.submit(std::slice::from_ref(&job)).await;
    worker.holds(0, 1).await;
    for _ in 0..4 {
        let before = worker.log.count("not started twice");
        rabbitmq.set(Line::Cut);
        worker.answers("/readyz", 503).await;
        rabbitmq.set(Line::Open);
        until("the job comes again", async || (worker.log.count("not started twice") > before).then_some(()))
            .await;
        // Whole again: a client that is cut off while it mends its channels takes that for two cuts.
        worker.answers("/readyz", 200).await;
        worker.holds(0, 1).await;
    }
    assert_eq!(fleet.starts(&job).await, 1, "it was started once");
    lanes[0].thaw();
    let record = fleet.ends(batch, 1).await.remove(0);
    assert_eq!(record.outcome.code(), "ok", "{record:?}");
    assert_eq!(record.attempts, 1);
    until("its start is forgotten", async || (fleet.starts(&job).await == 0).then_some(())).await;
    let metrics = worker.metrics().await;
    assert_eq!(metrics.sum("analysis_processing_duration_seconds_count", &[("stage", "analyze")]), 1.0);
    // By its last lease: nothing is left to be delivered once more.
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}

#[tokio::test]
async fn a_job_that_was_published_twice_runs_once_and_leaves_nothing_behind() {
    let fleet = Fleet::with(&[]).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let lanes = worker.freeze().await;
    let batch = BatchId::new();
    fleet.put("bad/flac_named.mp3", "a.mp3");
    let job = fleet.job(batch, "a.mp3", NORMAL);
    fleet.submit(&[job.clone(), job.clone(), job.clone()]).await;
    worker.holds(0, 1).await;
    until("all are delivered", async || (fleet.queued().await == 0).then_some(())).await;
    lanes[0].thaw();
    fleet.ends(batch, 1).await;
    let metrics = worker.metrics().await;
    assert_eq!(metrics.sum("analysis_processing_duration_seconds_count", &[("stage", "analyze")]), 1.0);
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}
