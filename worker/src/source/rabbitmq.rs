//! Tasks from RabbitMQ: a consumer per level, each on a channel of its own.
//!
//! The window of each consumer bounds what this worker holds; the broker keeps the rest. Prefetched tasks are re-ordered
//! by the ready heap, so prefetch costs a high job nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use shared::broker::lapin::message::Delivery;
use shared::broker::lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use shared::broker::lapin::types::FieldTable;
use shared::broker::lapin::{self, Consumer};
use shared::broker::{Broker, BrokerError, Channel, Publisher};
use shared::job::{Levels, Priority};
use shared::roots::MediaRoots;
use shared::topology::Topology;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

mod ledger;
mod message;
mod settler;

use ledger::Ledger;
pub use settler::RabbitSettler;

use super::Receive;
use crate::task::Task;

/// A consumer that ended (its queue was deleted, its node went away) is started again this much later.
const RESUBSCRIBE: Duration = Duration::from_secs(1);

/// Which levels are consumed, and how many unsettled messages of each this worker may hold.
#[derive(Debug, Clone)]
pub struct Windows(Vec<(Priority, u16)>);

impl Windows {
    /// Every lane busy and a batch in reserve. Of the lowest level only a quarter of the reserve: what sits in a prefetch is
    /// hidden from other workers, and the low ones are the last to be started.
    #[must_use]
    pub fn new(levels: Levels, consumed: &[Priority], lanes: usize, batch_size: usize) -> Self {
        let window = |level: Priority| {
            let reserve = match level == levels.lowest() && consumed.len() > 1 {
                true => (batch_size / 4).max(1),
                false => batch_size,
            };
            u16::try_from(lanes + reserve).unwrap_or(u16::MAX)
        };
        Self(consumed.iter().map(|level| (*level, window(*level))).collect())
    }
}

/// The receiving half.
#[derive(Debug)]
pub struct RabbitReceiver {
    tasks: mpsc::UnboundedReceiver<Task>,
    cancel: CancellationToken,
    subscriptions: JoinSet<()>,
    channels: Vec<Channel>,
}

/// Whether the consumers' channels are open.
#[derive(Debug, Clone)]
pub struct Channels(Vec<Channel>);

impl Channels {
    /// All of them are open now.
    #[must_use]
    pub fn are_open(&self) -> bool {
        self.0.iter().all(|channel| channel.status().connected())
    }
}

/// Declares the topology and starts consuming. Retries are sent by `publisher`, which has its own connection.
///
/// # Errors
/// When the queues differ from what the settings say, or the connection fails.
pub async fn open(
    broker: &Broker,
    publisher: Publisher,
    topology: &Topology,
    windows: Windows,
    roots: MediaRoots,
) -> Result<(RabbitReceiver, RabbitSettler), BrokerError> {
    topology.declare(&broker.channel().await?).await?;
    // Unbounded, yet never longer than the sum of the windows: the broker sends no more until something is settled.
    let (sender, tasks) = mpsc::unbounded_channel();
    let cancel = CancellationToken::new();
    let roots = Arc::new(roots);
    let (mut subscriptions, mut channels, mut ledgers) = (JoinSet::new(), Vec::new(), Vec::new());
    for (stream, (level, window)) in windows.0.into_iter().enumerate() {
        let channel = broker.channel().await?;
        // Per consumer: quorum queues refuse a global one and close the connection.
        channel.basic_qos(window, BasicQosOptions::default()).await?;
        let ledger = Arc::new(Mutex::new(Ledger::default()));
        let subscription = Subscription {
            stream,
            level,
            queue: topology.level_queue(level),
            channel: channel.clone(),
            ledger: Arc::clone(&ledger),
            roots: Arc::clone(&roots),
            tasks: sender.clone(),
            cancel: cancel.clone(),
        };
        let consumer = subscription.consume().await?;
        subscriptions.spawn(subscription.run(consumer));
        channels.push(channel);
        ledgers.push(ledger);
    }
    Ok((RabbitReceiver { tasks, cancel, subscriptions, channels }, RabbitSettler::new(publisher, ledgers)))
}

impl RabbitReceiver {
    /// A look at the channels that outlives the receiver's use.
    #[must_use]
    pub fn channels(&self) -> Channels {
        Channels(self.channels.clone())
    }
}

impl Receive for RabbitReceiver {
    async fn next(&mut self) -> Option<Task> {
        self.tasks.recv().await
    }

    async fn stop(&mut self) {
        self.cancel.cancel();
        // Each ends when the broker has confirmed, and so has sent its last message. A broker that is away confirms
        // nothing, and has everything back anyway.
        while self.subscriptions.join_next().await.is_some() {}
    }
}

/// One level's consumer.
struct Subscription {
    stream: usize,
    level: Priority,
    queue: String,
    channel: Channel,
    ledger: Arc<Mutex<Ledger>>,
    roots: Arc<MediaRoots>,
    tasks: mpsc::UnboundedSender<Task>,
    cancel: CancellationToken,
}

impl Subscription {
    async fn consume(&self) -> Result<Consumer, lapin::Error> {
        let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
        self.channel.basic_consume(self.queue.as_str().into(), "".into(), options, none).await
    }

    /// Until cancelled: a stream that ends for another reason is opened again.
    async fn run(self, mut consumer: Consumer) {
        loop {
            let delivery = tokio::select! {
                delivery = consumer.next() => delivery,
                () = self.cancel.cancelled() => return self.end(consumer).await,
            };
            match delivery {
                Some(Ok(delivery)) => self.deliver(delivery),
                Some(Err(error)) => {
                    tracing::warn!(queue = self.queue, %error, "the consumer failed, waiting for rabbitmq");
                    let recovered = tokio::select! {
                        recovered = self.channel.wait_for_recovery(error) => recovered.is_ok(),
                        () = self.cancel.cancelled() => return,
                    };
                    if !recovered {
                        let Some(again) = self.resubscribe().await else { return };
                        consumer = again;
                    }
                }
                None => match self.resubscribe().await {
                    Some(again) => consumer = again,
                    None => return,
                },
            }
        }
    }

    fn deliver(&self, delivery: Delivery) {
        let (tag, redelivered) = (delivery.delivery_tag, delivery.redelivered);
        let work = message::read(&delivery, &self.roots);
        let epoch = lock(&self.ledger).received(tag, delivery.acker);
        let task = message::task(self.stream, epoch, tag, self.level, redelivered, work);
        // The receiver lives until every subscription has ended.
        let _ = self.tasks.send(task);
    }

    /// A new consumer as soon as the broker gives one; `None` when cancelled before.
    async fn resubscribe(&self) -> Option<Consumer> {
        loop {
            tokio::select! {
                () = tokio::time::sleep(RESUBSCRIBE) => {}
                () = self.cancel.cancelled() => return None,
            }
            match self.consume().await {
                Ok(consumer) => {
                    tracing::info!(queue = self.queue, "consuming again");
                    return Some(consumer);
                }
                Err(error) => tracing::warn!(queue = self.queue, %error, "cannot consume yet"),
            }
        }
    }

    /// Cancels, and passes on what was already on its way.
    async fn end(&self, mut consumer: Consumer) {
        if let Err(error) = self.channel.basic_cancel(consumer.tag(), BasicCancelOptions::default()).await {
            tracing::debug!(queue = self.queue, %error, "the consumer was not cancelled");
            return;
        }
        while let Some(Ok(delivery)) = consumer.next().await {
            self.deliver(delivery);
        }
    }
}

fn lock(ledger: &Mutex<Ledger>) -> std::sync::MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}
