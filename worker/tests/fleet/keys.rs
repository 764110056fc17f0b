//! What a fleet leaves in Redis, and what a worker says there of the jobs that it holds.

use shared::broker::lapin::BasicProperties;
use shared::job::BatchId;
use shared::store::{BatchHead, Cancelled};

use crate::harness::{Fleet, NORMAL, Worker, slow_wav, until};

/// What stays as long as a worker runs: the version that it answers with.
const DOCUMENTED: [&str; 1] = ["analyser"];

async fn keys(fleet: &Fleet) -> Vec<String> {
    let pattern = format!("{}:*", fleet.topology.prefix);
    let keys: Vec<String> =
        redis::cmd("KEYS").arg(pattern).query_async(&mut fleet.redis().await).await.unwrap();
    let name = |key: &String| key[fleet.topology.prefix.len() + 1..].to_owned();
    let mut keys: Vec<String> =
        keys.iter().map(name).filter(|key| !DOCUMENTED.contains(&key.as_str())).collect();
    keys.sort();
    keys
}

#[tokio::test]
async fn an_idle_fleet_leaves_no_key_behind() {
    let fleet = Fleet::with(&[("RESULT_TTL", "2s")]).await;
    let (counted, foreign, cancelled) = (BatchId::new(), BatchId::new(), BatchId::new());
    // Jobs that a producer has counted by name, as `producer enqueue` does.
    let head = BatchHead { batch_id: counted, label: Some("counted".to_owned()), created_ms: 1 };
    let jobs = fleet.silences(counted, 3);
    fleet.store.create_batch(counted, "counted", 1).await.unwrap();
    fleet.publish(&jobs).await;
    fleet.store.accept(&head, &jobs, 0).await.unwrap();
    fleet.store.seal(&head, 3).await.unwrap();
    // Jobs that another program has published, each the only one of its batch or not.
    fleet.publish(&fleet.silences(foreign, 2)).await;
    fleet.publish(&fleet.silences(BatchId::new(), 1)).await;
    fleet.publish_raw(NORMAL, b"no job", BasicProperties::default()).await;
    // Jobs that nobody wants any more.
    let unwanted = fleet.silences(cancelled, 2);
    fleet.submit(&unwanted).await;
    fleet.store.seal_batch(cancelled, 2).await.unwrap();
    assert_eq!(fleet.store.cancel_batch(cancelled, true).await.unwrap(), Cancelled::Marked);

    let worker = Worker::ready(&fleet, &[]).await;
    until("the ends of all three batches", async || {
        let ended = [fleet.done(counted).await, fleet.done(foreign).await, fleet.done(cancelled).await];
        (ended == [3, 2, 2]).then_some(())
    })
    .await;
    // A start that is counted when its job has ended, as by a worker that was cut off.
    fleet.store.started(&[(counted, jobs[0].job_id)]).await.unwrap();
    until("no key", async || keys(&fleet).await.is_empty().then_some(())).await;
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}

#[tokio::test]
async fn a_worker_says_of_which_batches_it_holds_jobs() {
    let fleet = Fleet::with(&[]).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let lanes = worker.freeze().await;
    let batch = BatchId::new();
    slow_wav(&fleet.path("slow.wav"));
    fleet.submit(&[fleet.job(batch, "slow.wav", NORMAL)]).await;
    worker.holds(0, 1).await;
    // The running job and one that waits behind it in another batch: of both it is said, again and again.
    let behind = fleet.submit(&fleet.silences(BatchId::new(), 1)).await;
    worker.holds(1, 1).await;
    for batch in [batch, behind] {
        let sign = async || fleet.state(batch).await.unwrap().last_sign_ms.unwrap();
        let mut last = sign().await;
        for _ in 0..2 {
            last = until("a sign of life", async || Some(sign().await).filter(|now| *now > last)).await;
        }
    }
    lanes[0].thaw();
    fleet.ends(behind, 1).await;
    worker.stop().await;
}
