//! What is left of a batch that waits longer than RESULT_TTL, that another program has published, or whose keys Redis has
//! lost.

use std::time::Duration;

use redis::AsyncCommands;
use shared::job::{BatchId, Job};
use shared::outcome::{End, FailureKind, Outcome};
use shared::store::{Cursor, RetryId, Start, Store};

use crate::fleet::{Fleet, LIMIT, finish, finished};

/// Longer than any RESULT_TTL of these tests.
const A_DAY_SECONDS: i64 = 24 * 3600;

/// A store of this fleet in which results are kept for one second.
fn short_lived(fleet: &Fleet) -> Store {
    Store::open(&fleet.redis_url, &fleet.prefix, Duration::from_secs(1)).unwrap()
}

async fn end(store: &Store, jobs: &[Job], end: End) {
    let ends: Vec<_> = jobs.iter().map(|job| finished(job, end)).collect();
    assert_eq!(store.finish(&ends).await.unwrap(), vec![true; jobs.len()]);
}

/// Time to live of the keys of a batch, the shortest first.
async fn times_to_live(fleet: &Fleet, batch: BatchId) -> Vec<(i64, String)> {
    let (mut redis, mut times) = (fleet.redis().await, Vec::new());
    for key in fleet.keys().await.into_iter().filter(|key| key.contains(&batch.to_string())) {
        times.push((redis.ttl(&key).await.unwrap(), key));
    }
    times.sort();
    times
}

async fn until_gone(fleet: &Fleet, batch: BatchId) {
    let deadline = tokio::time::Instant::now() + LIMIT;
    loop {
        let left = times_to_live(fleet, batch).await;
        if left.is_empty() {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "still there: {left:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_batch_outlives_result_ttl_until_it_is_complete() {
    let fleet = Fleet::new();
    fleet.files(3);
    let mut command = fleet.command(&["enqueue", fleet.root()]);
    command.env("RESULT_TTL", "1s");
    let output = finish(command).await;
    assert_eq!(output.code, 0, "{output:?}");
    let batch: BatchId = output.stdout.trim().parse().unwrap();
    let jobs = fleet.take("normal", 3).await;
    let store = short_lived(&fleet);
    assert_eq!(store.started(&[(batch, jobs[0].job_id)]).await.unwrap(), [Start::Counted(1)]);
    end(&store, &jobs[..2], End::Failed(FailureKind::Io)).await;
    let times = times_to_live(&fleet, batch).await;
    assert!(times.len() >= 5 && times[0].0 > A_DAY_SECONDS, "{times:?}");
    end(&store, &jobs[2..], End::Ok).await;
    let times = times_to_live(&fleet, batch).await;
    assert!(times.last().is_none_or(|(seconds, _)| (0..=1).contains(seconds)), "{times:?}");
    until_gone(&fleet, batch).await;
}

#[tokio::test]
async fn a_batch_that_is_taken_up_again_is_kept_until_it_is_complete_again() {
    let fleet = Fleet::new();
    let (batch, jobs) = fleet.failed(FailureKind::Io, &["a.mp3", "b.mp3"]).await;
    let store = short_lived(&fleet);
    let (ends, _) = store.ends(batch, Outcome::Failed, &Cursor::start(), 10).await.unwrap();
    store.withdraw(batch, RetryId::new(), &ends[..1]).await.unwrap();
    let times = times_to_live(&fleet, batch).await;
    assert!(times[0].0 > A_DAY_SECONDS, "{times:?}");
    end(&store, &jobs[..1], End::Ok).await;
    until_gone(&fleet, batch).await;
}

#[tokio::test]
async fn a_batch_that_another_program_published_is_a_batch_like_any_other() {
    let fleet = Fleet::new();
    let batch = BatchId::new();
    let jobs = [fleet.job(batch, "a.mp3"), fleet.job(batch, "b.mp3")];
    let store = fleet.store();
    assert_eq!(store.started(&[(batch, jobs[0].job_id)]).await.unwrap(), [Start::Counted(1)]);
    end(&store, &jobs[..1], End::Ok).await;
    let output = fleet.run(&["batches"]).await;
    let row: Vec<&str> = output.stdout.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(
        (row[0], &row[3..]),
        (batch.to_string().as_str(), &["uncounted", "?", "1", "0"][..]),
        "{output:?}"
    );
    let output = fleet.run(&["results", "last", "--format", "ndjson"]).await;
    assert_eq!((output.code, output.stdout.lines().count(), output.stderr.as_str()), (0, 1, ""));
    let output = fleet.run(&["export", "last", "--format", "csv"]).await;
    assert!(output.code == 1 && output.stderr.contains("nobody has counted the jobs"), "{output:?}");

    let mut watching = fleet.start(&["watch", "last"]);
    watching.expect("1 done (nobody has counted the jobs of this batch)").await;
    end(&store, &jobs[1..], End::Ok).await;
    fleet.quieten(batch).await;
    let output = watching.end().await;
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stderr.contains("2 files done. Nobody has counted its jobs"), "{output:?}");
    // A program that wants to be counted says how many there are.
    store.seal_batch(batch, 2).await.unwrap();
    let output = fleet.run(&["watch", "last"]).await;
    assert!(output.code == 0 && output.stderr.contains("is complete: 2 files"), "{output:?}");
}

#[tokio::test]
async fn a_batch_that_has_expired_is_made_whole_by_its_ends() {
    let fleet = Fleet::new();
    let (batch, _) = fleet.failed(FailureKind::Io, &["a.mp3"]).await;
    fleet.lose_all_keys().await;
    assert_eq!(fleet.run(&["watch", &batch.to_string()]).await.code, 1);
    end(&fleet.store(), &[fleet.job(batch, "b.mp3")], End::Ok).await;
    let listed = fleet.store().batches(10).await.unwrap();
    assert_eq!((listed.len(), listed[0].batch_id, listed[0].created_ms), (1, batch, batch.made_ms()));
    assert_eq!(fleet.run(&["results", "last"]).await.code, 0);
    assert_eq!(fleet.run(&["cancel", "last"]).await.code, 0, "and it can be closed");
    assert!(fleet.store().batch(batch).await.unwrap().unwrap().is_complete());
}

#[tokio::test]
async fn a_redis_that_loses_its_data_while_a_batch_is_enqueued_is_told_of() {
    let fleet = Fleet::with_max_size(20);
    fleet.files(100);
    let mut enqueueing = fleet.start(&["enqueue", fleet.root(), "--label", "the label"]);
    enqueueing.expect("is full").await;
    // Work is running: some have ended, and more end while the keys are lost.
    let before = fleet.take("normal", 10).await;
    assert_eq!(fleet.end(&before, End::Ok).await, 10);
    fleet.lose_all_keys().await;
    let ending = tokio::spawn(enqueueing.end());
    let mut ended = 0;
    while !ending.is_finished() {
        let jobs = fleet.take("normal", 10).await;
        ended += fleet.end(&jobs, End::Ok).await;
    }
    let output = ending.await.unwrap();
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("Redis has lost its data meanwhile"), "{output:?}");
    let rest = fleet.take("normal", 100).await;
    ended += fleet.end(&rest, End::Ok).await;
    assert_eq!(ended, 90);
    let state = fleet.batch(output.stdout.trim()).await;
    assert_eq!((state.accepted, state.done(), state.label.as_str()), (100, 90, "the label"));
    assert!(state.sealed && state.data_lost, "{state:?}");
    assert!(fleet.run(&["batches"]).await.stdout.contains(" running "));
    fleet.quieten(state.batch_id).await;
    let output = fleet.run(&["watch", "last"]).await;
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("10 jobs of 100 will not"), "{output:?}");
    assert!(output.stderr.contains("Redis has lost data of this batch while it was enqueued"), "{output:?}");
    assert_eq!(fleet.run(&["cancel", "last", "--now"]).await.code, 0);
    assert!(fleet.batch(&state.batch_id.to_string()).await.is_complete());
}

