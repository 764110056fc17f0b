//! One queue's consumer, and its coming back after whatever ended it.

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
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use super::ledger::Ledger;
use super::{Intent, Window, lock, message};
use crate::metrics::{self, DeadFate, Restart};
use crate::task::{Task, Work};

/// A consumer that ended (its queue was deleted, its node went away) is started again this much later.
const RESUBSCRIBE: Duration = Duration::from_secs(1);

/// A broker that is away confirms no cancellation, and has everything back anyway.
const CANCEL_WITHIN: Duration = Duration::from_secs(3);

/// Which queue a subscription is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Feed {
    /// The queue of a level.
    Level(Priority),
    /// What the broker gave up on.
    Dead,
}

/// One queue's consumer.
pub(super) struct Subscription {
    pub(super) stream: usize,
    pub(super) feed: Feed,
    pub(super) window: Window,
    /// What its consumer's window was reckoned from.
    pub(super) reserve: usize,
    pub(super) topology: Topology,
    pub(super) broker: Arc<Broker>,
    /// The channel it has now, for whoever asks whether it is open.
    pub(super) channel: Arc<Mutex<Channel>>,
    pub(super) ledger: Arc<Mutex<Ledger>>,
    pub(super) roots: Arc<MediaRoots>,
    pub(super) tasks: mpsc::UnboundedSender<Task>,
    pub(super) intent: watch::Receiver<Intent>,
}

impl Subscription {
    /// The queue it is of.
    pub(super) fn queue(&self) -> String {
        match self.feed {
            Feed::Level(level) => self.topology.level_queue(level),
            Feed::Dead => self.topology.dead(),
        }
    }

    /// Consumes on the channel it has.
    pub(super) async fn consume(&self) -> Result<Consumer, lapin::Error> {
        let channel = lock(&self.channel).clone();
        // Per consumer: quorum queues refuse a global one and close the connection.
        channel.basic_qos(self.window.of(self.reserve), BasicQosOptions::default()).await?;
        let options = BasicConsumeOptions::default();
        channel.basic_consume(self.queue().into(), "".into(), options, FieldTable::default()).await
    }

    /// Until it is to stop. A lost connection mends itself underneath; a stream that ends for another reason is opened again.
    pub(super) async fn run(mut self, consumer: Consumer) {
        let mut consumer = Some(consumer);
        let mut generation = self.intent.borrow().generation;
        loop {
            let intent = *self.intent.borrow_and_update();
            consumer = match consumer {
                Some(consumer) if intent.stop => {
                    self.end(consumer).await;
                    return;
                }
                None if intent.stop => return,
                Some(consumer) if intent.paused => self.pause(consumer).await,
                Some(consumer) if intent.generation == generation && self.fits(intent) => {
                    self.receive(consumer).await
                }
                Some(consumer) if intent.generation == generation => self.resize(consumer, intent).await,
                Some(stuck) => {
                    drop(stuck);
                    metrics::consumer_restarted(Restart::Wedged);
                    self.leave_channel().await;
                    None
                }
                None if intent.paused => {
                    // An error is the end of the receiver, which stops us first.
                    let _ = self.intent.changed().await;
                    None
                }
                None => {
                    generation = intent.generation;
                    self.reserve = intent.reserve;
                    self.resubscribe().await
                }
            };
        }
    }

    /// Until there is something else to do, or the stream ends.
    async fn receive(&mut self, mut consumer: Consumer) -> Option<Consumer> {
        loop {
            let delivery = tokio::select! {
                delivery = consumer.next() => delivery,
                _ = self.intent.changed() => return Some(consumer),
            };
            match delivery {
                Some(Ok(delivery)) => self.deliver(delivery),
                other => {
                    let cause = other.and_then(Result::err).map(|error| error.to_string());
                    tracing::warn!(queue = self.queue(), cause, "the consumer ended, starting it again");
                    metrics::consumer_restarted(Restart::Ended);
                    tokio::select! {
                        () = sleep(RESUBSCRIBE) => {}
                        _ = self.intent.changed() => {}
                    }
                    return None;
                }
            }
        }
    }

    fn deliver(&self, delivery: Delivery) {
        let (tag, redelivered) = (delivery.delivery_tag, delivery.redelivered);
        if redelivered {
            metrics::redelivered();
        }
        let (level, work) = match self.feed {
            Feed::Level(level) => (level, message::read(&delivery, &self.roots)),
            Feed::Dead => (self.level_of(delivery.routing_key.as_str()), message::read_dead(&delivery)),
        };
        if self.feed == Feed::Dead && matches!(work, Work::Unreadable(_)) {
            metrics::dead_letter(DeadFate::Unreadable);
        }
        let epoch = lock(&self.ledger).received(tag, delivery.acker);
        let task = message::task(self.stream, epoch, tag, level, redelivered, work);
        // The receiver lives until every subscription has ended.
        let _ = self.tasks.send(task);
    }

