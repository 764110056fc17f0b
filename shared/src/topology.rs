//! Exchanges, queues and their arguments: nothing else names one.
//!
//! ```text
//! {prefix}          direct → {prefix}.high │ {prefix}.normal │ {prefix}.low      routing key = level
//! {prefix}.retry.T  fanout → {prefix}.retry.T   TTL T, dead-letters back to {prefix} with the level it came with
//! {prefix}.dead     direct → {prefix}.dead      what the broker itself gave up on
//! ```
//!
//! One bounded quorum queue per level, not one queue with `x-max-priority`: there the limit is shared, so a flood of
//! low refuses high, and nothing is replicated.

use std::time::{Duration, Instant};

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Channel, ExchangeKind};

use crate::broker::answered;
use crate::job::{Levels, Priority};

mod mismatch;
mod objects;
mod prefix;

pub use mismatch::Mismatch;
pub use objects::Object;
pub use prefix::reserved_part;

use objects::{arguments, text};

/// A redelivery charges the whole prefetch of a worker that died, so the limit must outlive many innocent ones. The
/// worker counts real starts itself; this is the broker's last word. Never -1: RabbitMQ 3.10 drops at the first requeue.
const DELIVERY_LIMIT: i64 = 50;

/// Nothing may fall out of the dead queue.
const DEAD_DELIVERY_LIMIT: i64 = 1_000_000;

/// The broker waits this long for a quorum queue's leader to say how long the queue is (RabbitMQ's `rabbit_quorum_queue:stat`).
const LEADER_TIMEOUT: Duration = Duration::from_millis(250);

/// Why the queues could not be made as wanted.
#[derive(Debug, thiserror::Error)]
pub enum TopologyError {
    /// The exchange or queue exists with another argument.
    #[error("{0}")]
    Differs(Box<Mismatch>),
    /// The user may not make it, and it is not there.
    #[error(
        "{object} '{name}' is missing, and the user of AMQP_URL has no configure permission to make it: grant that permission \
         (`rabbitmqctl set_permissions`), or run `producer topology apply` once as a user who has it"
    )]
    Missing {
        /// `exchange` or `queue`.
        object: &'static str,
        /// Its name.
        name: String,
    },
    /// Anything else the broker says.
    #[error("the broker refused to declare '{name}': {source}")]
    Refused {
        /// Exchange or queue.
        name: String,
        /// Its answer.
        source: lapin::Error,
    },
}

/// The shape of one fleet's broker objects.
#[derive(Debug, Clone)]
pub struct Topology {
    /// First part of every name (`QUEUE_PREFIX`).
    pub prefix: String,
    /// The priority levels.
    pub levels: Levels,
    /// Limit of messages in each level's queue (`QUEUE_MAX_SIZE`); soft by up to a publisher's window.
    pub max_size: u64,
    /// Delays before the first, second … retry (`RETRY_DELAYS`).
    pub retry_delays: Vec<Duration>,
}

/// One queue as the broker reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueDepth {
    /// Name of the queue.
    pub queue: String,
    /// Messages that wait for a consumer; those in a worker's prefetch are not counted.
    pub ready: u32,
    /// Consumers.
    pub consumers: u32,
    /// Whether the queue itself has said so. Where the leader of a quorum queue does not answer the broker in time, the broker
    /// says that the queue is empty and has no consumer.
    pub is_certain: bool,
}

impl Topology {
    /// The exchange that jobs are published to, with the level's name as routing key.
    #[must_use]
    pub fn exchange(&self) -> &str {
        &self.prefix
    }

    /// The queue of a level.
    #[must_use]
    pub fn level_queue(&self, level: Priority) -> String {
        format!("{}.{}", self.prefix, self.levels.name(level))
    }

    /// Exchange and queue of a retry tier (they share the name); `None` beyond the last tier.
    #[must_use]
    pub fn retry(&self, tier: usize) -> Option<String> {
        self.retry_delays.get(tier).map(|delay| format!("{}.retry.{}", self.prefix, short(*delay)))
    }

    /// Exchange and queue of what the broker gave up on.
    #[must_use]
    pub fn dead(&self) -> String {
        format!("{}.dead", self.prefix)
    }

    /// Whether workers take messages from it: retry queues are emptied by the broker.
    #[must_use]
    pub fn is_consumed(&self, queue: &str) -> bool {
        queue == self.dead() || self.levels.iter().any(|level| self.level_queue(level) == queue)
    }

    /// Every queue, the highest level first.
    #[must_use]
    pub fn queues(&self) -> Vec<String> {
        let levels = self.levels.iter().map(|level| self.level_queue(level));
        let tiers = (0..self.retry_delays.len()).filter_map(|tier| self.retry(tier));
        levels.chain(tiers).chain([self.dead()]).collect()
    }

    /// Makes all of it, or checks that it is there as wanted.
    ///
    /// # Errors
    /// [`TopologyError::Differs`] when a queue exists with other arguments. The channel is closed by the broker then.
    pub async fn declare(&self, channel: &Channel) -> Result<(), TopologyError> {
        for object in self.objects() {
            object.declare(channel).await?;
        }
        Ok(())
    }