#[tokio::test]
async fn a_producer_that_was_killed_is_told_of() {
    let fleet = Fleet::with_max_size(20);
    fleet.files(100);
    let mut enqueueing = fleet.start(&["enqueue", fleet.root()]);
    let batch: BatchId = enqueueing.read_one_line().await.parse().unwrap();
    enqueueing.expect("is full").await;
    enqueueing.kill().await;
    let jobs = fleet.take("normal", 100).await;
    fleet.end(&jobs, End::Ok).await;
    fleet.quieten(batch).await;
    let output = fleet.run(&["watch", "last"]).await;
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("it was killed. To close the batch: producer cancel"), "{output:?}");
}

#[tokio::test]
async fn a_start_that_is_counted_after_the_end_of_its_job_is_not_kept() {
    let fleet = Fleet::new();
    let (batch, jobs) = fleet.failed(FailureKind::Io, &["a.mp3"]).await;
    let store = fleet.store();
    let start = async || store.started(&[(batch, jobs[0].job_id)]).await.unwrap()[0];
    assert_eq!(start().await, Start::Counted(1));
    let (ends, _) = store.ends(batch, Outcome::Failed, &Cursor::start(), 10).await.unwrap();
    store.withdraw(batch, RetryId::new(), &ends).await.unwrap();
    assert_eq!(start().await, Start::Counted(1), "the retry begins with none");
    assert_eq!(start().await, Start::Counted(2));
    store.unstarted(batch, jobs[0].job_id).await.unwrap();
    assert_eq!(start().await, Start::Counted(2));
    // One that was never counted is not taken back.
    for _ in 0..3 {
        store.unstarted(batch, jobs[0].job_id).await.unwrap();
    }
    assert_eq!(store.history(batch, jobs[0].job_id).await.unwrap().starts, 0);
    assert_eq!(start().await, Start::Counted(1));
}
