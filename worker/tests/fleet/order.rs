//! Which job starts next.

use shared::job::{BatchId, Job, Priority};

use crate::harness::{Fleet, HIGH, LOW, NORMAL, Worker};

fn jobs(fleet: &Fleet, batch: BatchId, level: Priority, count: u8) -> Vec<Job> {
    let names = (0..count).map(|number| format!("{}-{number}.wav", level.0));
    names
        .map(|name| {
            fleet.put("bad/tenth_of_a_second.wav", &name);
            fleet.job(batch, &name, level)
        })
        .collect()
}

#[tokio::test]
async fn a_high_job_passes_a_backlog_that_was_there_before() {
    let fleet = Fleet::with(&[]).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let lanes = worker.freeze().await;
    let batch = BatchId::new();
    // Of the low ones the worker takes three; the rest stays on the broker for others.
    fleet.submit(&jobs(&fleet, batch, LOW, 6)).await;
    worker.holds(2, 1).await;
    fleet.submit(&jobs(&fleet, batch, NORMAL, 5)).await;
    worker.holds(7, 1).await;
    fleet.submit(&jobs(&fleet, batch, HIGH, 2)).await;
    worker.holds(9, 1).await;
    assert_eq!(fleet.queued().await, 3);
    lanes[0].thaw();

    let records = fleet.ends(batch, 13).await;
    let order: Vec<&str> = records.iter().map(|record| record.priority.as_deref().unwrap()).collect();
    let wanted = [vec!["low"], vec!["high"; 2], vec!["normal"; 5], vec!["low"; 5]].concat();
    assert_eq!(order, wanted);
    worker.stop().await;
}

#[tokio::test]
async fn a_worker_takes_only_the_levels_it_is_told_to() {
    let fleet = Fleet::with(&[]).await;
    let worker = Worker::ready(&fleet, &[("WORKER_LEVELS", "high")]).await;
    let batch = BatchId::new();
    fleet.submit(&jobs(&fleet, batch, LOW, 2)).await;
    fleet.submit(&jobs(&fleet, batch, HIGH, 2)).await;
    let records = fleet.ends(batch, 2).await;
    assert!(records.iter().all(|record| record.priority.as_deref() == Some("high")));
    assert_eq!(fleet.queued().await, 2);
    worker.stop().await;
}

#[tokio::test]
async fn there_may_be_more_levels_than_three() {
    let fleet = Fleet::with(&[("QUEUE_PRIORITY_LEVELS", "5"), ("PRIORITY_MODE", "strict")]).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let lanes = worker.freeze().await;
    let batch = BatchId::new();
    fleet.submit(&jobs(&fleet, batch, Priority(2), 1)).await;
    worker.holds(0, 1).await;
    for (waiting, level) in [4, 3, 0, 1, 2].into_iter().enumerate() {
        fleet.put("bad/tenth_of_a_second.wav", &format!("{level}.wav"));
        fleet.submit(&[fleet.job(batch, &format!("{level}.wav"), Priority(level))]).await;
        worker.holds(waiting as u32 + 1, 1).await;
    }
    lanes[0].thaw();
    let records = fleet.ends(batch, 6).await;
    let order: Vec<&str> = records.iter().map(|record| record.priority.as_deref().unwrap()).collect();
    assert_eq!(order, ["p2", "p0", "p1", "p2", "p3", "p4"]);
    worker.stop().await;
}
