//! Whoever reads the worker's log stops reading: a collector that hangs, a full disk behind it. The work goes on.

use rustix::process::Signal;
use shared::job::BatchId;

use crate::harness::{Fleet, Worker, until};

const LOG_LEVEL: [(&str, &str); 1] = [("LOG_LEVEL", "trace")];

/// Lets the worker work until nobody takes its log lines any more, and returns how many it had to drop.
async fn until_lines_are_dropped(fleet: &Fleet, worker: &Worker) -> f64 {
    until("log lines that were dropped", async || {
        let batch = BatchId::new();
        fleet.submit(&fleet.silences(batch, 50)).await;
        fleet.ends(batch, 50).await;
        let dropped = worker.metrics().await.sum("analysis_log_lines_dropped_total", &[]);
        (dropped > 0.0).then_some(dropped)
    })
    .await
}

#[tokio::test]
async fn a_log_that_nobody_reads_stops_no_work_and_says_later_what_is_missing() {
    let fleet = Fleet::with(&[]).await;
    let mut worker = Worker::ready(&fleet, &LOG_LEVEL).await;
    worker.log.stop_reading();
    until_lines_are_dropped(&fleet, &worker).await;
    // The pipe is full and so is the buffer, and still files are worked on.
    let batch = BatchId::new();
    fleet.submit(&fleet.silences(batch, 20)).await;
    fleet.ends(batch, 20).await;
    for probe in ["/livez", "/readyz"] {
        assert_eq!(worker.get(probe).await.0, 200, "{probe}");
    }
    worker.log.read_on();
    let line = worker.log.says("log lines were dropped").await;
    assert!(line["dropped"].as_u64().unwrap() > 0, "{line}");
    worker.stop().await;
}

#[tokio::test]
async fn a_log_that_nobody_reads_does_not_keep_the_worker_from_stopping() {
    let fleet = Fleet::with(&[]).await;
    let mut worker = Worker::ready(&fleet, &LOG_LEVEL).await;
    worker.log.stop_reading();
    until_lines_are_dropped(&fleet, &worker).await;
    worker.signal(Signal::TERM);
    assert_eq!(worker.exit().await.code(), Some(0));
    assert_eq!(fleet.queued().await, 0);
}
