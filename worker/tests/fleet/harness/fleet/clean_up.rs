//! Leaves the servers as they were, however the test ends.

use redis::AsyncCommands;
use shared::broker::Broker;
use shared::broker::lapin::options::{ExchangeDeleteOptions, QueueDeleteOptions};
use shared::topology::Topology;

use crate::harness::Servers;

/// Deletes a fleet's queues, exchanges and keys when it is dropped.
pub(super) struct CleanUp {
    servers: Servers,
    topology: Topology,
}

impl CleanUp {
    pub(super) fn of(servers: &Servers, topology: &Topology) -> Self {
        Self { servers: servers.clone(), topology: topology.clone() }
    }

    async fn delete(&self) -> anyhow::Result<()> {
        let broker = Broker::connect(&self.servers.amqp, "clean up").await?;
        let channel = broker.channel().await?;
        for queue in self.topology.queues() {
            channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await?;
        }
        let tiers = (0..self.topology.retry_delays.len()).filter_map(|tier| self.topology.retry(tier));
        for exchange in tiers.chain([self.topology.exchange().to_owned(), self.topology.dead()]) {
            channel.exchange_delete(exchange.into(), ExchangeDeleteOptions::default()).await?;
        }
        broker.close().await;
        let client = redis::Client::open(self.servers.redis.as_str())?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        let keys: Vec<String> = connection.keys(format!("{}:*", self.topology.prefix)).await?;
        for keys in keys.chunks(500) {
            connection.unlink::<_, ()>(keys).await?;
        }
        Ok(())
    }
}

impl Drop for CleanUp {
    fn drop(&mut self) {
        // The test's own runtime may be the one that is being unwound.
        let deleted = std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(self.delete())
            });
            thread.join()
        });
        if !matches!(deleted, Ok(Ok(()))) {
            println!("not everything of {} could be deleted: {deleted:?}", self.topology.prefix);
        }
    }
}
