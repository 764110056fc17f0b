//! A worker that stands still for longer than a file may take: stopped by a debugger or with its container, suspended with
//! its machine.

use std::time::Duration;

use rustix::process::Signal;
use shared::job::{BatchId, Job};

use crate::harness::{Fleet, NORMAL, Process, Worker, until};

const SETTINGS: [(&str, &str); 3] =
    [("ANALYSIS_MAX_WORKERS", "2"), ("ANALYSIS_TIMEOUT", "3s"), ("ANALYSIS_BATCH_SIZE", "4")];

/// More than `ANALYSIS_TIMEOUT`, by so much that every limit would be over. Nothing can be waited for: to stand still is to let
/// time pass.
const STANDSTILL: Duration = Duration::from_secs(8);

const JOBS: usize = 40;

/// Real music, so that lanes are at work and ends on their way whenever the worker is stopped.
async fn submit(fleet: &Fleet) -> BatchId {
    let batch = BatchId::new();
    fleet.put("house.wav", "a.wav");
    let job = |_| Job { force: true, ..fleet.job(batch, "a.wav", NORMAL) };
    fleet.submit(&(0..JOBS).map(job).collect::<Vec<_>>()).await
}

async fn at_work(worker: &Worker, fleet: &Fleet, batch: BatchId) {
    worker.holds(4, 2).await;
    // Ends are on their way, too.
    until("the first end", async || (fleet.done(batch).await > 0).then_some(())).await;
}

async fn all_are_well(worker: Worker, fleet: &Fleet, batch: BatchId) {
    let records = fleet.ends(batch, JOBS as u64).await;
    let bad: Vec<_> = records.iter().filter(|record| record.outcome.code() != "ok").collect();
    assert!(bad.is_empty(), "{bad:?}");
    let metrics = worker.metrics().await;
    assert_eq!(metrics.sum("analysis_lane_restarts_total", &[]), 0.0);
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}

#[tokio::test]
async fn a_worker_that_was_stopped_reads_what_its_lanes_have_answered() {
    let fleet = Fleet::with(&SETTINGS).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let batch = submit(&fleet).await;
    for _ in 0..2 {
        at_work(&worker, &fleet, batch).await;
        worker.signal(Signal::STOP);
        tokio::time::sleep(STANDSTILL).await;
        worker.signal(Signal::CONT);
    }
    all_are_well(worker, &fleet, batch).await;
}

#[tokio::test]
async fn lanes_that_were_stopped_with_their_worker_have_the_rest_of_their_time() {
    let fleet = Fleet::with(&SETTINGS).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let batch = submit(&fleet).await;
    at_work(&worker, &fleet, batch).await;
    worker.signal(Signal::STOP);
    let lanes = worker.lanes().await;
    lanes.iter().for_each(|lane| lane.signal(Signal::STOP));
    tokio::time::sleep(STANDSTILL).await;
    worker.signal(Signal::CONT);
    // As when a whole container is let go: nobody waits for anybody.
    lanes.iter().for_each(Process::thaw);
    all_are_well(worker, &fleet, batch).await;
}