    /// Checks that all of it is there, whatever its arguments are: for a user who may not declare it.
    ///
    /// # Errors
    /// [`TopologyError::Missing`]. The channel is closed by the broker then.
    pub async fn require(&self, channel: &Channel) -> Result<(), TopologyError> {
        for object in self.objects() {
            if object.exists(channel).await? == Some(false) {
                return Err(TopologyError::Missing { object: object.kind(), name: object.name().to_owned() });
            }
        }
        Ok(())
    }

    /// All that it consists of, in the order in which it can be made.
    #[must_use]
    pub fn objects(&self) -> Vec<Object> {
        let exchange = |name: &str, kind| Object::Exchange { name: name.to_owned(), kind };
        let queue = |name: &str, arguments| Object::Queue { name: name.to_owned(), arguments };
        let dead = self.dead();
        let mut objects = vec![
            exchange(self.exchange(), ExchangeKind::Direct),
            exchange(&dead, ExchangeKind::Direct),
            queue(&dead, arguments([("x-delivery-limit", DEAD_DELIVERY_LIMIT.into())])),
        ];
        for level in self.levels.iter() {
            let (name, key) = (self.level_queue(level), self.levels.name(level));
            objects.push(queue(&name, self.level_arguments()));
            objects.push(binding(&name, self.exchange(), key));
            // A dead letter keeps the routing key of its level.
            objects.push(binding(&dead, &dead, key));
        }
        for (tier, delay) in self.retry_delays.iter().enumerate() {
            let Some(name) = self.retry(tier) else { continue };
            objects.push(exchange(&name, ExchangeKind::Fanout));
            objects.push(queue(&name, self.retry_arguments(*delay)));
            objects.push(binding(&name, &name, ""));
        }
        objects
    }

    fn level_arguments(&self) -> FieldTable {
        arguments([
            ("x-max-length", i64::try_from(self.max_size).unwrap_or(i64::MAX).into()),
            ("x-overflow", text("reject-publish")),
            ("x-delivery-limit", DELIVERY_LIMIT.into()),
            ("x-dead-letter-exchange", text(&self.dead())),
            ("x-dead-letter-strategy", text("at-least-once")),
        ])
    }

    /// Without a length limit: a retry that a full queue refused would be a lost job.
    fn retry_arguments(&self, delay: Duration) -> FieldTable {
        arguments([
            ("x-message-ttl", i64::try_from(delay.as_millis()).unwrap_or(i64::MAX).into()),
            ("x-overflow", text("reject-publish")),
            ("x-dead-letter-exchange", text(self.exchange())),
            ("x-dead-letter-strategy", text("at-least-once")),
        ])
    }

    /// Asks the broker for the depth of every queue that exists.
    ///
    /// # Errors
    /// When a queue is missing (the channel is closed by the broker then) or the broker is away.
    pub async fn depths(&self, channel: &Channel) -> Result<Vec<QueueDepth>, TopologyError> {
        let mut depths = Vec::new();
        for queue in self.queues() {
            depths.push(depth(channel, queue).await?);
        }
        Ok(depths)
    }

    /// Asks the broker for the depth of the queue of a level.
    ///
    /// # Errors
    /// As [`Topology::depths`].
    pub async fn level_depth(&self, channel: &Channel, level: Priority) -> Result<QueueDepth, TopologyError> {
        depth(channel, self.level_queue(level)).await
    }
}

async fn depth(channel: &Channel, queue: String) -> Result<QueueDepth, TopologyError> {
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let begun = Instant::now();
    let asking = channel.queue_declare(queue.as_str().into(), options, FieldTable::default());
    let asked = answered(channel, asking).await;
    let waited = begun.elapsed();
    match asked {
        Ok(state) => {
            let (ready, consumers) = (state.message_count(), state.consumer_count());
            let is_certain = ready > 0 || consumers > 0 || waited < LEADER_TIMEOUT;
            Ok(QueueDepth { queue, ready, consumers, is_certain })
        }
        Err(source) => Err(TopologyError::Refused { name: queue, source }),
    }
}

fn binding(queue: &str, exchange: &str, key: &str) -> Object {
    Object::Binding { queue: queue.to_owned(), exchange: exchange.to_owned(), key: key.to_owned() }
}

/// `5s`, `2m`, `1500ms`: the delay as the name of its tier.
fn short(delay: Duration) -> String {
    let (millis, seconds) = (delay.as_millis(), delay.as_secs());
    if !millis.is_multiple_of(1000) {
        format!("{millis}ms")
    } else if seconds >= 60 && seconds.is_multiple_of(60) {
        format!("{}m", seconds / 60)
    } else {
        format!("{seconds}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_levels_and_the_delays() {
        let topology = Topology {
            prefix: "analysis".into(),
            levels: Levels::new(3).unwrap(),
            max_size: 10,
            retry_delays: [5_000, 120_000, 1_500].map(Duration::from_millis).to_vec(),
        };
        let expected = [
            "analysis.high",
            "analysis.normal",
            "analysis.low",
            "analysis.retry.5s",
            "analysis.retry.2m",
            "analysis.retry.1500ms",
            "analysis.dead",
        ];
        assert_eq!(topology.queues(), expected);
        assert_eq!(topology.retry(3), None);
        let consumed = topology.queues().into_iter().filter(|queue| topology.is_consumed(queue));
        assert_eq!(
            consumed.collect::<Vec<_>>(),
            ["analysis.high", "analysis.normal", "analysis.low", "analysis.dead"]
        );
    }
}
