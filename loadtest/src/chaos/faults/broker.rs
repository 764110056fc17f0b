//! Faults that RabbitMQ itself makes: channels that it closes, exchanges that are gone, permissions that are withdrawn.

use std::time::Duration;

use futures_util::future::join_all;
use shared::broker::Broker;
use shared::broker::lapin::options::ExchangeDeleteOptions;
use shared::topology::Topology;
use tokio::time::sleep;

use super::{Done, Field};
use crate::rig::{RigError, io};

/// RabbitMQ closes a channel whose message has not been acknowledged for this long, and looks so often; in milliseconds. Files
/// of a run take about as long, and a worker holds several.
const SHORT_TIMEOUT: (u32, u32) = (1500, 500);

/// What RabbitMQ 3.10 has by default: half an hour, looked at every minute.
const USUAL_TIMEOUT: (u32, u32) = (1_800_000, 60_000);

/// The words of RabbitMQ's log for a channel that it closed because of it.
const CLOSED: &str = "delivery acknowledgement on channel";

impl Field {
    /// Shortens `consumer_timeout` for a time. A channel keeps the time-out that was in force when it was opened, so all
    /// connections are closed before and after.
    pub(super) async fn close_channels(&self, lasts: Duration) -> Result<Done, RigError> {
        let _turn = self.turns[0].lock().await;
        let before = self.closed_channels();
        self.set_timeout(SHORT_TIMEOUT).await?;
        sleep(lasts).await;
        self.set_timeout(USUAL_TIMEOUT).await?;
        Ok(Done::Said(match (before, self.closed_channels()) {
            (Some(before), Some(after)) if after > before => "closed channels".to_owned(),
            (Some(_), Some(_)) => "no channel held a message for long enough".to_owned(),
            _ => "the log of RabbitMQ cannot be read here".to_owned(),
        }))
    }

    async fn set_timeout(&self, (timeout, tick): (u32, u32)) -> Result<(), RigError> {
        let code = format!(
            "application:set_env(rabbit, consumer_timeout, {timeout}), \
             application:set_env(rabbit, channel_tick_interval, {tick})."
        );
        self.servers.ask(&["ctl", "eval", &code]).await?;
        self.servers.ask(&["ctl", "close_all_connections", "another consumer_timeout"]).await?;
        Ok(())
    }

    fn closed_channels(&self) -> Option<usize> {
        Some(self.servers.rabbitmq_log()?.matches(CLOSED).count())
    }

    /// Deletes exchanges for a time.
    pub(super) async fn delete_exchange(&self, lasts: Duration, pick: u64) -> Result<Done, RigError> {
        let _turn = self.turns[0].lock().await;
        let struck = Exchanges::picked(pick);
        let broker = Broker::connect(&self.servers.amqp, "chaos").await?;
        let channel = broker.channel().await?;
        for name in struck.names(&self.topology) {
            channel.exchange_delete(name.as_str().into(), ExchangeDeleteOptions::default()).await?;
        }
        self.without(struck, lasts).await?;
        self.topology.declare(&channel).await?;
        Ok(Done::Said(struck.described().to_owned()))
    }

    /// Withdraws the permission to publish to exchanges for a time.
    pub(super) async fn revoke_permission(&self, lasts: Duration, pick: u64) -> Result<Done, RigError> {
        let _turn = self.turns[0].lock().await;
        // A worker that starts may not bind the queue of that name either, and would be right to end.
        let _held = join_all(self.slots.iter().map(|slot| slot.worker.lock())).await;
        let struck = Exchanges::picked(pick);
        let others = format!("^(?!({})$).*", struck.names(&self.topology).join("|").replace('.', "\\."));
        let user = user_of(&self.servers.amqp);
        self.servers.ask(&["ctl", "set_permissions", user, ".*", &others, ".*"]).await?;
        self.without(struck, lasts).await?;
        self.servers.ask(&["ctl", "set_permissions", user, ".*", ".*", ".*"]).await?;
        Ok(Done::Said(struck.described().to_owned()))
    }

    /// Waits while exchanges cannot be used. To a retry tier workers publish only what failed for a passing reason: so the
    /// media root is away for a part of the time.
    async fn without(&self, struck: Exchanges, lasts: Duration) -> Result<(), RigError> {
        if struck == Exchanges::Levels {
            sleep(lasts).await;
            return Ok(());
        }
        let _turn = self.turns[2].lock().await;
        self.media.hide().map_err(io("hiding the media root"))?;
        sleep(lasts / 2).await;
        self.media.show().map_err(io("bringing the media root back"))?;
        sleep(lasts / 2).await;
        Ok(())
    }
}

/// Exchanges that are struck together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exchanges {
    /// That of the levels, to which producers publish.
    Levels,
    /// Those of all retry tiers, to which workers publish.
    Retries,
}

impl Exchanges {
    const fn picked(pick: u64) -> Self {
        if pick.is_multiple_of(2) { Self::Levels } else { Self::Retries }
    }

    fn names(self, topology: &Topology) -> Vec<String> {
        match self {
            Self::Levels => vec![topology.exchange().to_owned()],
            Self::Retries => {
                (0..topology.retry_delays.len()).filter_map(|tier| topology.retry(tier)).collect()
            }
        }
    }

    const fn described(self) -> &'static str {
        match self {
            Self::Levels => "of the levels",
            Self::Retries => "of the retries",
        }
    }
}

/// The user of `scheme://user:password@host`.
fn user_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let login = rest.rsplit_once('@').map_or("guest", |(login, _)| login);
    login.split_once(':').map_or(login, |(user, _)| user)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_is_that_of_the_url() {
        assert_eq!(user_of("amqp://guest:guest@127.0.0.1:5672/%2f"), "guest");
        assert_eq!(user_of("amqp://127.0.0.1"), "guest");
    }
}
