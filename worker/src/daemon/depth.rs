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

/// Asks until aborted.
pub(super) fn watch(broker: Arc<Broker>, topology: Topology) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(EVERY);
        let mut channel: Option<Channel> = None;
        loop {
            ticks.tick().await;
            // A refused question closes its channel, so it has one of its own, and a new one after that.
            if !channel.as_ref().is_some_and(|channel| channel.status().connected()) {
                channel = broker.channel().await.ok();
            }
            let Some(channel) = &channel else { continue };
            match topology.depths(channel).await {
                Ok(depths) => {
                    for depth in depths {
                        gauge!(names::QUEUE_DEPTH, "queue" => depth.queue, "state" => "ready")
                            .set(depth.ready);
                    }
                }
                Err(error) => tracing::debug!(%error, "the depth of the queues is not known"),
            }
        }
    })
}
