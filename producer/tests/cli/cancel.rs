//! `producer cancel`, as far as no worker is needed.

use std::time::Duration;

use shared::job::{BatchId, Job};
use shared::outcome::{End, FailureKind, Outcome};
use shared::store::{Cursor, RetryId, Start};

use crate::fleet::Fleet;

async fn open_batch(fleet: &Fleet, names: &[&str]) -> (BatchId, Vec<Job>) {
    let batch = BatchId::new();
    fleet.store().create_batch(batch, "test", 1_700_000_000_000).await.unwrap();
    (batch, names.iter().map(|name| fleet.job(batch, name)).collect())
}

async fn start(fleet: &Fleet, job: &Job) -> Start {
    fleet.store().started(&[(job.batch_id, job.job_id)]).await.unwrap()[0]
}

#[tokio::test]
async fn a_job_meets_the_mark_when_it_starts() {
    let fleet = Fleet::new();
    let (batch, jobs) = open_batch(&fleet, &["a", "b", "c"]).await;
    fleet.end(&jobs[..1], End::Ok).await;
    fleet.store().seal_batch(batch, 3).await.unwrap();
    assert_eq!(start(&fleet, &jobs[1]).await, Start::Counted(1));
    let output = fleet.run(&["cancel", "last"]).await;
    assert_eq!((output.code, output.stdout.as_str()), (0, ""), "{output:?}");
    let wanted =
        format!("batch {batch} is cancelled: 1 of 3 jobs had ended; what has not started ends as cancelled");
    assert!(output.stderr.starts_with(&wanted) && !output.stderr.contains("had not closed"), "{output:?}");
    assert_eq!(start(&fleet, &jobs[2]).await, Start::Cancelled);
    assert!(fleet.run(&["batches"]).await.stdout.contains(" cancelling "));
    fleet.end(&jobs[1..], End::Cancelled).await;
    let output = fleet.run(&["watch", "last"]).await;
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("ok 1 · cancelled 2\n"), "{output:?}");
    let output = fleet.run(&["cancel", "last", "--now"]).await;
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("is complete: there is nothing to cancel"), "{output:?}");
    assert!(fleet.run(&["batches"]).await.stdout.contains(" cancelled "));
}

#[tokio::test]
async fn a_batch_whose_producer_was_killed_is_closed_and_what_comes_later_is_added() {
    let fleet = Fleet::new();
    let (batch, jobs) = open_batch(&fleet, &["a", "b", "c", "d", "e"]).await;
    assert!(!fleet.store().count_accepted(batch, 3).await.unwrap());
    fleet.end(&jobs[..1], End::Ok).await;
    let mut watching = fleet.start(&["watch", "last"]);
    watching.expect("1/3+ (still being enqueued)").await;
    let output = fleet.run(&["cancel", &batch.to_string()]).await;
    assert_eq!(output.code, 0, "{output:?}");
    assert!(
        output.stderr.contains("Closed with 3 jobs known to be accepted; up to a second's jobs more"),
        "{output:?}"
    );
    fleet.end(&jobs[1..3], End::Cancelled).await;
    assert_eq!(watching.end().await.code, 1);
    // Two that the broker had taken and nobody had counted.
    fleet.end(&jobs[3..], End::Cancelled).await;
    let state = fleet.store().batch(batch).await.unwrap().unwrap();
    assert_eq!((state.accepted, state.done(), state.is_complete()), (5, 5, true));
    assert!(fleet.store().count_accepted(batch, 0).await.unwrap(), "a producer that lives would hear of it");
}

#[tokio::test]
async fn a_producer_at_work_stops_when_its_batch_is_cancelled() {
    let fleet = Fleet::with_max_size(20);
    fleet.files(200);
    let mut running = fleet.start(&["enqueue", fleet.root()]);
    running.expect("is full").await;
    assert_eq!(fleet.run(&["cancel", "last"]).await.code, 0);
    // As workers do, which makes room.
    let mut jobs = Vec::new();
    let ending = tokio::spawn(running.end());
    while !ending.is_finished() {
        let taken = fleet.take("normal", 1).await;
        fleet.end(&taken, End::Cancelled).await;
        jobs.extend(taken);
        // So slowly that the producer has not sent all of it when it hears of the cancellation.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let output = ending.await.unwrap();
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("cancelled by somebody else: the rest was not enqueued"), "{output:?}");
    let rest = fleet.take("normal", 200).await;
    fleet.end(&rest, End::Cancelled).await;
    let state = fleet.batch(output.stdout.trim()).await;
    assert!(state.is_complete() && state.accepted < 200, "{state:?}");
    assert_eq!(state.accepted as usize, jobs.len() + rest.len());
}

