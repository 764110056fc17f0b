//! Publishing one job and knowing its fate.

use std::sync::Arc;
use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation};
use tokio::sync::watch;

use super::{Broker, BrokerError};
use crate::job::{Job, Priority, SCHEMA, TraceContext};
use crate::topology::Topology;

/// AMQP's code for a message that survives a restart of the broker.
const PERSISTENT: u8 = 2;

/// Counts how often a dead letter was published again. A header and no field of the job, because it tells of the message's
/// life and not of the job: a retry begins without it.
const REVIVALS: &str = "x-revivals";

/// W3C Trace Context over AMQP: the same name as in HTTP.
const TRACEPARENT: &str = "traceparent";

/// After an error that names no recovery to wait for, the channel's state is asked again this much later.
const RECOVERY_POLL: Duration = Duration::from_millis(200);

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

/// Publishes jobs on a channel of its own. Any number of [`Publisher::publish`] calls may be under way at once: that
/// is the confirm window, and its size is the caller's.
#[derive(Debug, Clone)]
pub struct Publisher {
    /// The channel in use; those who wait for another one are told when it is replaced.
    channel: Arc<watch::Sender<Channel>>,
    topology: Topology,
}

impl Publisher {
    /// Declares the topology and opens the channel. Give it a connection of its own: a broker in alarm stops all
    /// that a publishing connection writes, acknowledgements too.
    ///
    /// # Errors
    /// When the topology differs or the connection fails.
    pub async fn open(broker: &Broker, topology: Topology) -> Result<Self, BrokerError> {
        topology.declare(&broker.channel().await?).await?;
        let channel = Arc::new(watch::Sender::new(confirming(broker).await?));
        Ok(Self { channel, topology })
    }

    /// Goes on over a connection that was put in the place of ours ([`Broker::renew`]): what is under way is sent again.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn renew(&self, broker: &Broker) -> Result<(), BrokerError> {
        self.channel.send_replace(confirming(broker).await?);
        Ok(())
    }

    /// Sends the job and waits for the broker's word. A lost connection is waited out and the job sent again, so it may be
    /// in the queue twice; a job has one end all the same.
    ///
    /// # Errors
    /// [`BrokerError::Unroutable`], or a protocol error that no recovery can mend.
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
        let mut headers = headers(trace);
        headers.insert(REVIVALS.into(), AMQPValue::LongLongInt(revivals.into()));
        self.deliver(job, Route::Level(job.priority), &properties(job, headers)).await
    }

    async fn deliver(
        &self,
        job: &Job,
        route: Route,
        properties: &BasicProperties,
    ) -> Result<Fate, BrokerError> {
        let body = job.encode()?;
        let (exchange, key) = self.address(route)?;
        let mut current = self.channel.subscribe();
        loop {
            let channel = current.borrow_and_update().clone();
            let sent = tokio::select! {
                // First: what the old channel says of its end is no answer.
                biased;
                _ = current.changed() => continue,
                sent = send(&channel, (&exchange, key), &body, properties.clone()) => sent,
            };
            match sent {
                Ok(Confirmation::Ack(None)) => return Ok(Fate::Accepted),
                Ok(Confirmation::Nack(None)) => return Ok(Fate::QueueFull),
                Ok(Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_)) | Confirmation::NotRequested) => {
                    return Err(BrokerError::Unroutable(format!("{exchange}/{key}")));
                }
                Err(error) => tokio::select! {
                    biased;
                    _ = current.changed() => {}
                    recovered = recover(&channel, error) => recovered?,
                },
            }
        }
    }

    fn address(&self, route: Route) -> Result<(String, &'static str), BrokerError> {
        match route {
            Route::Level(level) => {
                Ok((self.topology.exchange().to_owned(), self.topology.levels.name(level)))
            }
            Route::Retry { tier, level } => match self.topology.retry(tier) {
                Some(exchange) => Ok((exchange, self.topology.levels.name(level))),
                None => Err(BrokerError::Unroutable(format!("retry tier {tier}"))),
            },
        }
    }
}

async fn confirming(broker: &Broker) -> Result<Channel, BrokerError> {
    let channel = broker.channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok(channel)
}

async fn send(
    channel: &Channel,
    (exchange, key): (&str, &str),
    body: &[u8],
    properties: BasicProperties,
) -> Result<Confirmation, lapin::Error> {
    // Without `mandatory` an unroutable message is a plain ack.
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    channel.basic_publish(exchange.into(), key.into(), options, body, properties).await?.await
}

/// Returns once the channel works again.
async fn recover(channel: &Channel, error: lapin::Error) -> Result<(), BrokerError> {
    // Every message under way comes here; the connection itself has warned once.
    tracing::debug!(%error, "publishing was interrupted, waiting for rabbitmq");
    if !error.can_be_recovered() {
        return Err(error.into());
    }
    if channel.wait_for_recovery(error).await.is_err() {
        while !channel.status().connected() {
            tokio::time::sleep(RECOVERY_POLL).await;
        }
    }
    Ok(())
}

/// How often a message was published again as a dead letter.
#[must_use]
pub fn revivals(properties: &BasicProperties) -> u16 {
    let headers = properties.headers().as_ref();
    match headers.and_then(|headers| headers.inner().get(REVIVALS)) {
        Some(AMQPValue::LongLongInt(count)) => u16::try_from(*count).unwrap_or(u16::MAX),
        // Not written by us: better too many than a message that is published again for ever.
        Some(_) => u16::MAX,
        None => 0,
    }
}

/// The trace that a message says it belongs to; `None` where it says nothing, or nothing that the standard allows.
#[must_use]
pub fn trace(properties: &BasicProperties) -> Option<TraceContext> {
    match properties.headers().as_ref()?.inner().get(TRACEPARENT)? {
        AMQPValue::LongString(header) => TraceContext::parse(header.as_bytes()),
        AMQPValue::ShortString(header) => TraceContext::parse(header.as_str().as_bytes()),
        _ => None,
    }
}

fn headers(trace: Option<TraceContext>) -> FieldTable {
    let mut headers = FieldTable::default();
    if let Some(trace) = trace {
        headers.insert(TRACEPARENT.into(), AMQPValue::LongString(trace.to_string().into()));
    }
    headers
}

fn properties(job: &Job, headers: FieldTable) -> BasicProperties {
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type("application/msgpack".into())
        .with_type(SCHEMA.into())
        .with_message_id(job.job_id.to_string().into())
        .with_correlation_id(job.batch_id.to_string().into())
        .with_headers(headers)
}
