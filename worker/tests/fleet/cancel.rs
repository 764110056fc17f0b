//! Batches that nobody wants any more.

use shared::job::{BatchId, FileRef, Job};
use shared::record::Record;
use shared::store::Cancelled;

use crate::harness::{Fleet, HIGH, NORMAL, Worker, slow_wav, until};

fn jobs(fleet: &Fleet, batch: BatchId, count: usize) -> Vec<Job> {
    let names = (0..count).map(|number| format!("{number}.flac"));
    names
        .map(|name| {
            fleet.put("bad/flac_named.mp3", &name);
            fleet.job(batch, &name, NORMAL)
        })
        .collect()
}

async fn sealed(fleet: &Fleet, jobs: &[Job]) {
    fleet.submit(jobs).await;
    fleet.store.seal_batch(jobs[0].batch_id, jobs.len() as u64).await.unwrap();
}

fn of_outcome<'a>(records: &'a [Record], outcome: &str) -> Vec<&'a Record> {
    records.iter().filter(|record| record.outcome.code() == outcome).collect()
}

#[tokio::test]
async fn what_was_cancelled_before_its_start_is_not_read() {
    let fleet = Fleet::with(&[("ANALYSIS_MAX_WORKERS", "2")]).await;
    let (batch, wanted) = (BatchId::new(), BatchId::new());
    let unwanted = jobs(&fleet, batch, 30);
    sealed(&fleet, &unwanted).await;
    sealed(&fleet, &[fleet.job(wanted, "0.flac", NORMAL)]).await;
    assert_eq!(fleet.store.cancel_batch(batch, false).await.unwrap(), Cancelled::Marked);

    let worker = Worker::ready(&fleet, &[]).await;
    for record in fleet.ends(batch, 30).await {
        assert_eq!(
            (record.outcome.code(), record.kind, record.attempts),
            ("cancelled", None, 0),
            "{record:?}"
        );
        assert_eq!(record.detail.as_deref(), Some("its batch was cancelled before it started"));
        assert_eq!(record.priority.as_deref(), Some("normal"));
    }
    assert_eq!(fleet.ends(wanted, 1).await[0].outcome.code(), "ok", "another batch is not concerned");
    assert!(fleet.state(batch).await.unwrap().is_complete());
    for (job, stored) in unwanted.iter().zip(fleet.stored(batch).await) {
        assert!(stored.job.is_some(), "it can be retried");
        assert_eq!(fleet.starts(job).await, 0);
    }
    let metrics = until("all of it in the metrics", async || {
        let metrics = worker.metrics().await;
        (metrics.sum("analysis_files_processed_total", &[]) == 31.0).then_some(metrics)
    })
    .await;
    assert_eq!(metrics.sum("analysis_files_processed_total", &[("outcome", "cancelled")]), 30.0);
    assert_eq!(metrics.sum("analysis_failures_total", &[]), 0.0);
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}

#[tokio::test]
async fn what_runs_is_finished_and_what_waits_behind_it_is_not_started() {
    let fleet = Fleet::with(&[]).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let lanes = worker.freeze().await;
    let batch = BatchId::new();
    let jobs = jobs(&fleet, batch, 20);
    sealed(&fleet, &jobs).await;
    worker.holds(10, 1).await;
    // The start is counted while the lane works already.
    let running = until("the count of a start", async || {
        for job in &jobs {
            if fleet.starts(job).await == 1 {
                return Some(job.job_id);
            }
        }
        None
    })
    .await;
    fleet.store.cancel_batch(batch, false).await.unwrap();
    lanes[0].thaw();

    let records = fleet.ends(batch, 20).await;
    assert_eq!(of_outcome(&records, "cancelled").len(), 19);
    let [ok] = of_outcome(&records, "ok")[..] else { panic!("one was running: {records:?}") };
    assert_eq!(ok.job_id, Some(running));
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}

#[tokio::test]
async fn now_ends_what_runs_and_spares_the_neighbours() {
    let fleet = Fleet::with(&[("ANALYSIS_MAX_WORKERS", "2")]).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let lanes = worker.freeze().await;
    let (unwanted, wanted) = (BatchId::new(), BatchId::new());
    slow_wav(&fleet.path("slow.wav"));
    fleet.put("bad/flac_named.mp3", "a.flac");
    sealed(&fleet, &[fleet.job(unwanted, "slow.wav", HIGH)]).await;
    sealed(&fleet, &[fleet.job(wanted, "a.flac", HIGH)]).await;
    worker.holds(0, 2).await;
    fleet.store.cancel_batch(unwanted, true).await.unwrap();

    let record = fleet.ends(unwanted, 1).await.remove(0);
    assert_eq!((record.outcome.code(), record.attempts), ("cancelled", 1), "{record:?}");
    assert_eq!(record.detail.as_deref(), Some("its batch was cancelled while it ran"));
    // One lane was killed, and only one.
    until("a lane is killed", async || {
        (lanes.iter().filter(|lane| lane.has_ended()).count() == 1).then_some(())
    })
    .await;
    assert_eq!(fleet.done(wanted).await, 0);
    lanes.iter().filter(|lane| !lane.has_ended()).for_each(|lane| lane.thaw());
    assert_eq!(fleet.ends(wanted, 1).await[0].outcome.code(), "ok");
    assert_eq!(worker.lanes().await.len(), 2);
    until("the restart in the metrics", async || {
        (worker.metrics().await.sum("analysis_lane_restarts_total", &[]) == 1.0).then_some(())
    })
    .await;
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}

#[tokio::test]
async fn a_job_that_waits_for_its_retry_ends_when_it_comes_back() {
    let fleet = Fleet::with(&[("RETRY_DELAYS", "2s,4s")]).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let batch = BatchId::new();
    let job = fleet.job(batch, "a.flac", NORMAL);
    let job = Job { file: FileRef { root: "elsewhere".to_owned(), ..job.file.clone() }, ..job };
    sealed(&fleet, std::slice::from_ref(&job)).await;
    until("a retry", async || {
        (worker.metrics().await.sum("analysis_retries_total", &[]) == 1.0).then_some(())
    })
    .await;
    fleet.store.cancel_batch(batch, false).await.unwrap();
    assert_eq!(fleet.done(batch).await, 0, "no worker holds it");
    let record = fleet.ends(batch, 1).await.remove(0);
    assert_eq!((record.outcome.code(), record.attempts), ("cancelled", 1), "the one try before: {record:?}");
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}
