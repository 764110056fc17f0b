//! Failures that may pass.

use std::fs;

use shared::broker::lapin::options::ExchangeDeleteOptions;
use shared::job::{BatchId, FileRef, Job};

use crate::harness::{Fleet, NORMAL, Worker, samples, until};

fn in_root(job: Job, root: &str) -> Job {
    Job { file: FileRef { root: root.to_owned(), path: job.file.path.clone() }, ..job }
}

#[tokio::test]
async fn a_root_that_never_comes_ends_after_the_last_tier() {
    let fleet = Fleet::with(&[("RETRY_DELAYS", "200ms,400ms")]).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let batch = BatchId::new();
    let job = in_root(fleet.job(batch, "a.wav", NORMAL), "elsewhere");
    fleet.submit(std::slice::from_ref(&job)).await;

    let record = fleet.ends(batch, 1).await.remove(0);
    assert_eq!(record.kind.map(|kind| kind.code()), Some("root_unavailable"));
    assert!(record.detail.as_deref().unwrap().contains("no media root 'elsewhere'"), "{record:?}");
    assert_eq!(record.attempts, 3);
    assert_eq!(record.priority.as_deref(), Some("normal"));
    let stored = fleet.stored(batch).await.remove(0);
    assert_eq!(stored.job, Some(job), "as it was submitted: what a replay publishes");
    let metrics = worker.metrics().await;
    assert_eq!(metrics.sum("analysis_retries_total", &[("priority", "normal")]), 2.0);
    // A retry is no end.
    assert_eq!(metrics.sum("analysis_files_processed_total", &[]), 1.0);
    assert_eq!(metrics.sum("analysis_failures_total", &[]), 1.0);
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}

#[tokio::test]
async fn a_root_that_comes_back_is_read() {
    let fleet = Fleet::with(&[("RETRY_DELAYS", "200ms,1s,2s,4s,8s,16s")]).await;
    let disk = tempfile::tempdir().unwrap();
    let mounted = disk.path().join("mounted");
    // With the other root there, this one's jobs go through the tiers and not back to the queue.
    let roots = format!("music={};late={}", fleet.root().display(), mounted.display());
    let worker = Worker::ready(&fleet, &[("MEDIA_ROOTS", &roots)]).await;
    let batch = BatchId::new();
    let job = in_root(fleet.job(batch, "a.wav", NORMAL), "late");
    fleet.submit(std::slice::from_ref(&job)).await;
    until("retries", async || {
        (worker.metrics().await.sum("analysis_retries_total", &[]) > 1.0).then_some(())
    })
    .await;
    until("the start is taken back", async || (fleet.starts(&job).await == 0).then_some(())).await;
    fs::create_dir(&mounted).unwrap();
    fs::copy(samples().join("bad/flac_named.mp3"), mounted.join("a.wav")).unwrap();

    let record = fleet.ends(batch, 1).await.remove(0);
    assert_eq!(record.outcome.code(), "ok", "{record:?}");
    assert!(record.attempts >= 2, "{record:?}");
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}

#[tokio::test]
async fn a_retry_exchange_that_was_deleted_is_made_again() {
    let fleet = Fleet::with(&[("RETRY_DELAYS", "200ms,400ms")]).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let lanes = worker.freeze().await;
    let (batch, others) = (BatchId::new(), BatchId::new());
    // The lane is busy, ends are under way, and then the exchanges of every tier are gone.
    fleet.submit(&fleet.silences(others, 3)).await;
    worker.holds(2, 1).await;
    let channel = fleet.channel().await;
    for tier in 0..2 {
        let exchange = fleet.topology.retry(tier).unwrap();
        channel.exchange_delete(exchange.as_str().into(), ExchangeDeleteOptions::default()).await.unwrap();
    }
    let jobs: Vec<Job> =
        (0..5).map(|n| in_root(fleet.job(batch, &format!("{n}.wav"), NORMAL), "elsewhere")).collect();
    fleet.submit(&jobs).await;
    lanes[0].thaw();
    let records = fleet.ends(batch, 5).await;
    assert!(records.iter().all(|record| record.attempts == 3), "{records:?}");
    fleet.ends(others, 3).await;
    worker.holds(0, 0).await;
    worker.answers("/readyz", 200).await;
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}
