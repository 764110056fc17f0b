//! One level's consumer, and its coming back after whatever ended it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use shared::broker::lapin::message::Delivery;
use shared::broker::lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use shared::broker::lapin::types::FieldTable;
use shared::broker::lapin::{self, Consumer};
use shared::broker::{Broker, BrokerError, Channel};
use shared::job::Priority;
use shared::roots::MediaRoots;
use shared::topology::Topology;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::ledger::Ledger;
use super::{lock, message};
use crate::metrics;
use crate::task::Task;

/// A consumer that ended (its queue was deleted, its node went away) is started again this much later.
const RESUBSCRIBE: Duration = Duration::from_secs(1);

/// A broker that is away confirms no cancellation, and has everything back anyway.
const CANCEL_WITHIN: Duration = Duration::from_secs(3);

/// One level's consumer.
pub(super) struct Subscription {
    pub(super) stream: usize,
    pub(super) level: Priority,
    pub(super) window: u16,
    pub(super) topology: Topology,
    pub(super) broker: Arc<Broker>,
    /// The channel it has now, for whoever asks whether it is open.
    pub(super) channel: Arc<Mutex<Channel>>,
    pub(super) ledger: Arc<Mutex<Ledger>>,
    pub(super) roots: Arc<MediaRoots>,
    pub(super) tasks: mpsc::UnboundedSender<Task>,
    pub(super) cancel: CancellationToken,
}

impl Subscription {
    /// Consumes on the channel it has.
    pub(super) async fn consume(&self) -> Result<Consumer, lapin::Error> {
        let channel = lock(&self.channel).clone();
        // Per consumer: quorum queues refuse a global one and close the connection.
        channel.basic_qos(self.window, BasicQosOptions::default()).await?;
        let (queue, options) = (self.topology.level_queue(self.level), BasicConsumeOptions::default());
        channel.basic_consume(queue.into(), "".into(), options, FieldTable::default()).await
    }

    /// Until cancelled. A lost connection mends itself underneath; a stream that ends for another reason is opened again.
    pub(super) async fn run(self, mut consumer: Consumer) {
        loop {
            let delivery = tokio::select! {
                delivery = consumer.next() => delivery,
                () = self.cancel.cancelled() => return self.end(consumer).await,
            };
            match delivery {
                Some(Ok(delivery)) => self.deliver(delivery),
                other => {
                    let cause = other.and_then(Result::err).map(|error| error.to_string());
                    tracing::warn!(level = self.level.0, cause, "the consumer ended, starting it again");
                    let Some(again) = self.resubscribe().await else { return };
                    consumer = again;
                }
            }
        }
    }

    fn deliver(&self, delivery: Delivery) {
        let (tag, redelivered) = (delivery.delivery_tag, delivery.redelivered);
        if redelivered {
            metrics::redelivered();
        }
        let work = message::read(&delivery, &self.roots);
        let epoch = lock(&self.ledger).received(tag, delivery.acker);
        let task = message::task(self.stream, epoch, tag, self.level, redelivered, work);
        // The receiver lives until every subscription has ended.
        let _ = self.tasks.send(task);
    }

    /// A new consumer as soon as the broker gives one; `None` when cancelled before.
    async fn resubscribe(&self) -> Option<Consumer> {
        loop {
            let trying = async {
                tokio::time::sleep(RESUBSCRIBE).await;
                self.subscribe_anew().await
            };
            let tried = tokio::select! {
                tried = trying => tried,
                () = self.cancel.cancelled() => return None,
            };
            match tried {
                Ok(consumer) => {
                    tracing::info!(level = self.level.0, "consuming again");
                    return Some(consumer);
                }
                Err(error) => tracing::warn!(level = self.level.0, %error, "cannot consume yet"),
            }
        }
    }

    /// On a channel of its own, because an error closes the one it had, and with the queues declared, because a deleted
    /// one may be what ended the consumer.
    async fn subscribe_anew(&self) -> Result<Consumer, BrokerError> {
        self.topology.declare(&self.broker.channel().await?).await?;
        *lock(&self.channel) = self.broker.channel().await?;
        Ok(self.consume().await?)
    }

    /// Cancels, and passes on what was already on its way.
    async fn end(&self, mut consumer: Consumer) {
        let channel = lock(&self.channel).clone();
        let cancelled = async {
            channel.basic_cancel(consumer.tag(), BasicCancelOptions::default()).await?;
            while let Some(Ok(delivery)) = consumer.next().await {
                self.deliver(delivery);
            }
            Ok::<(), lapin::Error>(())
        };
        match tokio::time::timeout(CANCEL_WITHIN, cancelled).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(level = self.level.0, %error, "the consumer was not cancelled"),
            Err(_) => tracing::debug!(level = self.level.0, "the broker did not confirm the cancellation"),
        }
    }
}
