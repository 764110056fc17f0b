//! What a topology consists of, object by object, in the order in which they can be made.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::protocol::AMQPSoftError;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ExchangeKind};

use super::{TopologyError, mismatch};
use crate::broker::{answered, soft_error};

/// An exchange, a queue or a binding as it is wanted.
#[derive(Debug, Clone)]
pub enum Object {
    /// A durable exchange.
    Exchange {
        /// Its name.
        name: String,
        /// How it routes.
        kind: ExchangeKind,
    },
    /// A durable quorum queue.
    Queue {
        /// Its name.
        name: String,
        /// All of its arguments.
        arguments: FieldTable,
    },
    /// What an exchange passes on to a queue.
    Binding {
        /// The queue.
        queue: String,
        /// The exchange.
        exchange: String,
        /// The routing key.
        key: String,
    },
}

impl Object {
    /// `exchange`, `queue` or `binding`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Exchange { .. } => "exchange",
            Self::Queue { .. } => "queue",
            Self::Binding { .. } => "binding",
        }
    }

    /// Name of the exchange or the queue; of a binding that of its queue.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Exchange { name, .. } | Self::Queue { name, .. } | Self::Binding { queue: name, .. } => {
                name
            }
        }
    }

    /// Makes it, or checks that it is there as wanted.
    ///
    /// # Errors
    /// [`TopologyError::Differs`] when it exists with other arguments. The channel is closed by the broker then.
    pub async fn declare(&self, channel: &Channel) -> Result<(), TopologyError> {
        let declared = answered(channel, self.ask_to_declare(channel)).await;
        declared.map_err(|source| mismatch::explain(self.kind(), self.name(), source))
    }

    async fn ask_to_declare(&self, channel: &Channel) -> Result<(), lapin::Error> {
        match self {
            Self::Exchange { name, kind } => {
                let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
                channel
                    .exchange_declare(name.as_str().into(), kind.clone(), options, FieldTable::default())
                    .await
            }
            Self::Queue { name, arguments } => {
                let options = QueueDeclareOptions::durable();
                channel.queue_declare(name.as_str().into(), options, arguments.clone()).await.map(drop)
            }
            Self::Binding { queue, exchange, key } => {
                let (queue, exchange, key) =
                    (queue.as_str().into(), exchange.as_str().into(), key.as_str().into());
                let options = QueueBindOptions::default();
                channel.queue_bind(queue, exchange, key, options, FieldTable::default()).await
            }
        }
    }

    /// Whether an exchange or a queue of this name exists, however it was made. `None` of a binding: AMQP has no question for it.
    ///
    /// # Errors
    /// When the broker does not say.
    pub async fn exists(&self, channel: &Channel) -> Result<Option<bool>, TopologyError> {
        if matches!(self, Self::Binding { .. }) {
            return Ok(None);
        }
        match answered(channel, self.ask_whether_it_exists(channel)).await {
            Ok(()) => Ok(Some(true)),
            Err(error) if soft_error(&error) == Some(AMQPSoftError::NOTFOUND) => Ok(Some(false)),
            Err(source) => Err(TopologyError::Refused { name: self.name().to_owned(), source }),
        }
    }

    async fn ask_whether_it_exists(&self, channel: &Channel) -> Result<(), lapin::Error> {
        match self {
            Self::Exchange { name, kind } => {
                let options = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
                channel
                    .exchange_declare(name.as_str().into(), kind.clone(), options, FieldTable::default())
                    .await
            }
            Self::Queue { name, .. } => {
                let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
                channel.queue_declare(name.as_str().into(), options, FieldTable::default()).await.map(drop)
            }
            Self::Binding { .. } => Ok(()),
        }
    }
}

/// The arguments of a quorum queue.
pub(super) fn arguments<const N: usize>(own: [(&str, AMQPValue); N]) -> FieldTable {
    let mut table = FieldTable::default();
    table.insert("x-queue-type".into(), text("quorum"));
    for (name, value) in own {
        table.insert(name.into(), value);
    }
    table
}

pub(super) fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}
