//! The reserve: that another window keeps what is unsettled, that a worker finds its own, and that no worker keeps from others
//! what it cannot start.

use std::collections::BTreeSet;

use shared::broker::{Broker, Publisher};
use shared::job::{BatchId, JobId};
use shared::roots::MediaRoots;
use worker::source::rabbitmq::{self, Windows};
use worker::source::{Receive, Settle};
use worker::task::Settlement;

use crate::harness::{Fleet, HIGH, LOW, NORMAL, Worker, slow_wav, until};

/// The default, which lets a worker find its own reserve.
const ADAPTIVE: (&str, &str) = ("ANALYSIS_BATCH_MAX", "500");

/// One lane, and a reserve of four.
const FIRST: usize = 5;

#[tokio::test]
async fn another_window_keeps_the_leases_of_the_one_before() {
    let fleet = Fleet::with(&[]).await;
    let consume = Broker::connect(&fleet.servers.amqp, "consume").await.unwrap();
    let publish = Broker::connect(&fleet.servers.amqp, "publish").await.unwrap();
    let publisher = Publisher::open(&publish, fleet.topology.clone()).await.unwrap();
    let windows = Windows::new(fleet.topology.levels, &[NORMAL], 1, FIRST - 1);
    let roots = MediaRoots::parse("music=/nowhere").unwrap();
    let (mut receiver, mut settler) =
        rabbitmq::open(consume.clone(), publisher, &fleet.topology, windows, roots).await.unwrap();
    let jobs = fleet.silences(BatchId::new(), 60);
    fleet.submit(&jobs).await;
    let (mut seen, mut held) = (BTreeSet::new(), Vec::new());
    let mut take = async |receiver: &mut rabbitmq::RabbitReceiver, count: usize| {
        for _ in 0..count {
            let task = receiver.next().await.unwrap();
            assert!(!task.redelivered, "its lease was lost");
            assert!(seen.insert(task.work.job_id().unwrap()));
            held.push((task.ticket, Settlement::Ack));
        }
        std::mem::take(&mut held)
    };
    let of_first = take(&mut receiver, FIRST).await;
    assert!(receiver.is_crowded(1) && !receiver.is_crowded(FIRST));
    fleet.queues_hold(55).await;
    receiver.hold(40);
    // The window of the second consumer, beside what the first has left behind.
    let of_second = take(&mut receiver, 41).await;
    fleet.queues_hold(14).await;
    settler.settle(of_first).await;
    receiver.hold(4);
    settler.settle(of_second).await;
    for _ in 0..14 {
        let one = take(&mut receiver, 1).await;
        settler.settle(one).await;
    }
    assert_eq!(seen, jobs.iter().map(|job| job.job_id).collect::<BTreeSet<JobId>>());
    receiver.stop().await;
    settler.close().await;
    consume.close().await;
    publish.close().await;
    assert_eq!(fleet.queued().await, 0);
}

#[tokio::test]
async fn a_worker_holds_more_of_fast_files_and_few_of_slow_ones() {
    let fleet = Fleet::with(&[("ANALYSIS_MAX_WORKERS", "2"), ("ANALYSIS_BATCH_MAX", "300")]).await;
    let batch = BatchId::new();
    let mut worker = Worker::ready(&fleet, &[]).await;
    assert_eq!(worker.metrics().await.sum("analysis_batch_limit", &[]), 1.0);
    fleet.submit(&fleet.silences(batch, 4000)).await;
    worker.log.says("prefetch increased").await;
    until("4000 ends", async || (fleet.done(batch).await == 4000).then_some(())).await;
    let metrics = worker.metrics().await;
    let limit = metrics.sum("analysis_batch_limit", &[]);
    assert!((20.0..=300.0).contains(&limit), "{limit}");
    assert_eq!(metrics.sum("analysis_lost_leases_total", &[]), 0.0);

    slow_wav(&fleet.path("slow.wav"));
    let slow = BatchId::new();
    fleet.submit(&(0..300).map(|_| fleet.job(slow, "slow.wav", NORMAL)).collect::<Vec<_>>()).await;
    worker.log.says("prefetch reduced").await;
    until("a reserve of one", async || {
        (worker.metrics().await.sum("analysis_batch_limit", &[]) == 1.0).then_some(())
    })
    .await;
    worker.kill().await;
}

