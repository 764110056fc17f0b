//! Publishing one job and knowing its fate.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lapin::options::BasicPublishOptions;
use lapin::{BasicProperties, Channel, Confirmation};

use super::message::{headers, properties, revival_headers};
use super::{Broker, BrokerError, answered, soft_error};
use crate::job::{Job, Priority, TraceContext};
use crate::topology::Topology;

mod line;

use line::Line;

/// How often RabbitMQ may refuse the same message before its sender hears of it. Enough for an exchange that is deleted and made
/// again by somebody else at the same time.
const TRIES: u32 = 5;

/// The pause after the first refusal; each further one is twice as long, 1.5 s in all.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Where a job is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// To the queue of its level.
    Level(Priority),
    /// To a retry tier, from which it comes back to its level after the tier's delay.
    Retry {
        /// Index of the tier.
        tier: usize,
        /// The level to come back to.
        level: Priority,
    },
}

/// What the broker did with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is in the queue, on disk.
    Accepted,
    /// The queue is at its limit; the message is not in it.
    QueueFull,
}

/// Publishes jobs, each exchange on a channel of its own: RabbitMQ closes the channel on which it refuses a message, and what is
/// refused for one exchange must not stop what goes to another. Any number of [`Publisher::publish`] calls may be under way
/// at once: that is the confirm window, and its size is the caller's. Clones are the same publisher.
#[derive(Debug, Clone)]
pub struct Publisher {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    broker: Broker,
    topology: Topology,
    /// By the exchange's name.
    lines: BTreeMap<String, Line>,
}

impl Publisher {
    /// Declares the topology and opens the first channel. Give it a connection of its own: a broker in alarm stops all
    /// that a publishing connection writes, acknowledgements too.
    ///
    /// # Errors
    /// When the topology differs or the connection fails.
    pub async fn open(broker: &Broker, topology: Topology) -> Result<Self, BrokerError> {
        broker.declare(&topology).await?;
        let tiers = (0..topology.retry_delays.len()).filter_map(|tier| topology.retry(tier));
        let exchanges = std::iter::once(topology.exchange().to_owned()).chain(tiers);
        let lines = exchanges.map(|exchange| (exchange.clone(), Line::new(exchange))).collect();
        let shared = Shared { broker: broker.clone(), topology, lines };
        if let Some(line) = shared.lines.get(shared.topology.exchange()) {
            line.channel(&shared.broker, &shared.topology).await?;
        }
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Why messages for some exchange are not taken now, if that is so.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.shared.lines.values().find_map(Line::trouble)
    }

    /// Makes exchanges and queues that are gone.
    ///
    /// # Errors
    /// As [`Broker::declare`].
    pub async fn restore(&self) -> Result<(), BrokerError> {
        self.shared.broker.declare(&self.shared.topology).await
    }

    /// Sends the job and waits for the broker's word. A lost connection is waited out and the job sent again, so it may be
    /// in the queue twice; a job has one end all the same.
    ///
    /// # Errors
    /// [`BrokerError::Unroutable`]; [`BrokerError::PublishRefused`] after some tries, before each of which the exchange is
    /// declared again; and what declaring ran into.
    pub async fn publish(&self, job: &Job, route: Route) -> Result<Fate, BrokerError> {
        self.publish_in(job.own_trace(), job, route).await
    }

    /// The same as part of a trace: a job that is sent on stays in the trace that it came with.
    ///
    /// # Errors
    /// As for [`Publisher::publish`].
    pub async fn publish_in(
        &self,
        trace: Option<TraceContext>,
        job: &Job,
        route: Route,
    ) -> Result<Fate, BrokerError> {
        self.deliver(job, route, &properties(job, headers(trace))).await
    }

    /// Sends a dead letter to the queue of its level, for the `revivals`th time.
    ///
    /// # Errors
    /// As for [`Publisher::publish`].
    pub async fn revive(
        &self,
        trace: Option<TraceContext>,
        job: &Job,
        revivals: u16,
    ) -> Result<Fate, BrokerError> {
        let headers = revival_headers(trace, revivals);
        self.deliver(job, Route::Level(job.priority), &properties(job, headers)).await
    }

    async fn deliver(
        &self,
        job: &Job,
        route: Route,
        properties: &BasicProperties,
    ) -> Result<Fate, BrokerError> {
        let body = job.encode()?;
        let (line, key) = self.line(route)?;
        let (mut refusals, mut pause) = (0, FIRST_PAUSE);
        loop {
            let channel = line.channel(&self.shared.broker, &self.shared.topology).await?;
            let refusal = match send(&channel, (&line.exchange, key), &body, properties.clone()).await {
                Ok(Confirmation::Ack(None)) => return Ok(line.works(Fate::Accepted)),
                Ok(Confirmation::Nack(None)) => return Ok(line.works(Fate::QueueFull)),
                // Its queue was deleted, and the jobs in it are gone: that is not mended without a word.
                Ok(Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_)) | Confirmation::NotRequested) => {
                    let error = BrokerError::Unroutable(format!("{}/{key}", line.exchange));
                    line.refuses(&error);
                    return Err(error);
                }
                Err(error) if soft_error(&error).is_some() => {
                    BrokerError::PublishRefused { exchange: line.exchange.clone(), detail: error.to_string() }
                }
                Err(error) => {
                    // The connection or the channel is gone; every message under way comes here, and each waits for the next. A channel
                    // that still works cannot send this message, and trying for ever would help nobody.
                    tracing::debug!(%error, "publishing was interrupted, sending again");
                    if channel.status().connected() {
                        refusals += 1;
                        if refusals >= TRIES {
                            return Err(error.into());
                        }
                        tokio::time::sleep(pause).await;
                        pause *= 2;
                    }
                    continue;
                }
            };
            line.refuses(&refusal);
            refusals += 1;
            if refusals >= TRIES {
                return Err(refusal);
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    fn line(&self, route: Route) -> Result<(&Line, &'static str), BrokerError> {
        let topology = &self.shared.topology;
        let (exchange, level) = match route {
            Route::Level(level) => (Some(topology.exchange().to_owned()), level),
            Route::Retry { tier, level } => (topology.retry(tier), level),
        };
        let line = exchange.and_then(|exchange| self.shared.lines.get(&exchange));
        let line = line.ok_or_else(|| BrokerError::Unroutable(format!("{route:?}")))?;
        Ok((line, topology.levels.name(level)))
    }
}

async fn send(
    channel: &Channel,
    (exchange, key): (&str, &str),
    body: &[u8],
    properties: BasicProperties,
) -> Result<Confirmation, lapin::Error> {
    // Without `mandatory` an unroutable message is a plain ack.
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let confirmation =
        async { channel.basic_publish(exchange.into(), key.into(), options, body, properties).await?.await };
    answered(channel, confirmation).await
}
