//! Channels that RabbitMQ closes while jobs run on them.

use shared::job::BatchId;

use crate::harness::private::PrivateServers;
use crate::harness::{Fleet, Servers, Worker, until};

const WORKERS: usize = 3;

const JOBS: usize = 12;

/// How often the channel of each worker is closed under it.
const CLOSED: f64 = 6.0;

/// How many channels are closed and how many connections are cut, over all workers, while new jobs come. The variable CUTS
/// sets another number: 1000 takes a quarter of an hour.
fn many() -> f64 {
    std::env::var("CUTS").map_or(20.0, |cuts| cuts.parse().expect("CUTS is a number"))
}

/// Every worker may have started every job that is left.
const SETTLED_WITHIN: std::time::Duration = std::time::Duration::from_secs(300);

fn set(own: &PrivateServers, variable: &str, milliseconds: u64) {
    own.ctl(&["eval", &format!("application:set_env(rabbit, {variable}, {milliseconds}).")]);
}

/// RabbitMQ closes a channel on which a message stays unacknowledged for longer than consumer_timeout (30 minutes as a rule).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_outlive_channels_that_are_closed_under_their_running_jobs() {
    let own = PrivateServers::start();
    set(&own, "channel_tick_interval", 200);
    set(&own, "consumer_timeout", 500);
    let fleet = Fleet::at(
        Servers { amqp: own.url("AMQP_URL").to_owned(), redis: own.url("REDIS_URL").to_owned() },
        &[],
    )
    .await;
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

/// Both at once, with jobs running, ends pending and more being submitted: no worker hangs, and every job ends once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closed_channels_and_cut_connections_under_load_hang_no_worker() {
    let own = PrivateServers::start();
    set(&own, "channel_tick_interval", 200);
    set(&own, "consumer_timeout", 500);
    // Jobs that take longer than a channel lives. Each loses its lease several times, so that most run in several workers.
    let settings = [("ANALYSIS_REHEARSAL", "1s"), ("ANALYSIS_MAX_WORKERS", "2"), ("ANALYSIS_TIMEOUT", "1m")];
    let servers = Servers { amqp: own.url("AMQP_URL").to_owned(), redis: own.url("REDIS_URL").to_owned() };
    let fleet = Fleet::at(servers, &settings).await;
    let mut workers = Vec::new();
    for _ in 0..5 {
        workers.push(Worker::ready(&fleet, &[]).await);
    }
    let mut batches = Vec::new();
    let (mut closed, mut cuts) = (0.0, 0.0);
    while closed < many() || cuts < many() {
        if fleet.queued().await < 5 {
            batches.push(fleet.submit(&fleet.silences(BatchId::new(), 20)).await);
        }
        // Each of the workers has two connections.
        if cuts < many() {
            own.ctl(&["close_all_connections", "--global", "cut by the test"]);
            cuts += 2.0 * workers.len() as f64;
        }
        closed = 0.0;
        for worker in &workers {
            assert_eq!(worker.get("/livez").await.0, 200);
            let metrics = worker.metrics().await;
            closed += metrics.sum("analysis_consumer_restarts_total", &[("cause", "ended")]);
        }
        println!("{closed} channels closed, {cuts} connections cut, {} batches", batches.len());
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    set(&own, "consumer_timeout", 600_000);
    for batch in &batches {
        let ended = async {
            while fleet.done(*batch).await < 20 {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(SETTLED_WITHIN, ended).await.expect("every job ends");
        fleet.ends(*batch, 20).await;
    }
    for worker in workers {
        worker.answers("/readyz", 200).await;
        worker.stop().await;
    }
    // What is left in the queues are further deliveries of jobs that have ended.
}
