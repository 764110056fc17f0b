//! An update under load, and its way back: workers leave one by one, each when the one that takes its place is ready.

use std::collections::BTreeSet;

use shared::job::BatchId;

use crate::harness::{Fleet, Worker, until};

const WORKERS: usize = 2;

/// Enough that some are left when the last worker has been replaced.
const JOBS: usize = 6000;

#[tokio::test]
async fn an_update_and_its_way_back_lose_nothing_and_retry_nothing() {
    let fleet = Fleet::with(&[("ANALYSIS_MAX_WORKERS", "2")]).await;
    let batch = BatchId::new();
    let jobs = fleet.silences(batch, JOBS);
    let mut running = Vec::new();
    for number in 0..WORKERS {
        running.push(ready(&fleet, "old", number).await);
    }
    fleet.submit(&jobs).await;
    for version in ["new", "old-again"] {
        let before = fleet.done(batch).await;
        until("some ends", async || (fleet.done(batch).await > before + 50).then_some(())).await;
        for (number, place) in running.iter_mut().enumerate() {
            let next = ready(&fleet, version, number).await;
            // SIGTERM: it finishes what runs, gives back the rest and ends with 0.
            std::mem::replace(place, next).stop().await;
        }
    }
    let records = fleet.ends(batch, JOBS as u64).await;
    let versions: BTreeSet<&str> = records
        .iter()
        .filter_map(|record| record.worker.as_deref()?.rsplit_once('-'))
        .map(|it| it.0)
        .collect();
    assert_eq!(versions, BTreeSet::from(["new", "old", "old-again"]), "all of them took part");
    assert!(records.iter().all(|record| record.attempts == 1), "what was given back had not been tried");
    for worker in &running {
        assert_eq!(worker.metrics().await.sum("analysis_lost_leases_total", &[]), 0.0);
    }
    for worker in running {
        worker.stop().await;
    }
    assert_eq!(fleet.queued().await, 0);
}

async fn ready(fleet: &Fleet, version: &str, number: usize) -> Worker {
    Worker::ready(fleet, &[("WORKER_NAME", &format!("{version}-{number}"))]).await
}