    /// A dead letter keeps the routing key of its level; one with another key was put there by hand.
    fn level_of(&self, key: &str) -> Priority {
        let levels = self.topology.levels;
        levels.iter().find(|level| levels.name(*level) == key).unwrap_or_else(|| levels.lowest())
    }

    /// A new consumer, or `None` when the broker gives none yet or there is a stop. A pause waits for it: a consumer that is
    /// dropped half-way is one that the broker serves and nobody reads, and what it is given is lost to all until we leave.
    async fn resubscribe(&mut self) -> Option<Consumer> {
        let mut intent = self.intent.clone();
        let tried = tokio::select! {
            tried = self.subscribe_anew() => tried,
            // The connection is closed soon, and whatever came of it goes with it.
            _ = intent.wait_for(|intent| intent.stop) => return None,
        };
        match tried {
            Ok(consumer) => {
                tracing::info!(queue = self.queue(), "consuming again");
                return Some(consumer);
            }
            Err(error) => tracing::warn!(queue = self.queue(), %error, "cannot consume yet"),
        }
        tokio::select! {
            () = sleep(RESUBSCRIBE) => {}
            _ = self.intent.changed() => {}
        }
        None
    }

    /// On a channel of its own, because an error closes the one it had, and with the queues declared, because a deleted
    /// one may be what ended the consumer.
    async fn subscribe_anew(&self) -> Result<Consumer, BrokerError> {
        self.topology.declare(&self.broker.channel().await?).await?;
        *lock(&self.channel) = self.broker.channel().await?;
        Ok(self.consume().await?)
    }

    /// Closes a channel that has gone deaf, so that the broker takes back what it holds to have sent us.
    async fn leave_channel(&self) {
        let channel = lock(&self.channel).clone();
        if timeout(CANCEL_WITHIN, channel.close(200, "consuming anew".into())).await.is_err() {
            tracing::debug!(queue = self.queue(), "the broker did not confirm the end of a channel");
        }
    }

    /// Cancels for now. A cancellation that is not confirmed is tried again with the same consumer: after a lost connection
    /// lapin starts it anew, and what it is given then must be passed on and not lie here.
    async fn pause(&mut self, consumer: Consumer) -> Option<Consumer> {
        let consumer = self.end(consumer).await?;
        tokio::select! {
            () = sleep(RESUBSCRIBE) => {}
            _ = self.intent.changed() => {}
        }
        Some(consumer)
    }

    /// Whether the consumer has the window that is wanted.
    fn fits(&self, intent: Intent) -> bool {
        self.window.of(self.reserve) == self.window.of(intent.reserve)
    }

    /// A consumer keeps the window that it began with, so another one takes its place: on the same channel, where what is
    /// unsettled stays ours. What the broker was about to send to the old one goes back to its queue, marked as redelivered.
    async fn resize(&mut self, consumer: Consumer, wanted: Intent) -> Option<Consumer> {
        let unconfirmed = self.pause(consumer).await;
        if unconfirmed.is_some() {
            return unconfirmed;
        }
        self.reserve = wanted.reserve;
        let mut intent = self.intent.clone();
        let consumed = tokio::select! {
            consumed = self.consume() => consumed,
            // As in `resubscribe`.
            _ = intent.wait_for(|intent| intent.stop) => return None,
        };
        consumed.inspect_err(|error| tracing::warn!(queue = self.queue(), %error, "no other window yet")).ok()
    }

    /// Cancels, and passes on what was already on its way; `None` when the broker has confirmed.
    async fn end(&self, mut consumer: Consumer) -> Option<Consumer> {
        let channel = lock(&self.channel).clone();
        let cancelled = async {
            channel.basic_cancel(consumer.tag(), BasicCancelOptions::default()).await?;
            while let Some(Ok(delivery)) = consumer.next().await {
                self.deliver(delivery);
            }
            Ok::<(), lapin::Error>(())
        };
        match timeout(CANCEL_WITHIN, cancelled).await {
            Ok(Ok(())) => return None,
            Ok(Err(error)) => tracing::debug!(queue = self.queue(), %error, "the consumer was not cancelled"),
            Err(_) => tracing::debug!(queue = self.queue(), "the broker did not confirm the cancellation"),
        }
        Some(consumer)
    }
}
