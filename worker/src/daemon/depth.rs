//! The depth of the queues, asked of the broker now and then.

use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use shared::broker::{Broker, Channel};
use shared::telemetry::metrics as names;
use shared::topology::Topology;
use tokio::task::JoinHandle;

/// Between two questions; Prometheus asks us every 15 s as a rule.
const EVERY: Duration = Duration::from_secs(5);

/// Asks once, so that the figures are there before the worker is ready, and then until aborted.
pub(super) async fn watch(broker: Arc<Broker>, topology: Topology) -> JoinHandle<()> {
    let mut depths = Depths { broker, topology, channel: None };
    depths.ask().await;
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(EVERY).await;
            depths.ask().await;
        }
    })
}

struct Depths {
    broker: Arc<Broker>,
    topology: Topology,
    /// A refused question closes its channel, so it has one of its own, and a new one after that.
    channel: Option<Channel>,
}

impl Depths {
    async fn ask(&mut self) {
        if !self.channel.as_ref().is_some_and(|channel| channel.status().connected()) {
            self.channel = self.broker.channel().await.ok();
        }
        let Some(channel) = &self.channel else { return };
        match self.topology.depths(channel).await {
            Ok(depths) => {
                for depth in depths {
                    gauge!(names::QUEUE_DEPTH, "queue" => depth.queue, "state" => "ready").set(depth.ready);
                }
            }
            Err(error) => tracing::debug!(%error, "the depth of the queues is not known"),
        }
    }
}
