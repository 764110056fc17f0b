//! Channels that RabbitMQ closes while jobs run on them.

use shared::job::BatchId;

use crate::harness::{Fleet, OwnServers, Servers, Worker, until};

const WORKERS: usize = 3;

const JOBS: usize = 12;

/// How often the channel of each worker is closed under it.
const CLOSED: f64 = 6.0;

fn set(own: &OwnServers, variable: &str, milliseconds: u64) {
    own.ctl(&["eval", &format!("application:set_env(rabbit, {variable}, {milliseconds}).")]);
}

/// RabbitMQ closes a channel on which a message stays unacknowledged for longer than consumer_timeout (30 minutes as a rule).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_outlive_channels_that_are_closed_under_their_running_jobs() {
    let own = OwnServers::start();
    set(&own, "channel_tick_interval", 200);
    set(&own, "consumer_timeout", 500);
    let fleet = Fleet::at(Servers { amqp: own.amqp.clone(), redis: own.redis.clone() }, &[]).await;
    let (mut workers, mut lanes) = (Vec::new(), Vec::new());
    for _ in 0..WORKERS {
        let worker = Worker::ready(&fleet, &[]).await;
        lanes.extend(worker.freeze().await);
        workers.push(worker);
    }
    let batch = fleet.submit(&fleet.silences(BatchId::new(), JOBS)).await;
    for worker in &workers {
        until("closed channels", async || {
            let ended = worker.metrics().await.sum("analysis_consumer_restarts_total", &[("cause", "ended")]);
            (ended >= CLOSED).then_some(())
        })
        .await;
        assert_eq!(worker.get("/livez").await.0, 200);
    }
    // From the next channels on.
    set(&own, "consumer_timeout", 600_000);
    lanes.iter().for_each(|lane| lane.thaw());
    fleet.ends(batch, JOBS as u64).await;
    for worker in workers {
        worker.holds(0, 0).await;
        worker.answers("/readyz", 200).await;
        assert_eq!(worker.log.count("connection to rabbitmq lost"), 0, "only channels were closed");
        worker.stop().await;
    }
    fleet.queues_hold(0).await;
}
