//! Tasks from RabbitMQ: a consumer per level, each on a channel of its own.
//!
//! The window of each consumer bounds what this worker holds; the broker keeps the rest. Prefetched tasks are re-ordered
//! by the ready heap, so prefetch costs a high job nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
mod subscription;

use ledger::Ledger;
pub use settler::RabbitSettler;
use subscription::Subscription;

use super::Receive;
use crate::task::Task;

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
    channels: Channels,
}

/// The channel that each subscription has now.
#[derive(Debug, Clone)]
pub struct Channels(Vec<Arc<Mutex<Channel>>>);

impl Channels {
    /// All of them are open now.
    #[must_use]
    pub fn are_open(&self) -> bool {
        self.0.iter().all(|channel| lock(channel).status().connected())
    }
}

/// Declares the topology and starts consuming. Retries are sent by `publisher`, which has its own connection.
///
/// # Errors
/// When the queues differ from what the settings say, or the connection fails.
pub async fn open(
    broker: Arc<Broker>,
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
        let ledger = Arc::new(Mutex::new(Ledger::default()));
        let channel = Arc::new(Mutex::new(broker.channel().await?));
        let subscription = Subscription {
            stream,
            level,
            window,
            topology: topology.clone(),
            broker: Arc::clone(&broker),
            channel: Arc::clone(&channel),
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
    let receiver = RabbitReceiver { tasks, cancel, subscriptions, channels: Channels(channels) };
    Ok((receiver, RabbitSettler::new(publisher, ledgers)))
}

impl RabbitReceiver {
    /// A look at the channels that outlives the receiver's use.
    #[must_use]
    pub fn channels(&self) -> Channels {
        self.channels.clone()
    }
}

impl Receive for RabbitReceiver {
    async fn next(&mut self) -> Option<Task> {
        self.tasks.recv().await
    }

    async fn stop(&mut self) {
        self.cancel.cancel();
        // Each ends when the broker has confirmed, and so has sent its last message.
        while self.subscriptions.join_next().await.is_some() {}
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
