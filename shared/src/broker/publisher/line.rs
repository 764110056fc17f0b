//! The channel on which messages go to one exchange. It is opened again whenever it is found closed.

use std::sync::Mutex;
use std::time::Duration;

use lapin::Channel;
use lapin::options::ConfirmSelectOptions;

use super::Fate;
use crate::broker::{Broker, BrokerError, answered, lock};
use crate::topology::Topology;

/// How often a channel is asked for on a connection that is up before the sender hears of it.
const OPEN_TRIES: u32 = 5;

/// Between two such tries.
const OPEN_AGAIN: Duration = Duration::from_millis(200);

/// One exchange and its channel.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) exchange: String,
    /// The channel in use. Whoever finds it closed opens another one, and the others wait for that.
    channel: tokio::sync::Mutex<Option<Channel>>,
    /// What RabbitMQ said when it last refused a message, until it takes one.
    trouble: Mutex<Option<String>>,
}

impl Line {
    pub(super) fn new(exchange: String) -> Self {
        Self { exchange, channel: tokio::sync::Mutex::default(), trouble: Mutex::default() }
    }

    /// The channel in use, or a new one; waits for the connection.
    pub(super) async fn channel(&self, broker: &Broker, topology: &Topology) -> Result<Channel, BrokerError> {
        let mut current = self.channel.lock().await;
        if let Some(channel) = current.as_ref().filter(|channel| channel.status().connected()) {
            return Ok(channel.clone());
        }
        let mut tries = 0;
        loop {
            broker.connected().await;
            match self.open(broker, topology).await {
                Ok(channel) => {
                    *current = Some(channel.clone());
                    return Ok(channel);
                }
                // Lost again in the middle of it.
                Err(_) if !broker.is_up() => {}
                Err(BrokerError::Protocol(error)) if tries < OPEN_TRIES => {
                    tracing::debug!(%error, exchange = self.exchange, "no channel to publish on yet");
                    tries += 1;
                    tokio::time::sleep(OPEN_AGAIN).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Opens a channel. After a refusal the exchange may be gone, so it is declared first. A task of its own does it, because a
    /// sender may give up at any time, and a request that is under way keeps its channel until it is answered.
    async fn open(&self, broker: &Broker, topology: &Topology) -> Result<Channel, BrokerError> {
        let (broker, topology, declare) = (broker.clone(), topology.clone(), self.trouble().is_some());
        let opening = tokio::spawn(async move {
            if declare {
                broker.declare(&topology).await?;
            }
            let channel = broker.channel().await?;
            let confirm = channel.confirm_select(ConfirmSelectOptions::default());
            answered(&channel, confirm).await?;
            Ok(channel)
        });
        match opening.await.map_err(tokio::task::JoinError::try_into_panic) {
            Ok(opened) => opened,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            // The runtime is being shut down, and this task with it.
            Err(Err(_)) => std::future::pending().await,
        }
    }

    /// A message was taken, or refused for want of room: the exchange works.
    pub(super) fn works(&self, fate: Fate) -> Fate {
        if lock(&self.trouble).take().is_some() {
            tracing::info!(exchange = self.exchange, "rabbitmq takes messages for this exchange again");
        }
        fate
    }

    /// A message was refused.
    pub(super) fn refuses(&self, error: &BrokerError) {
        let mut trouble = lock(&self.trouble);
        if trouble.is_none() {
            tracing::warn!(exchange = self.exchange, %error, "a message was refused, trying again");
        }
        *trouble = Some(error.to_string());
    }

    pub(super) fn trouble(&self) -> Option<String> {
        lock(&self.trouble).clone()
    }
}
