//! A receiver that is told to pause and to go on faster than the broker answers.

use std::collections::BTreeSet;
use std::time::Duration;

use shared::broker::{Broker, Publisher};
use shared::job::{BatchId, JobId};
use shared::roots::MediaRoots;
use tokio::time::{sleep, timeout};
use worker::source::rabbitmq::{self, Windows};
use worker::source::{Receive, Settle};
use worker::task::Settlement;

use crate::harness::{Fleet, NORMAL};

/// Fewer than the window: one consumer that nobody reads would swallow them all.
const JOBS: usize = 8;

/// Pauses of which some end while the consumer is being opened.
const ROUNDS: u64 = 40;

/// A message that is with a consumer that nobody reads comes when the connection ends, not before.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn nothing_is_lost_to_a_consumer_that_nobody_reads() {
    let fleet = Fleet::with(&[]).await;
    let consume = Broker::connect(&fleet.servers.amqp, "consume").await.unwrap();
    let publish = Broker::connect(&fleet.servers.amqp, "publish").await.unwrap();
    let publisher = Publisher::open(&publish, fleet.topology.clone()).await.unwrap();
    let windows = Windows::new(fleet.topology.levels, &[NORMAL], 1, JOBS);
    let roots = MediaRoots::parse("music=/nowhere").unwrap();
    let (mut receiver, mut settler) =
        rabbitmq::open(consume.clone(), publisher, &fleet.topology, windows, roots).await.unwrap();
    let jobs = fleet.silences(BatchId::new(), JOBS);
    fleet.submit(&jobs).await;
    for round in 0..ROUNDS {
        receiver.pause(true);
        // All of a millisecond's fractions that a broker on this machine may need for an answer, and some more.
        sleep(Duration::from_micros(500 * (round % 20))).await;
        receiver.pause(false);
        sleep(Duration::from_micros(700 * (round % 13))).await;
        while let Ok(Some(task)) = timeout(Duration::ZERO, receiver.next()).await {
            settler.settle(vec![(task.ticket, Settlement::GiveBack)]).await;
        }
    }
    let mut owed: BTreeSet<JobId> = jobs.iter().map(|job| job.job_id).collect();
    while !owed.is_empty() {
        let next = timeout(PATIENCE, receiver.next()).await;
        let task = next.unwrap_or_else(|_| panic!("{} of {JOBS} do not come", owed.len())).unwrap();
        if let Some(job) = task.work.job_id() {
            owed.remove(&job);
        }
        settler.settle(vec![(task.ticket, Settlement::Ack)]).await;
    }
    receiver.stop().await;
    settler.close().await;
    consume.close().await;
    publish.close().await;
    assert_eq!(fleet.queued().await, 0);
}