#[tokio::test]
async fn a_job_that_is_retried_after_the_cancellation_runs_until_the_next_one() {
    let fleet = Fleet::new();
    let (batch, jobs) = open_batch(&fleet, &["a", "b", "c"]).await;
    fleet.end(&jobs[..1], End::Failed(FailureKind::Io)).await;
    fleet.store().seal_batch(batch, 3).await.unwrap();
    let mut watching = fleet.start(&["cancel", "last", "--watch"]);
    watching.expect("1/3 · failed 1: io 1").await;
    watching.signal("INT");
    assert_eq!(watching.end().await.code, 130);
    fleet.end(&jobs[1..2], End::Cancelled).await;
    assert_eq!(fleet.run(&["retry", "last"]).await.code, 0);
    assert_eq!(fleet.take("normal", 5).await.len(), 1, "the failed one alone");
    assert_eq!(fleet.run(&["retry", "last", "--cancelled"]).await.code, 0);
    assert_eq!(fleet.take("normal", 5).await[0].job_id, jobs[1].job_id);
    assert_eq!(start(&fleet, &jobs[0]).await, Start::Counted(1));
    assert_eq!(start(&fleet, &jobs[1]).await, Start::Counted(1));
    assert_eq!(start(&fleet, &jobs[2]).await, Start::Cancelled);
    let ids: Vec<_> = jobs.iter().map(|job| job.job_id).collect();
    let running = fleet.store().are_cancelled(batch, &ids).await.unwrap();
    assert_eq!(running, [false, false, true], "those that run again are not killed by the old cancellation");
    assert_eq!(fleet.run(&["cancel", "last"]).await.code, 0);
    assert_eq!(start(&fleet, &jobs[0]).await, Start::Cancelled);
    assert_eq!(fleet.store().are_cancelled(batch, &ids).await.unwrap(), [true; 3]);
}

#[tokio::test]
async fn what_a_killed_retry_has_taken_back_ends_with_the_batch() {
    let fleet = Fleet::new();
    let (batch, _) = fleet.failed(FailureKind::Io, &["a.mp3", "b.mp3"]).await;
    let (ends, _) = fleet.store().ends(batch, Outcome::Failed, &Cursor::start(), 10).await.unwrap();
    fleet.store().withdraw(batch, RetryId::new(), &ends).await.unwrap();
    assert_eq!(fleet.run(&["cancel", "last"]).await.code, 0);
    let state = fleet.store().batch(batch).await.unwrap().unwrap();
    assert_eq!((state.unwanted(), state.retrying, state.is_complete()), (2, 0, true), "{state:?}");
}

#[tokio::test]
async fn an_unknown_batch_is_not_cancelled() {
    let fleet = Fleet::new();
    for name in ["last", "ffff", "01890a5d-ac96-774b-bcce-b302099a8009"] {
        assert_eq!(fleet.run(&["cancel", name]).await.code, 1, "{name}");
    }
    // Garbage belongs to a batch that nobody submitted.
    fleet.end(&[fleet.job(BatchId::STRAY, "a")], End::Failed(FailureKind::UnreadableMessage)).await;
    let output = fleet.run(&["cancel", &BatchId::STRAY.to_string()]).await;
    assert_eq!(output.code, 2, "{output:?}");
    assert!(output.stderr.contains("`producer purge` takes them out of the queues"), "{output:?}");
    let mut command = fleet.command(&["cancel", "last"]);
    command.env("REDIS_URL", "redis://127.0.0.1:1");
    assert_eq!(crate::fleet::finish(command).await.code, 69);
}