/// By worker.
async fn shares(fleet: &Fleet, batch: BatchId, count: u64) -> [usize; 2] {
    let records = fleet.ends(batch, count).await;
    ["a", "b"].map(|name| records.iter().filter(|record| record.worker.as_deref() == Some(name)).count())
}

#[tokio::test]
async fn two_workers_share_a_dozen_slow_files() {
    let fleet = Fleet::with(&[ADAPTIVE, ("ANALYSIS_REHEARSAL", "3s")]).await;
    let batch = BatchId::new();
    let first = Worker::ready(&fleet, &[("WORKER_NAME", "a")]).await;
    fleet.submit(&fleet.silences(batch, 12)).await;
    first.holds(1, 1).await;
    let second = Worker::ready(&fleet, &[("WORKER_NAME", "b")]).await;
    let shares = shares(&fleet, batch, 12).await;
    assert!(shares.iter().all(|share| *share >= 5), "{shares:?}");
    let redelivered = first.metrics().await.sum("analysis_redeliveries_total", &[])
        + second.metrics().await.sum("analysis_redeliveries_total", &[]);
    assert!(redelivered <= 3.0, "jobs go to and fro: {redelivered}");
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn what_waits_behind_a_long_file_goes_to_a_worker_that_is_idle() {
    let fleet = Fleet::with(&[ADAPTIVE]).await;
    let batch = BatchId::new();
    let mut busy = Worker::ready(&fleet, &[("WORKER_NAME", "a")]).await;
    let lanes = busy.freeze().await;
    fleet.submit(&fleet.silences(batch, 2)).await;
    busy.holds(1, 1).await;
    let idle = Worker::ready(&fleet, &[("WORKER_NAME", "b")]).await;
    until("the idle worker has done the other one", async || (fleet.done(batch).await == 1).then_some(()))
        .await;
    busy.log.says("other workers may be idle").await;
    busy.holds(0, 1).await;
    lanes[0].thaw();
    assert_eq!(shares(&fleet, batch, 2).await, [1, 1]);
    let redelivered = busy.metrics().await.sum("analysis_redeliveries_total", &[])
        + idle.metrics().await.sum("analysis_redeliveries_total", &[]);
    assert!((1.0..=3.0).contains(&redelivered), "jobs go to and fro: {redelivered}");
    assert_eq!(busy.metrics().await.sum("analysis_lost_leases_total", &[]), 0.0);
    busy.stop().await;
    idle.stop().await;
    assert_eq!(fleet.queued().await, 0);
}

#[tokio::test]
async fn what_waits_for_half_of_the_consumer_timeout_goes_back_and_is_not_lost() {
    let settings = [("PRIORITY_MODE", "strict"), ("CONSUMER_TIMEOUT", "3s"), ("ANALYSIS_REHEARSAL", "500ms")];
    let fleet = Fleet::with(&settings).await;
    let (low, high) = (BatchId::new(), BatchId::new());
    let mut worker = Worker::ready(&fleet, &[]).await;
    let with_level = |batch, level, count| {
        let jobs = fleet.silences(batch, count).into_iter();
        jobs.map(|job| shared::job::Job { priority: level, ..job }).collect::<Vec<_>>()
    };
    // A lane for eight seconds, and what is low waits all that time.
    fleet.submit(&with_level(high, HIGH, 16)).await;
    fleet.submit(&with_level(low, LOW, 3)).await;
    worker.log.says("half of CONSUMER_TIMEOUT").await;
    assert_eq!(fleet.done(low).await, 0);
    fleet.ends(high, 16).await;
    fleet.ends(low, 3).await;
    let metrics = worker.metrics().await;
    assert!(metrics.sum("analysis_redeliveries_total", &[]) >= 3.0);
    assert_eq!(metrics.sum("analysis_lost_leases_total", &[]), 0.0);
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}
