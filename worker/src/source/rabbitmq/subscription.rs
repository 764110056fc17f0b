//! One queue's consumer, and how it is started again after whatever ended it.
//!
//! A consumer that is paused or gets another window is started again on the channel that is there, because the messages that
//! run in this worker are unacknowledged on that channel: closing it would give them to other workers while they run here.
//! Only a channel that is closed already is replaced.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use shared::broker::lapin::message::Delivery;
use shared::broker::lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use shared::broker::lapin::types::FieldTable;
use shared::broker::lapin::{self, Consumer};
use shared::broker::{Broker, BrokerError, Channel, answered};
use shared::job::Priority;
use shared::roots::MediaRoots;
use shared::topology::Topology;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use super::ledger::Ledger;
use super::{Intent, Window, lock, message};
use crate::metrics::{self, DeadFate, Restart};
use crate::sparing::Sparing;
use crate::task::{Task, Work};

/// A consumer that ended (its queue was deleted, its node went away) is started again this much later.
const CONSUME_AGAIN: Duration = Duration::from_secs(1);

/// Each queue is tried every second; the first answers of all levels say what is wrong.
static CANNOT_CONSUME: Sparing = Sparing::new(10, Duration::from_secs(60));

/// A broker that is away confirms nothing, and has everything back anyway.
const CONFIRM_WITHIN: Duration = Duration::from_secs(3);

