//! Files that take too long.

use shared::job::{BatchId, Job};
use shared::record::Record;

use crate::harness::{Fleet, HIGH, LOW, Worker, slow_wav};

/// Far above what a neighbour takes on a busy machine.
const LIMIT: f64 = 3.0;
const SETTINGS: [(&str, &str); 2] = [("ANALYSIS_MAX_WORKERS", "2"), ("ANALYSIS_TIMEOUT", "3s")];

/// A worker that hangs longer than this beyond the limit is not on time.
const GRACE: f64 = 5.0;

fn neighbours(fleet: &Fleet, batch: BatchId) -> Vec<Job> {
    let names = (0..6).map(|number| format!("{number}.flac"));
    names
        .map(|name| {
            fleet.put("bad/flac_named.mp3", &name);
            fleet.job(batch, &name, LOW)
        })
        .collect()
}

fn timed_out(records: &[Record]) -> &Record {
    let (late, others): (Vec<&Record>, Vec<&Record>) =
        records.iter().partition(|record| record.kind.is_some_and(|kind| kind.code() == "timeout"));
    assert!(others.iter().all(|record| record.outcome.code() == "ok"), "{others:?}");
    let [late] = late[..] else { panic!("one is late: {late:?}") };
    assert!((LIMIT..LIMIT + GRACE).contains(&late.elapsed_seconds), "{late:?}");
    late
}

#[tokio::test]
async fn a_file_that_takes_too_long_ends_on_time_and_its_neighbours_are_unharmed() {
    let fleet = Fleet::with(&SETTINGS).await;
    let batch = BatchId::new();
    let mut jobs = neighbours(&fleet, batch);
    slow_wav(&fleet.path("slow.wav"));
    jobs.push(fleet.job(batch, "slow.wav", HIGH));
    let worker = Worker::ready(&fleet, &[]).await;
    fleet.submit(&jobs).await;

    let records = fleet.ends(batch, jobs.len() as u64).await;
    let late = timed_out(&records);
    assert_eq!(late.path, "music/slow.wav");
    assert!(late.detail.as_deref().unwrap().contains("of 590.0 s decoded"), "{late:?}");
    let metrics = worker.metrics().await;
    assert_eq!(metrics.sum("analysis_timeouts_total", &[]), 1.0);
    assert_eq!(metrics.sum("analysis_failures_total", &[("kind", "timeout")]), 1.0);
    worker.stop().await;
}

#[tokio::test]
async fn a_lane_that_hangs_is_replaced() {
    let fleet = Fleet::with(&SETTINGS).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let lanes = worker.freeze().await;
    let batch = BatchId::new();
    let jobs = neighbours(&fleet, batch);
    fleet.submit(&jobs).await;
    // Of the low level the worker takes four.
    worker.holds(2, 2).await;
    lanes[0].thaw();

    let records = fleet.ends(batch, jobs.len() as u64).await;
    assert!(timed_out(&records).detail.as_deref().unwrap().starts_with("no progress for 3 s"));
    // Killed, reaped, and another in its place.
    lanes[1].end().await;
    assert_eq!(worker.lanes().await.len(), 2);
    worker.stop().await;
}
