//! Stopping: what runs is finished, what waits is given back, nothing is lost.

use rustix::process::Signal;
use shared::job::{BatchId, Job};

use crate::harness::{Fleet, NORMAL, Process, Worker};

struct Busy {
    worker: Worker,
    lanes: Vec<Process>,
    batch: BatchId,
    jobs: Vec<Job>,
}

/// A worker with one job on its only lane and four behind it.
async fn busy(fleet: &Fleet, settings: &[(&str, &str)]) -> Busy {
    let worker = Worker::ready(fleet, settings).await;
    let lanes = worker.freeze().await;
    let batch = BatchId::new();
    let names: Vec<String> = (0..5).map(|number| format!("{number}.wav")).collect();
    names.iter().for_each(|name| fleet.put("bad/silence.wav", name));
    let jobs: Vec<Job> = names.iter().map(|name| fleet.job(batch, name, NORMAL)).collect();
    fleet.submit(&jobs).await;
    worker.holds(4, 1).await;
    Busy { worker, lanes, batch, jobs }
}

/// A fresh worker brings the rest of the batch to its end.
async fn finished_by_another(fleet: &Fleet, batch: BatchId) {
    let worker = Worker::ready(fleet, &[]).await;
    let records = fleet.ends(batch, 5).await;
    assert!(records.iter().all(|record| record.outcome.code() == "not_applicable" && record.attempts == 1));
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}

#[tokio::test]
async fn sigterm_finishes_what_runs_and_gives_back_what_waits() {
    let fleet = Fleet::with(&[]).await;
    let Busy { mut worker, lanes, batch, .. } = busy(&fleet, &[]).await;
    worker.signal(Signal::TERM);
    assert_eq!(worker.answers("/readyz", 503).await, "draining\n");
    assert_eq!(worker.get("/livez").await.0, 200);
    // Given back at once, while the other one still runs.
    fleet.queues_hold(4).await;
    assert_eq!(fleet.done(batch).await, 0);
    lanes[0].thaw();
    assert_eq!(worker.exit().await.code(), Some(0));
    lanes[0].end().await;
    assert_eq!(fleet.done(batch).await, 1);
    finished_by_another(&fleet, batch).await;
}

#[tokio::test]
async fn a_second_signal_gives_back_what_runs_too() {
    let fleet = Fleet::with(&[]).await;
    let Busy { mut worker, lanes, batch, jobs } = busy(&fleet, &[]).await;
    worker.signal(Signal::TERM);
    worker.log.says("stopping").await;
    worker.signal(Signal::INT);
    worker.log.says("second signal").await;
    assert_eq!(worker.exit().await.code(), Some(0));
    lanes[0].end().await;
    fleet.queues_hold(5).await;
    assert_eq!(fleet.done(batch).await, 0);
    for job in &jobs {
        assert_eq!(fleet.starts(job).await, 0, "an interrupted start is no start");
    }
    finished_by_another(&fleet, batch).await;
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_given_back() {
    let fleet = Fleet::with(&[]).await;
    let Busy { mut worker, lanes, batch, .. } = busy(&fleet, &[("SHUTDOWN_TIMEOUT", "200ms")]).await;
    worker.signal(Signal::TERM);
    worker.log.says("not done in time").await;
    assert_eq!(worker.exit().await.code(), Some(0));
    lanes[0].end().await;
    fleet.queues_hold(5).await;
    assert_eq!(fleet.done(batch).await, 0);
    finished_by_another(&fleet, batch).await;
}

#[tokio::test]
async fn an_idle_worker_stops_at_once() {
    let fleet = Fleet::with(&[]).await;
    Worker::ready(&fleet, &[]).await.stop().await;
}