/// Between two looks whether a window that has shrunk has room again: short beside the files of seconds for which it shrinks.
const LOOK_FOR_ROOM: Duration = Duration::from_millis(100);

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
    /// The reserve from which its consumer's window follows.
    pub(super) reserve: usize,
    /// The request to consume anew ([`Intent::generation`]) that was followed last.
    pub(super) generation: u64,
    /// Its consumer ended by itself, so its queue may be gone.
    pub(super) must_declare: bool,
    /// How often any consumer was started.
    pub(super) started: Arc<AtomicU64>,
    pub(super) topology: Topology,
    pub(super) broker: Broker,
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

    fn channel(&self) -> Channel {
        lock(&self.channel).clone()
    }

    /// Starts a consumer on the channel that is there.
    pub(super) async fn consume(&self) -> Result<Consumer, lapin::Error> {
        let channel = self.channel();
        // Per consumer: quorum queues refuse a global one and close the connection.
        let started = async {
            channel.basic_qos(self.window.of(self.reserve), BasicQosOptions::default()).await?;
            let options = BasicConsumeOptions::default();
            channel.basic_consume(self.queue().into(), "".into(), options, FieldTable::default()).await
        };
        answered(&channel, started).await
    }

    /// Runs until it is to stop.
    pub(super) async fn run(mut self, consumer: Consumer) {
        let mut consumer = Some(consumer);
        loop {
            let intent = *self.intent.borrow_and_update();
            consumer = match consumer {
                Some(consumer) if intent.stop => {
                    self.cancel(consumer).await;
                    return;
                }
                None if intent.stop => return,
                Some(consumer) if intent.generation != self.generation => {
                    metrics::consumer_restarted(Restart::Wedged);
                    self.close_channel().await;
                    drop(consumer);
                    None
                }
                Some(consumer) if intent.paused || !self.fits(intent) => {
                    self.cancel_or_try_later(consumer).await
                }
                Some(consumer) => self.receive(consumer).await,
                None if intent.paused => {
                    // An error is the end of the receiver, which stops us first.
                    let _ = self.intent.changed().await;
                    None
                }
                None if self.is_overfull(intent) => {
                    self.wait_for_room().await;
                    None
                }
                None => self.consume_again(intent).await,
            };
        }
    }

    /// Passes deliveries on until there is something else to do or the consumer ends.
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
                    self.ended(cause).await;
                    return None;
                }
            }
        }
    }

    /// The queue was deleted, the channel was closed or the connection was lost: a pause, so that a fault that stays does not
    /// make us turn in circles.
    async fn ended(&mut self, cause: Option<String>) {
        if self.broker.is_up() {
            tracing::warn!(queue = self.queue(), cause, "the consumer ended, starting it again");
            metrics::consumer_restarted(Restart::Ended);
        }
        self.must_declare = true;
        self.pause().await;
    }

    async fn pause(&mut self) {
        tokio::select! {
            () = sleep(CONSUME_AGAIN) => {}
            _ = self.intent.changed() => {}
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

    /// A new consumer, or `None` when there is none yet or a stop has come. A stop is the only thing that may interrupt it: a
    /// consumer whose start is given up half-way is one that the broker serves and nobody reads.
    async fn consume_again(&mut self, intent: Intent) -> Option<Consumer> {
        let resized = self.reserve != intent.reserve;
        (self.generation, self.reserve) = (intent.generation, intent.reserve);
        let mut stop = self.intent.clone();
        let started = tokio::select! {
            started = self.start() => started,
            // The connection is closed soon, and what was under way on it ends with it.
            _ = stop.wait_for(|intent| intent.stop) => return None,
        };
        match started {
            Ok(consumer) => {
                if !resized {
                    tracing::info!(queue = self.queue(), "consuming again");
                }
                self.must_declare = false;
                self.started.fetch_add(1, Ordering::Relaxed);
                return Some(consumer);
            }
            Err(error) => {
                if let Some(left_out) = CANNOT_CONSUME.admit(Instant::now()) {
                    tracing::warn!(queue = self.queue(), %error, left_out, "cannot consume yet");
                }
            }
        }
        self.must_declare = true;
        self.pause().await;
        None
    }

    /// Starts a consumer, on a new channel where the one that is there is closed. Queues that may be gone are declared first, on a
    /// channel apart, because a queue that is missing would close the channel that runs our messages.
    async fn start(&self) -> Result<Consumer, BrokerError> {
        self.broker.connected().await;
        let closed = !self.channel().status().connected();
        if closed || self.must_declare {
            self.broker.declare(&self.topology).await?;
        }
        if closed {
            let fresh = self.broker.channel().await?;
            let mut ledger = lock(&self.ledger);
            *lock(&self.channel) = fresh;
            ledger.channel_replaced();
        }
        Ok(self.consume().await?)
    }

    /// Closes a channel that has gone deaf, so that the broker takes back what it holds to have sent us.
    async fn close_channel(&self) {
        let channel = self.channel();
        if timeout(CONFIRM_WITHIN, channel.close(200, "consuming anew".into())).await.is_err() {
            tracing::debug!(queue = self.queue(), "the broker did not confirm the end of a channel");
        }
    }

    /// Whether the consumer has the window that is wanted.
    fn fits(&self, intent: Intent) -> bool {
        self.window.of(self.reserve) == self.window.of(intent.reserve)
    }

    /// Whether more is unsettled than a window that has shrunk allows. A consumer has its whole window to fill, whatever the one
    /// before it has left: so none is started before what is too much has ended or gone back.
    fn is_overfull(&self, intent: Intent) -> bool {
        let unsettled = lock(&self.ledger).outstanding();
        self.channel().status().connected() && unsettled > usize::from(self.window.of(intent.reserve))
    }

    async fn wait_for_room(&mut self) {
        tokio::select! {
            () = sleep(LOOK_FOR_ROOM) => {}
            _ = self.intent.changed() => {}
        }
    }

    /// Cancels, for a pause or because another window is wanted: a consumer keeps the one that it began with. What the broker
    /// was about to send goes back to the queue, marked as redelivered. A cancellation that is not confirmed is tried again
    /// with the same consumer, because the broker may go on to serve it.
    async fn cancel_or_try_later(&mut self, consumer: Consumer) -> Option<Consumer> {
        let consumer = self.cancel(consumer).await?;
        self.pause().await;
        Some(consumer)
    }

    /// Cancels, and passes on what was already on its way. `None` when the consumer has ended; a closed channel ends it, too.
    async fn cancel(&self, mut consumer: Consumer) -> Option<Consumer> {
        let channel = self.channel();
        let cancelled = async {
            channel.basic_cancel(consumer.tag(), BasicCancelOptions::default()).await?;
            while let Some(Ok(delivery)) = consumer.next().await {
                self.deliver(delivery);
            }
            Ok::<(), lapin::Error>(())
        };
        match timeout(CONFIRM_WITHIN, cancelled).await {
            Ok(Ok(())) => return None,
            Ok(Err(error)) => tracing::debug!(queue = self.queue(), %error, "the consumer was not cancelled"),
            Err(_) => tracing::debug!(queue = self.queue(), "the broker did not confirm the cancellation"),
        }
        channel.status().connected().then_some(consumer)
    }
}
