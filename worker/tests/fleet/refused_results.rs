//! A batch whose keys Redis cannot write to, beside one that is well.

use redis::AsyncCommands;
use shared::job::BatchId;
use shared::outcome::{End, FailureKind};

use crate::harness::{Fleet, Worker, until};

/// Puts a value of another type in place of a batch's table of jobs.
async fn spoil(fleet: &Fleet, batch: BatchId) -> String {
    let key = format!("{}:batch:{{{batch}}}:jobs", fleet.topology.prefix);
    fleet.redis().await.set::<_, _, ()>(&key, "not ours").await.unwrap();
    key
}

async fn refused(worker: &Worker, fate: &str) -> f64 {
    worker.metrics().await.sum("analysis_refused_results_total", &[("fate", fate)])
}

#[tokio::test]
async fn a_key_of_another_type_costs_its_own_batch_alone() {
    let fleet = Fleet::with(&[]).await;
    let (spoilt, well) = (BatchId::new(), BatchId::new());
    let mut worker = Worker::ready(&fleet, &[]).await;
    let lanes = worker.freeze().await;
    let jobs = fleet.silences(spoilt, 3);
    let key = spoil(&fleet, spoilt).await;
    fleet.submit(&jobs).await;
    fleet.submit(&fleet.silences(well, 5)).await;
    worker.holds(7, 1).await;
    lanes[0].thaw();

    fleet.ends(well, 5).await;
    let records = fleet.ends(BatchId::STRAY, 3).await;
    for record in &records {
        assert_eq!(record.end(), End::Failed(FailureKind::StoreUnavailable));
        let detail = record.detail.as_deref().unwrap();
        assert!(detail.contains(&spoilt.to_string()) && detail.contains("WRONGTYPE"), "{detail}");
        assert!(jobs.iter().any(|job| Some(job.job_id) == record.job_id));
    }
    let line = worker.log.says("redis refuses a result for good").await;
    assert!(line["error"].as_str().unwrap().contains(&spoilt.to_string()), "{line}");
    assert_eq!((refused(&worker, "retried").await, refused(&worker, "stray").await), (3.0, 3.0));
    // Nobody was kept from work by it.
    assert_eq!(worker.log.count("breaker opened") + worker.log.count("taking no work"), 0);
    worker.answers("/readyz", 200).await;
    until("every message is settled", async || (fleet.queued().await == 0).then_some(())).await;
    fleet.redis().await.del::<_, ()>(&key).await.unwrap();
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}

#[tokio::test]
async fn a_batch_that_is_mended_in_time_has_all_its_results() {
    let fleet = Fleet::with(&[("RETRY_DELAYS", "2s,4s")]).await;
    let batch = BatchId::new();
    let worker = Worker::ready(&fleet, &[]).await;
    let jobs = fleet.silences(batch, 3);
    let key = spoil(&fleet, batch).await;
    fleet.submit(&jobs).await;
    until("all are to be retried", async || (refused(&worker, "retried").await == 3.0).then_some(())).await;
    fleet.redis().await.del::<_, ()>(&key).await.unwrap();
    let records = fleet.ends(batch, 3).await;
    assert!(records.iter().all(|record| record.outcome.code() == "not_applicable" && record.attempts == 2));
    assert_eq!(fleet.done(BatchId::STRAY).await, 0);
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}

#[tokio::test]
async fn where_no_batch_takes_anything_jobs_wait_and_none_is_lost() {
    let fleet = Fleet::with(&[("RETRY_DELAYS", "500ms")]).await;
    let batch = BatchId::new();
    let worker = Worker::ready(&fleet, &[]).await;
    let jobs = fleet.silences(batch, 2);
    let keys = [spoil(&fleet, batch).await, spoil(&fleet, BatchId::STRAY).await];
    fleet.submit(&jobs).await;
    until("both have been through the last tier", async || {
        (refused(&worker, "parked").await >= 4.0).then_some(())
    })
    .await;
    assert_eq!(refused(&worker, "lost").await, 0.0);
    fleet.redis().await.del::<_, ()>(&keys[..]).await.unwrap();
    fleet.ends(batch, 2).await;
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}
