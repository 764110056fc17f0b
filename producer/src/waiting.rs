//! How many messages wait in a fleet's queues. The broker is only asked; nothing is declared.

use std::time::Duration;

use shared::broker::lapin::options::QueueDeclareOptions;
use shared::broker::lapin::protocol::AMQPSoftError;
use shared::broker::lapin::types::FieldTable;
use shared::broker::{Broker, BrokerError, answered, soft_error};
use shared::settings::ProducerSettings;
use tokio::time::timeout;

use crate::connect;
use crate::failure::Failure;

/// A broker that does not answer the dozen questions within this does not answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// Messages that wait in the queues of all levels, in all retry tiers and among the dead letters. Those that a worker holds
/// are not counted. A queue that does not exist has none.
pub(crate) async fn messages_waiting(settings: &ProducerSettings) -> Result<u64, Failure> {
    let url = &settings.queue.amqp_url;
    timeout(ANSWERS_WITHIN, ask(settings)).await.unwrap_or_else(|_| {
        let seconds = ANSWERS_WITHIN.as_secs();
        Err(Failure::Unavailable(format!("RabbitMQ at {url} (AMQP_URL) does not answer within {seconds} s")))
    })
}

async fn ask(settings: &ProducerSettings) -> Result<u64, Failure> {
    let to = connect::tls(settings)?.at(settings.queue.amqp_url.expose());
    let broker = Broker::connect(to, "producer").await?;
    let mut messages = 0;
    for queue in connect::topology(&settings.queue).queues() {
        messages += u64::from(ready(&broker, &queue).await?);
    }
    broker.close().await;
    Ok(messages)
}

/// Each question on a channel of its own: the broker closes the channel where there is no such queue.
async fn ready(broker: &Broker, queue: &str) -> Result<u32, BrokerError> {
    let channel = broker.channel().await?;
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let asking = channel.queue_declare(queue.into(), options, FieldTable::default());
    match answered(&channel, asking).await {
        Ok(state) => Ok(state.message_count()),
        Err(error) if soft_error(&error) == Some(AMQPSoftError::NOTFOUND) => Ok(0),
        Err(error) => Err(error.into()),
    }
}
