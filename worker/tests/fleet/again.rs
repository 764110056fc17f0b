//! Jobs whose end was taken back and which were published again, as `producer retry` does.

use std::collections::BTreeSet;
use std::fs;

use shared::job::{BatchId, Job};
use shared::outcome::Outcome;
use shared::store::{Cursor, EndPlace, RetryId, StoredEnd};

use crate::harness::{Fleet, NORMAL, Worker, samples, until};

async fn failed(fleet: &Fleet, batch: BatchId) -> Vec<(EndPlace, StoredEnd)> {
    fleet.store.ends(batch, Outcome::Failed, &Cursor::start(), 1000).await.unwrap().0
}

/// Takes back what failed and returns the jobs that are to be published.
async fn withdraw(fleet: &Fleet, batch: BatchId) -> Vec<Job> {
    let (retry, ends) = (RetryId::new(), failed(fleet, batch).await);
    let taken = fleet.store.withdraw(batch, retry, &ends).await.unwrap();
    let ours = ends.into_iter().zip(taken).filter(|(_, taken)| *taken);
    ours.map(|((_, end), _)| end.job.unwrap()).collect()
}

async fn publish(fleet: &Fleet, batch: BatchId, jobs: &[Job]) {
    fleet.publish(jobs).await;
    fleet.store.published(batch, jobs).await.unwrap();
}

fn missing(fleet: &Fleet, batch: BatchId, count: usize) -> Vec<Job> {
    (0..count).map(|number| fleet.job(batch, &format!("{number}.flac"), NORMAL)).collect()
}

async fn sealed(fleet: &Fleet, jobs: &[Job]) {
    fleet.submit(jobs).await;
    fleet.store.seal_batch(jobs[0].batch_id, jobs.len() as u64).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_there_again_is_analysed() {
    let fleet = Fleet::with(&[]).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let batch = BatchId::new();
    // An empty root would be taken for one that is not mounted.
    fleet.put("bad/silence.wav", "other.wav");
    let jobs = missing(&fleet, batch, 3);
    sealed(&fleet, &jobs).await;
    let records = fleet.ends(batch, 3).await;
    let all_missing = records.iter().all(|record| record.kind.is_some_and(|kind| kind.code() == "not_found"));
    assert!(all_missing, "{records:?}");

    fleet.put("bad/flac_named.mp3", "0.flac");
    fs::copy(samples().join("bad/silence.wav"), fleet.path("1.flac")).unwrap();
    let again = withdraw(&fleet, batch).await;
    assert_eq!(again, jobs, "as they were submitted");
    let state = fleet.state(batch).await.unwrap();
    assert_eq!((state.done(), state.retrying, state.is_complete()), (0, 3, false));
    assert!(state.kinds.is_empty(), "{state:?}");
    publish(&fleet, batch, &again).await;
    let mut ends = fleet.ends(batch, 3).await;
    ends.sort_by(|a, b| a.path.cmp(&b.path));
    let outcomes: Vec<&str> = ends.iter().map(|record| record.outcome.code()).collect();
    assert_eq!(outcomes, ["ok", "not_applicable", "failed"]);
    let state = fleet.state(batch).await.unwrap();
    assert_eq!((state.done(), state.accepted, state.retrying, state.is_complete()), (3, 3, 0, true));
    assert_eq!((state.kinds["not_found"], state.failed()), (1, 1));
    assert_eq!(failed(&fleet, batch).await.len(), 1);
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}

#[tokio::test]
async fn two_at_once_never_count_a_job_twice() {
    let fleet = Fleet::with(&[("ANALYSIS_MAX_WORKERS", "2")]).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let batch = BatchId::new();
    // An empty root would be taken for one that is not mounted, and close the worker's gate.
    fleet.put("bad/silence.wav", "other.wav");
    let jobs = missing(&fleet, batch, 100);
    sealed(&fleet, &jobs).await;
    fleet.ends(batch, 100).await;
    // Every other file is there now.
    (0..100).step_by(2).for_each(|number| fleet.put("bad/silence.wav", &format!("{number}.flac")));

    let (first, second) = tokio::join!(withdraw(&fleet, batch), withdraw(&fleet, batch));
    let distinct: BTreeSet<_> = first.iter().chain(&second).map(|job| job.job_id).collect();
    assert_eq!((first.len() + second.len(), distinct.len()), (100, 100));
    // One of the two was thought dead, and its jobs were published by both.
    let all = [&first[..], &second[..]].concat();
    publish(&fleet, batch, &all).await;
    publish(&fleet, batch, &all).await;
    until("the queues are empty and nothing runs", async || {
        let idle = fleet.queued().await == 0 && fleet.done(batch).await == 100;
        (idle && worker.metrics().await.sum("analysis_jobs", &[]) == 0.0).then_some(())
    })
    .await;
    fleet.ends(batch, 100).await;
    let state = fleet.state(batch).await.unwrap();
    assert_eq!((state.outcomes[&Outcome::NotApplicable], state.failed(), state.retrying), (50, 50, 0));
    assert!(state.is_complete() && state.accepted == 100, "{state:?}");
    worker.stop().await;
}
