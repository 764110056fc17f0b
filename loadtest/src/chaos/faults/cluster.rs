//! Faults of servers that consist of several: nodes of RabbitMQ, and Redis' master.

use std::time::Duration;

use tokio::time::sleep;

use super::{Done, Field};
use crate::rig::{BrokerCluster, RigError, SentinelGroup};

/// A node of RabbitMQ that is alone notices at once, and stops serving within moments; a busy machine takes longer.
const PAUSED_AFTER: Duration = Duration::from_secs(5);

impl Field {
    /// SIGKILL of a node, and its restart with its data.
    pub(super) async fn kill_node(&self, node: usize, lasts: Duration) -> Result<(), RigError> {
        let _turn = self.turns[0].lock().await;
        let node = self.broker_cluster()?.node(&self.servers, node);
        node.ask(&["kill", "rabbitmq"]).await?;
        sleep(lasts).await;
        node.ask(&["restart", "rabbitmq"]).await?;
        Ok(())
    }

    /// Cuts a node off from the others for a time. It must not go on by itself: what it confirmed would be lost when it joins
    /// the others again.
    pub(super) async fn partition_node(&self, node: usize, lasts: Duration) -> Result<Done, RigError> {
        let _turn = self.turns[0].lock().await;
        let cluster = self.broker_cluster()?;
        cluster.cut_off(&self.servers, node).await?;
        sleep(lasts.max(PAUSED_AFTER)).await;
        let is_paused = !cluster.serves(node).await;
        cluster.rejoin(&self.servers, node).await?;
        Ok(match is_paused {
            true => Done::Said("paused, and back".to_owned()),
            false => Done::Wrong(format!(
                "node {node} went on without a majority for {:.0} s",
                lasts.as_secs_f64()
            )),
        })
    }

    /// SIGKILL of the master, and its restart once another has taken its place.
    pub(super) async fn kill_master(&self, lasts: Duration) -> Result<Done, RigError> {
        let _turn = self.turns[1].lock().await;
        let redis = self.sentinel_group()?;
        let killed = redis.kill_master().await?;
        let took = redis.failed_over(killed).await?;
        sleep(lasts).await;
        redis.restart(killed).await?;
        redis.is_whole().await?;
        Ok(failover(took))
    }

    /// SIGSTOP of the master until another has taken its place, and longer. Then it goes on, with whatever it had not read yet.
    pub(super) async fn stop_master(&self, lasts: Duration) -> Result<Done, RigError> {
        let _turn = self.turns[1].lock().await;
        let redis = self.sentinel_group()?;
        let stopped = redis.stop_master().await?;
        let took = redis.failed_over(stopped).await;
        sleep(lasts).await;
        redis.go_on(stopped).await;
        redis.is_whole().await?;
        took.map(failover)
    }

    fn broker_cluster(&self) -> Result<&BrokerCluster, RigError> {
        let refused = || RigError::Refused("this fault wants --scenario rabbitmq-cluster".to_owned());
        self.cluster.as_ref().ok_or_else(refused)
    }

    fn sentinel_group(&self) -> Result<&SentinelGroup, RigError> {
        let refused = || RigError::Refused("this fault wants --scenario redis-sentinel".to_owned());
        self.sentinels.as_ref().ok_or_else(refused)
    }
}

fn failover(took: Duration) -> Done {
    Done::Said(format!("another master after {:.0} s", took.as_secs_f64()))
}
