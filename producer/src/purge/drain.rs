//! One queue's messages into stored ends: consume, store, acknowledge, in this order. Whatever breaks in between, the
//! message is in the queue still.

use std::time::Duration;

use futures_util::StreamExt;
use shared::broker::lapin::message::Delivery;
use shared::broker::lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use shared::broker::lapin::types::FieldTable;
use shared::broker::{Broker, BrokerError, answered};
use shared::job::Levels;
use shared::store::Store;
use tokio_util::sync::CancellationToken;

use super::ends::{End, end};
use crate::failure::Failure;

/// Messages taken and ends written in one round trip.
const WINDOW: u16 = 256;

/// The broker sends what it has within milliseconds; after this the queue is taken for empty: workers had the rest.
const IDLE: Duration = Duration::from_secs(2);

pub(super) struct Drain<'a> {
    pub(super) store: &'a Store,
    pub(super) levels: Levels,
    pub(super) queue: &'a str,
    pub(super) stop: &'a CancellationToken,
}

/// What became of the messages.
#[derive(Debug, Default)]
pub(super) struct Drained {
    pub(super) cancelled: u64,
    /// Of jobs that had an end.
    pub(super) repeated: u64,
    /// Not of jobs.
    pub(super) unreadable: u64,
}

impl Drained {
    pub(super) const fn messages(&self) -> u64 {
        self.cancelled + self.repeated + self.unreadable
    }
}

impl Drain<'_> {
    /// Takes at most `most` messages, those that were there when the user was asked: a producer at work would fill the queue
    /// for ever.
    pub(super) async fn run(&self, broker: &Broker, most: u64, drained: &mut Drained) -> Result<(), Failure> {
        let channel = broker.channel().await?;
        let consuming = async {
            channel.basic_qos(WINDOW, BasicQosOptions::default()).await?;
            let (queue, options) = (self.queue.into(), BasicConsumeOptions::default());
            channel.basic_consume(queue, "".into(), options, FieldTable::default()).await
        };
        let mut messages = answered(&channel, consuming).await.map_err(BrokerError::from)?.fuse();
        let mut taken = 0;
        loop {
            let wanted = most.saturating_sub(taken).min(WINDOW.into());
            let mut window = Vec::new();
            while (window.len() as u64) < wanted {
                tokio::select! {
                    message = messages.next() => match message {
                        Some(message) => window.push(message.map_err(BrokerError::from)?),
                        None => break,
                    },
                    () = tokio::time::sleep(IDLE) => break,
                    () = self.stop.cancelled() => break,
                }
            }
            taken += window.len() as u64;
            let is_last = (window.len() as u64) < u64::from(WINDOW) || taken >= most;
            self.end(window, drained).await?;
            if is_last || self.stop.is_cancelled() {
                // Closing gives back what the broker had sent beyond.
                let closing = channel.close(200, "done".into());
                answered(&channel, closing).await.map_err(BrokerError::from)?;
                return Ok(());
            }
        }
    }

    async fn end(&self, window: Vec<Delivery>, drained: &mut Drained) -> Result<(), Failure> {
        let Some(last) = window.last() else { return Ok(()) };
        let ends: Vec<End> = window.iter().map(|message| end(message, self.queue, self.levels)).collect();
        let finished: Vec<_> = ends.iter().map(|end| end.finished.clone()).collect();
        let stored = self.store.finish(&finished).await?;
        // All that was delivered up to it is in this window or was acknowledged before.
        let acknowledging = last.acker.ack(BasicAckOptions { multiple: true });
        answered(&last.acker, acknowledging).await.map_err(BrokerError::from)?;
        for (end, stored) in ends.iter().zip(stored) {
            match (stored, end.is_job) {
                (true, true) => drained.cancelled += 1,
                (true, false) => drained.unreadable += 1,
                (false, _) => drained.repeated += 1,
            }
        }
        Ok(())
    }
}
