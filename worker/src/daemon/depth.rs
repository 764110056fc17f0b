//! The depth of the queues, asked of the broker now and then; and from it, whether our consumers are wedged.
//!
//! It asks on the connection that publishes: on the one that consumes, a line that has gone dead would swallow the question
//! with the deliveries.

use std::time::{Duration, Instant};

use shared::broker::{Broker, Channel};
use shared::topology::{QueueDepth, Topology};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::metrics;
use crate::source::rabbitmq::Consumers;
use crate::wedge::{Remedy, Sight, Wedge};

/// Between two questions; Prometheus asks us every 15 s as a rule. More often where a wedge is to be seen earlier.
const EVERY: Duration = Duration::from_secs(5);

/// A broker that does not answer by then is asked again on another channel.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// One of the two connections works and the other does not, for so many times the limit: it will not come back.
const LAME_LIMITS: u32 = 3;

/// What looks at the queues.
pub(super) struct Depths {
    pub(super) broker: Broker,
    pub(super) topology: Topology,
    pub(super) consumers: Consumers,
    /// `WEDGE_TIMEOUT`.
    pub(super) limit: Duration,
    /// Cancelled when the consumers are wedged beyond our help.
    pub(super) wedged: CancellationToken,
}

/// Asks once, so that the figures are there before the worker is ready, and then until aborted.
pub(super) async fn watch(depths: Depths) -> JoinHandle<()> {
    let every = EVERY.min(depths.limit / 4);
    metrics::queue_limits(&depths.topology);
    let mut watcher =
        Watcher { wedge: Wedge::new(depths.limit), depths, channel: None, lame: None, consumers_started: 0 };
    watcher.turn().await;
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(every).await;
            watcher.turn().await;
        }
    })
}

struct Watcher {
    depths: Depths,
    /// A refused question closes its channel, so it has one of its own, and a new one after that.
    channel: Option<Channel>,
    wedge: Wedge,
    /// Since when only one of the connections works.
    lame: Option<Instant>,
    /// How often consumers had been started at the last look.
    consumers_started: u64,
}

impl Watcher {
    async fn turn(&mut self) {
        // Before the question: what is delivered while it is under way counts for the next one.
        let (sights, wanted) = (self.depths.consumers.sights(), self.depths.consumers.are_wanted());
        // A blocked connection would keep every question, each on a channel of its own, until it is free again.
        if self.depths.broker.is_blocked() {
            self.lame = None;
            return self.nothing_known();
        }
        let found = timeout(ANSWER_WITHIN, self.ask()).await.unwrap_or(None);
        self.compare(found.is_some(), wanted);
        let Some(found) = found else {
            self.channel = None;
            return self.nothing_known();
        };
        metrics::queues(&found, &self.depths.topology);
        self.depths.consumers.note_depths(&found);
        if !wanted {
            return self.wedge.forget();
        }
        let waiting = |queue: &str| found.iter().any(|depth| depth.queue == queue && depth.ready > 0);
        let sights: Vec<Sight> = sights
            .into_iter()
            .map(|sight| Sight {
                waiting: waiting(&sight.queue),
                queue: sight.queue,
                delivered: sight.delivered,
                room: sight.room,
            })
            .collect();
        self.mend(&sights);
    }

    /// Both connections are to the same broker: it is away for both or for none. A connection on which consumers are started
    /// works, even if RabbitMQ closes their channels again and again.
    fn compare(&mut self, answered: bool, wanted: bool) {
        let started = self.depths.consumers.started();
        let consuming = self.depths.consumers.are_open() || started != self.consumers_started;
        self.consumers_started = started;
        if !wanted || answered == consuming {
            self.lame = None;
            return;
        }
        let since = *self.lame.get_or_insert_with(Instant::now);
        if since.elapsed() >= self.depths.limit * LAME_LIMITS {
            let dead = if answered { "consume" } else { "publish" };
            tracing::error!(
                connection = dead,
                "one connection to rabbitmq does not come back, the other works"
            );
            self.depths.wedged.cancel();
        }
    }

    fn nothing_known(&mut self) {
        metrics::queues_unknown(&self.depths.topology);
        self.wedge.forget();
    }

    fn mend(&mut self, sights: &[Sight]) {
        let seconds = self.depths.limit.as_secs();
        match self.wedge.look(sights, Instant::now()) {
            None => {}
            Some(Remedy::Renew(queue)) => {
                tracing::warn!(queue, seconds, "messages wait and none is delivered: consuming anew");
                self.depths.consumers.renew();
            }
            Some(Remedy::GiveUp(queue)) => {
                tracing::error!(
                    queue,
                    seconds,
                    "messages wait and none is delivered, to new consumers either"
                );
                self.depths.wedged.cancel();
                self.wedge.forget();
            }
        }
    }

    async fn ask(&mut self) -> Option<Vec<QueueDepth>> {
        if !self.channel.as_ref().is_some_and(|channel| channel.status().connected()) {
            self.channel = self.depths.broker.channel().await.ok();
        }
        let channel = self.channel.as_ref()?;
        match self.depths.topology.depths(channel).await {
            Ok(depths) => Some(depths),
            Err(error) => {
                tracing::debug!(%error, "the depth of the queues is not known");
                None
            }
        }
    }
}
