//! Publishing and consuming on the fleet's own queues.

use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream;
use shared::broker::lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueuePurgeOptions,
};
use shared::broker::lapin::types::FieldTable;
use shared::broker::{Broker, Channel, Fate, Publisher, Route};
use shared::job::{BatchId, Job, Levels, Priority};
use shared::topology::Topology;

use super::arguments::Bounds;
use super::part::Acks;
use crate::bench::{LEVELS, Meter, Round, job};
use crate::rig::{RigError, io};

/// More than any round publishes: what a full queue does is measured nowhere here.
const QUEUE_MAX_SIZE: u64 = 2_000_000;

/// Window under which a queue is filled for a round of consuming.
const FILLING: usize = 1024;

/// Unacknowledged deliveries at a time: beyond some 250 a quorum queue gains little more.
const PREFETCH: u16 = 250;

/// One acknowledgement for half the window: the broker sends on while the other half is worked on.
const TOGETHER: u64 = PREFETCH as u64 / 2;

/// The level whose queue is used.
const LEVEL: Priority = Priority(1);

/// Connections as the fleet has them: one to publish, one to consume.
pub(super) struct Queues {
    publisher: Publisher,
    consuming: Broker,
    topology: Topology,
    batch: BatchId,
    // Its channels close with it.
    _publishing: Broker,
}

impl Queues {
    pub(super) async fn open(url: &str) -> Result<Self, RigError> {
        let topology = Topology {
            prefix: "components".to_owned(),
            levels: Levels::new(LEVELS)?,
            max_size: QUEUE_MAX_SIZE,
            retry_delays: Vec::new(),
        };
        let publishing = Broker::connect(url, "loadtest publishes").await?;
        let consuming = Broker::connect(url, "loadtest consumes").await?;
        let publisher = Publisher::open(&publishing, topology.clone()).await?;
        Ok(Self { publisher, consuming, topology, batch: BatchId::new(), _publishing: publishing })
    }

    /// From the making of each job to the broker's word on it, `window` of them at a time.
    pub(super) async fn publish(&self, window: usize, bounds: Bounds) -> Result<Round, RigError> {
        self.purge().await?;
        let meter = Meter::start();
        let done = self.send(window, bounds).await?;
        Ok(meter.stop(done))
    }

    /// From the broker's first delivery to the last acknowledgement that was handed to the connection.
    pub(super) async fn consume(&self, acks: Acks, bounds: Bounds) -> Result<Round, RigError> {
        self.purge().await?;
        let filled = self.send(FILLING, bounds).await?;
        let channel = self.consuming.channel().await?;
        channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
        let meter = Meter::start();
        let done = self.take(&channel, acks, Bounds { count: filled, ..bounds }).await?;
        let round = meter.stop(done);
        channel.close(200, "done".into()).await?;
        Ok(round)
    }

    async fn take(&self, channel: &Channel, acks: Acks, bounds: Bounds) -> Result<u64, RigError> {
        let queue = self.topology.level_queue(LEVEL);
        let options = BasicConsumeOptions::default();
        let consuming =
            channel.basic_consume(queue.as_str().into(), "".into(), options, FieldTable::default());
        let mut deliveries = consuming.await?;
        let (begun, mut done) = (Instant::now(), 0);
        while done < bounds.count && begun.elapsed() < bounds.time {
            let Some(delivery) = deliveries.next().await else { break };
            let delivery = delivery?;
            Job::decode(&delivery.data).map_err(|error| io("a delivery")(std::io::Error::other(error)))?;
            done += 1;
            let multiple = acks == Acks::Multiple;
            if !multiple || done.is_multiple_of(TOGETHER) || done == bounds.count {
                delivery.ack(BasicAckOptions { multiple }).await?;
            }
        }
        Ok(done)
    }

    async fn send(&self, window: usize, bounds: Bounds) -> Result<u64, RigError> {
        let begun = Instant::now();
        let numbers = stream::iter(0..bounds.count);
        let numbers = numbers.take_while(|_| std::future::ready(begun.elapsed() < bounds.time));
        let sent = numbers.map(|number| async move {
            let job = job(self.batch, number);
            self.publisher.publish(&job, Route::Level(LEVEL)).await
        });
        let mut sent = std::pin::pin!(sent.buffer_unordered(window));
        let mut accepted = 0;
        while let Some(fate) = sent.next().await {
            accepted += u64::from(fate? == Fate::Accepted);
        }
        Ok(accepted)
    }

    /// What a round leaves is no part of the next.
    async fn purge(&self) -> Result<(), RigError> {
        let channel = self.consuming.channel().await?;
        let queue = self.topology.level_queue(LEVEL);
        channel.queue_purge(queue.as_str().into(), QueuePurgeOptions::default()).await?;
        channel.close(200, "done".into()).await?;
        Ok(())
    }
}
