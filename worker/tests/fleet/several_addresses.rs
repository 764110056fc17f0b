//! Servers that are reached by several addresses: the nodes of a RabbitMQ cluster, and the sentinels of a Redis.

use shared::job::{BatchId, Job};
use shared::outcome::Outcome;
use shared::store::StoreError;
use tokio::task::spawn_blocking;

use crate::harness::sentinel::SentinelGroup;
use crate::harness::{Fleet, NORMAL, Process, Servers, Worker, run_to_its_end};

/// Jobs of this batch; half of them are copies.
fn jobs_of(fleet: &Fleet, batch: BatchId, count: usize) -> Vec<Job> {
    let name = |number: usize| format!("{batch}/{number}.wav");
    let job = |number: usize| {
        fleet.put(if number.is_multiple_of(2) { "house.wav" } else { "bad/silence.wav" }, &name(number));
        fleet.job(batch, &name(number), NORMAL)
    };
    (0..count).map(job).collect()
}

#[tokio::test]
async fn a_node_that_is_away_is_passed_by() {
    let servers = Servers::from_env();
    // Nobody listens on port 1. Each connection begins with one of the two by chance.
    let amqp = servers.amqp.replacen("127.0.0.1:", "127.0.0.1:1,127.0.0.1:", 1);
    assert_ne!(amqp, servers.amqp, "this test wants a server at 127.0.0.1");
    let fleet = Fleet::at(Servers { amqp: amqp.clone(), ..servers }, &[]).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let batch = BatchId::new();
    fleet.submit(&fleet.silences(batch, 3)).await;
    fleet.ends(batch, 3).await;
    worker.stop().await;

    let wrong = amqp.replace("guest:guest@", "guest:wrong@");
    let mut worker = Worker::start(&fleet, &[("AMQP_URL", &wrong)]).await;
    // The one that answers says no, and the other might say yes: it is waited for.
    let line = worker.log.says("waiting for rabbitmq").await;
    let error = line["error"].as_str().unwrap_or_default();
    assert!(error.contains("127.0.0.1:1: ") && error.contains(": it refuses the connection: "), "{line}");
    assert!(!worker.log.dump().contains("wrong"), "the password is not shown");
}

#[tokio::test]
async fn ends_outlive_the_death_of_a_master_that_sentinels_watch() {
    let mut group = spawn_blocking(SentinelGroup::start).await.unwrap();
    let fleet = Fleet::at(Servers { redis: group.url(), ..Servers::from_env() }, &[]).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let first = jobs_of(&fleet, BatchId::new(), 6);
    fleet.submit(&first).await;
    let records = fleet.ends_in_store(first[0].batch_id, 6).await;
    assert!(records.iter().all(|record| record.outcome != Outcome::Failed && record.report.is_some()));

    let lanes = worker.freeze().await;
    let second = jobs_of(&fleet, BatchId::new(), 6);
    fleet.submit(&second).await;
    worker.holds(5, 1).await;
    let fail_over = move || {
        group.fail_over();
        group
    };
    let _group = spawn_blocking(fail_over).await.unwrap();
    lanes.iter().for_each(Process::thaw);
    // What had ended before is on the new master, too.
    assert_eq!(fleet.ends_in_store(first[0].batch_id, 6).await.len(), 6);
    assert_eq!(fleet.ends_in_store(second[0].batch_id, 6).await.len(), 6);
    worker.stop().await;
}

#[tokio::test]
async fn a_write_that_no_replica_has_does_not_count() {
    let mut group = spawn_blocking(SentinelGroup::start).await.unwrap();
    let fleet = Fleet::at(Servers { redis: group.url(), ..Servers::from_env() }, &[]).await;
    fleet.store.probe().await.unwrap();
    group.lose_replicas();
    match fleet.store.probe().await {
        Err(StoreError::Refused { detail, .. }) => {
            assert!(detail.contains("0 of 1 replicas") && detail.contains("?replicas=0"), "{detail}");
        }
        other => panic!("{other:?}"),
    }
    // Reading needs no replica, and who can live with a loss needs none at all.
    assert_eq!(fleet.store.batches(10).await.unwrap().len(), 0);
    let alone = format!("{}?replicas=0", group.url());
    let fleet = Fleet::at(Servers { redis: alone, ..Servers::from_env() }, &[]).await;
    fleet.store.probe().await.unwrap();
}

#[tokio::test]
async fn a_master_that_no_sentinel_knows_is_named() {
    let group = spawn_blocking(SentinelGroup::start).await.unwrap();
    let fleet = Fleet::at(Servers::from_env(), &[]).await;
    let url = group.url_of("musik");
    let ended = run_to_its_end(&["run"], &fleet.environment(&[("REDIS_URL", &url)])).await;
    assert_eq!(ended.code, Some(78), "{}", ended.stderr);
    assert!(ended.said().contains("it knows no master 'musik'"), "{}", ended.stderr);
}
