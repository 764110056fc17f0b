//! What a fleet leaves in Redis, and what a worker says there of the jobs that it holds.

use redis::AsyncCommands;
use shared::broker::lapin::BasicProperties;
use shared::job::BatchId;
use shared::store::{BatchHead, Cancelled};

use crate::harness::{Fleet, NORMAL, Worker, slow_wav, until};

/// What stays as long as a worker runs: the version that it answers with, what it writes to see whether Redis takes it, and
/// which workers there are.
const DOCUMENTED: [&str; 3] = ["analyser", "probe", "workers"];

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
    // The lane stands still for longer than it usually may.
    let fleet = Fleet::with(&[("ANALYSIS_TIMEOUT", "5m")]).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let lanes = worker.freeze().await;
    let running = BatchId::new();
    slow_wav(&fleet.path("slow.wav"));
    fleet.submit(&[fleet.job(running, "slow.wav", NORMAL)]).await;
    worker.holds(0, 1).await;
    // One job runs, and one of another batch waits behind it: of both it is said, and said again.
    let waiting = fleet.submit(&fleet.silences(BatchId::new(), 1)).await;
    worker.holds(1, 1).await;
    let signs = async || {
        let sign = async |batch| fleet.state(batch).await.unwrap().last_sign_ms.unwrap();
        [sign(running).await, sign(waiting).await]
    };
    let mut last = signs().await;
    for _ in 0..2 {
        last = until("a sign of life of both", async || {
            let now = signs().await;
            (now[0] > last[0] && now[1] > last[1]).then_some(now)
        })
        .await;
    }
    lanes[0].thaw();
    fleet.ends(waiting, 1).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_list_of_batches_of_another_type_costs_no_result() {
    let fleet = Fleet::with(&[]).await;
    let list = format!("{}:batches", fleet.topology.prefix);
    let _: () = fleet.redis().await.set(&list, "not ours").await.unwrap();
    let worker = Worker::ready(&fleet, &[]).await;
    let batch = BatchId::new();
    fleet.publish(&fleet.silences(batch, 3)).await;
    fleet.ends(batch, 3).await;
    assert_eq!(fleet.done(BatchId::STRAY).await, 0);
    worker.answers("/readyz", 200).await;
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}
