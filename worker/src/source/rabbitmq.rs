//! Tasks from RabbitMQ: a consumer per level and one for the dead letters, each on a channel of its own.
//!
//! The window of each consumer bounds what this worker holds; the broker keeps the rest. Prefetched tasks are re-ordered
//! by the ready heap, so prefetch costs a high job nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::broker::{Broker, BrokerError, Channel, Publisher};
use shared::job::{Levels, Priority};
use shared::roots::MediaRoots;
use shared::topology::{QueueDepth, Topology};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

mod ledger;
mod message;
mod settler;
mod subscription;

use ledger::Ledger;
pub use settler::RabbitSettler;
use subscription::{Feed, Subscription};

use super::{Queues, Receive};
use crate::task::Task;

/// Which levels are consumed, and how many unsettled messages of each this worker may hold.
#[derive(Debug, Clone)]
pub struct Windows {
    levels: Vec<(Priority, Window)>,
    reserve: usize,
}

/// How many unsettled messages of a queue this worker may hold, by how large the reserve is.
#[derive(Debug, Clone, Copy)]
enum Window {
    /// Every lane busy, and this part of the reserve.
    Lanes { lanes: usize, part: usize },
    /// As many as ever.
    Fixed(u16),
}

/// Of the lowest level only a quarter of the reserve is held: what sits in a prefetch is hidden from other workers, and the
/// low ones are the last to be started.
const LOWEST_PART: usize = 4;

impl Windows {
    /// Every lane busy and the reserve beside them.
    #[must_use]
    pub fn new(levels: Levels, consumed: &[Priority], lanes: usize, reserve: usize) -> Self {
        let window = |level: Priority| {
            let lowest = level == levels.lowest() && consumed.len() > 1;
            Window::Lanes { lanes, part: if lowest { LOWEST_PART } else { 1 } }
        };
        Self { levels: consumed.iter().map(|level| (*level, window(*level))).collect(), reserve }
    }

    /// The levels, each with how many unsettled messages this worker may hold of it.
    pub fn iter(&self) -> impl Iterator<Item = (Priority, u16)> {
        self.levels.iter().map(|(level, window)| (*level, window.of(self.reserve)))
    }
}

impl Window {
    fn of(self, reserve: usize) -> u16 {
        match self {
            Self::Lanes { lanes, part } => u16::try_from(lanes + part_of(reserve, part)).unwrap_or(u16::MAX),
            Self::Fixed(window) => window,
        }
    }
}

/// At least one where there is a reserve at all.
fn part_of(reserve: usize, part: usize) -> usize {
    (reserve / part).max(reserve.min(1))
}

/// Dead letters taken at a time: they are rare, and each costs one question to Redis and one message.
const DEAD_WINDOW: Window = Window::Fixed(4);

/// The receiving half.
#[derive(Debug)]
pub struct RabbitReceiver {
    tasks: mpsc::UnboundedReceiver<Task>,
    subscriptions: JoinSet<()>,
    consumers: Consumers,
}

/// What the consumers are to do.
#[derive(Debug, Clone, Copy, Default)]
struct Intent {
    /// For good.
    stop: bool,
    /// Until further notice.
    paused: bool,
    /// Grows when each is to start anew, on a channel of its own.
    generation: u64,
    /// Messages to hold beyond those that the lanes work on.
    reserve: usize,
}

/// The consumers, for whoever watches them. Clones are the same ones.
#[derive(Debug, Clone)]
pub struct Consumers {
    intent: Arc<watch::Sender<Intent>>,
    list: Arc<Vec<Consumed>>,
    /// How often a consumer was started.
    started: Arc<AtomicU64>,
    queues: Arc<Mutex<Queues>>,
}

/// One queue with its consumer.
#[derive(Debug)]
struct Consumed {
    queue: String,
    window: Window,
    channel: Arc<Mutex<Channel>>,
    ledger: Arc<Mutex<Ledger>>,
}

/// One consumer as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// Its queue.
    pub queue: String,
    /// What it was given since the start.
    pub delivered: u64,
    /// The broker may give it more.
    pub room: bool,
}

impl Consumers {
    /// All their channels are open now.
    #[must_use]
    pub fn are_open(&self) -> bool {
        self.list.iter().all(|consumed| lock(&consumed.channel).status().connected())
    }

    /// How often one of them was started: while this grows, their connection works, however often their channels are closed.
    #[must_use]
    pub fn started(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }

    /// They are to take work now.
    #[must_use]
    pub fn are_wanted(&self) -> bool {
        let intent = *self.intent.borrow();
        !intent.paused && !intent.stop
    }

    /// Each as it is now.
    #[must_use]
    pub fn sights(&self) -> Vec<Sight> {
        let reserve = self.intent.borrow().reserve;
        let sight = |consumed: &Consumed| {
            let ledger = lock(&consumed.ledger);
            let room = ledger.outstanding() < usize::from(consumed.window.of(reserve));
            Sight { queue: consumed.queue.clone(), delivered: ledger.delivered(), room }
        };
        self.list.iter().map(sight).collect()
    }

