//! One accepted message disappears, so that a check of the audit has something to find.

use futures_util::StreamExt;
use shared::broker::Broker;
use shared::broker::lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions,
};
use shared::broker::lapin::types::{AMQPValue, FieldTable};

use crate::rig::RigError;

const TAG: &str = "thief";

/// Is served before every worker, whose consumers have none.
const PRIORITY: i32 = 100;

/// A consumer that takes the next message of a queue, acknowledges it and leaves.
pub(crate) struct Thief(tokio::task::JoinHandle<Result<(), RigError>>);

impl Thief {
    /// Lies in wait; returns when the queue knows it.
    pub(crate) async fn at(broker: &Broker, queue: &str) -> Result<Self, RigError> {
        let channel = broker.channel().await?;
        channel.basic_qos(1, BasicQosOptions::default()).await?;
        let mut first = FieldTable::default();
        first.insert("x-priority".into(), AMQPValue::LongInt(PRIORITY));
        let mut messages =
            channel.basic_consume(queue.into(), TAG.into(), BasicConsumeOptions::default(), first).await?;
        Ok(Self(tokio::spawn(async move {
            if let Some(message) = messages.next().await {
                let message = message?;
                // No second one: it would come when the first is settled.
                channel.basic_cancel(TAG.into(), BasicCancelOptions::default()).await?;
                message.acker.ack(BasicAckOptions::default()).await?;
            }
            channel.close(200, "done".into()).await?;
            Ok(())
        })))
    }

    /// Waits until it has what it wanted.
    pub(crate) async fn gone(self) -> Result<(), RigError> {
        self.0.await.unwrap_or_else(|_| Err(RigError::NotReady("the message was not removed".to_owned())))
    }
}
