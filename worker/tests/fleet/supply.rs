//! The reserve: that another window keeps what is unsettled, and that a worker finds its own.

use std::collections::BTreeSet;

use shared::broker::{Broker, Publisher};
use shared::job::{BatchId, JobId};
use shared::roots::MediaRoots;
use worker::source::rabbitmq::{self, Windows};
use worker::source::{Receive, Settle};
use worker::task::Settlement;

use crate::harness::{Fleet, NORMAL, Worker, slow_wav, until};

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
    assert_eq!(worker.metrics().await.sum("analysis_batch_limit", &[]), 10.0);
    fleet.submit(&fleet.silences(batch, 4000)).await;
    worker.log.says("holding more").await;
    until("4000 ends", async || (fleet.done(batch).await == 4000).then_some(())).await;
    let metrics = worker.metrics().await;
    let limit = metrics.sum("analysis_batch_limit", &[]);
    assert!((20.0..=300.0).contains(&limit), "{limit}");
    assert_eq!(metrics.sum("analysis_lost_leases_total", &[]), 0.0);

    slow_wav(&fleet.path("slow.wav"));
    let slow = BatchId::new();
    fleet.submit(&(0..300).map(|_| fleet.job(slow, "slow.wav", NORMAL)).collect::<Vec<_>>()).await;
    worker.log.says("no more than a second's work").await;
    // It does not follow to the last: below twice what it need be, it stays.
    until("a small reserve", async || {
        (worker.metrics().await.sum("analysis_batch_limit", &[]) < 20.0).then_some(())
    })
    .await;
    worker.kill().await;
}