    /// Whether half of the reserve of any level is taken up by ends, beside so many tasks that run. What is on its way to a
    /// retry tier does not count: where the broker does not confirm it, more prefetched messages would not help.
    fn are_crowded(&self, running: usize) -> bool {
        let reserve = self.intent.borrow().reserve;
        let crowded = |consumed: &Consumed| {
            let Window::Lanes { part, .. } = consumed.window else { return false };
            let ended = lock(&consumed.ledger).acknowledgeable().saturating_sub(running);
            2 * ended >= part_of(reserve, part).max(1)
        };
        self.list.iter().any(crowded)
    }

    /// The depths of the queues, asked of the broker just now.
    pub fn note_depths(&self, depths: &[QueueDepth]) {
        let of_levels = self.list.iter().filter(|consumed| matches!(consumed.window, Window::Lanes { .. }));
        let ours: Vec<&QueueDepth> = of_levels
            .filter_map(|consumed| depths.iter().find(|depth| depth.queue == consumed.queue))
            .collect();
        let mut queues = lock(&self.queues);
        queues.look += 1;
        queues.plenty = ours.iter().any(|depth| depth.ready > depth.consumers);
        queues.others_may_be_idle =
            ours.iter().all(|depth| depth.ready == 0) && ours.iter().any(|depth| depth.consumers > 1);
    }

    /// Each is to start anew on another channel. What it holds unsettled comes again.
    pub fn renew(&self) {
        self.intent.send_modify(|intent| intent.generation += 1);
    }
}

/// Declares the topology and starts consuming. Retries are sent by `publisher`, which has its own connection.
///
/// # Errors
/// When the queues differ from what the settings say, or the connection fails.
pub async fn open(
    broker: Broker,
    publisher: Publisher,
    topology: &Topology,
    windows: Windows,
    roots: MediaRoots,
) -> Result<(RabbitReceiver, RabbitSettler), BrokerError> {
    broker.declare(topology).await?;
    // Unbounded, yet never longer than the sum of the windows: the broker sends no more until something is settled.
    let (sender, tasks) = mpsc::unbounded_channel();
    let intent = Arc::new(watch::Sender::new(Intent { reserve: windows.reserve, ..Intent::default() }));
    let roots = Arc::new(roots);
    let started = Arc::new(AtomicU64::new(0));
    let (mut subscriptions, mut list) = (JoinSet::new(), Vec::new());
    let feeds = windows.levels.into_iter().map(|(level, window)| (Feed::Level(level), window));
    for (stream, (feed, window)) in feeds.chain([(Feed::Dead, DEAD_WINDOW)]).enumerate() {
        let subscription = Subscription {
            stream,
            feed,
            window,
            reserve: windows.reserve,
            generation: 0,
            must_declare: false,
            started: Arc::clone(&started),
            topology: topology.clone(),
            broker: broker.clone(),
            channel: Arc::new(Mutex::new(broker.channel().await?)),
            ledger: Arc::new(Mutex::new(Ledger::default())),
            roots: Arc::clone(&roots),
            tasks: sender.clone(),
            intent: intent.subscribe(),
        };
        list.push(Consumed {
            queue: subscription.queue(),
            window,
            channel: Arc::clone(&subscription.channel),
            ledger: Arc::clone(&subscription.ledger),
        });
        let consumer = subscription.consume().await?;
        subscriptions.spawn(subscription.run(consumer));
    }
    let ledgers = list.iter().map(|consumed| Arc::clone(&consumed.ledger)).collect();
    let consumers = Consumers { intent, list: Arc::new(list), queues: Arc::default(), started };
    Ok((RabbitReceiver { tasks, subscriptions, consumers }, RabbitSettler::new(publisher, ledgers)))
}

impl RabbitReceiver {
    /// A look at the consumers that outlives the receiver's use.
    #[must_use]
    pub fn consumers(&self) -> Consumers {
        self.consumers.clone()
    }
}

impl Receive for RabbitReceiver {
    async fn next(&mut self) -> Option<Task> {
        self.tasks.recv().await
    }

    fn pause(&mut self, paused: bool) {
        self.consumers.intent.send_modify(|intent| intent.paused = paused);
    }

    fn hold(&mut self, reserve: usize) {
        self.consumers.intent.send_modify(|intent| intent.reserve = reserve);
    }

    fn window(&self, stream: usize) -> Option<usize> {
        let reserve = self.consumers.intent.borrow().reserve;
        self.consumers.list.get(stream).map(|consumed| usize::from(consumed.window.of(reserve)))
    }

    fn is_crowded(&self, running: usize) -> bool {
        self.consumers.are_crowded(running)
    }

    fn queues(&self) -> Queues {
        *lock(&self.consumers.queues)
    }

    async fn stop(&mut self) {
        self.consumers.intent.send_modify(|intent| intent.stop = true);
        // Each ends when the broker has confirmed, and so has sent its last message.
        while self.subscriptions.join_next().await.is_some() {}
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
