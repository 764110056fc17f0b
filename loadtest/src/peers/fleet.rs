//! Our side of the jobs that do nothing: a publisher as the producer has it, and a worker that rehearses.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use rustix::process::Signal;
use shared::broker::{Broker, Fate, Publisher, Route};
use shared::job::{BatchId, JobId, Levels};
use shared::outcome::Outcome;
use shared::store::Store;
use shared::topology::Topology;
use tokio::process::Command;

use crate::bench::{LEVELS, Meter, Round, finished, job};
use crate::rig::{Environment, RigError, Servers, Worker, environment};

/// PUBLISH_WINDOW as it comes.
const WINDOW: usize = 256;

/// The setting by which a worker answers without analysing.
const REHEARSAL: &str = "ANALYSIS_REHEARSAL";

/// Longer than any run.
const TTL: Duration = Duration::from_secs(3600);

/// More than a round publishes.
const QUEUE_MAX_SIZE: u64 = 4_000_000;

/// An idle worker ends in a moment.
const END_WITHIN: Duration = Duration::from_secs(60);

/// Whether this worker can be told to analyse nothing.
pub(super) async fn rehearses(worker: &Path) -> Result<bool, RigError> {
    let output = finished(Command::new(worker).env_clear().args(["config", "--json"]), &[0]).await?;
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap_or_default();
    Ok(rows.iter().any(|row| row["name"] == REHEARSAL))
}

/// A fleet of one worker, with queues and keys of its own.
#[derive(Debug)]
pub(super) struct Fleet {
    worker: PathBuf,
    folder: PathBuf,
    settings: Environment,
    topology: Topology,
    store: Store,
    batch: BatchId,
    amqp: String,
}

impl Fleet {
    pub(super) async fn new(
        worker: &Path,
        servers: &Servers,
        folder: &Path,
        lanes: u32,
        batch_size: u16,
    ) -> Result<Self, RigError> {
        let topology = Topology {
            prefix: format!("peers-{}", JobId::new()),
            levels: Levels::new(LEVELS)?,
            max_size: QUEUE_MAX_SIZE,
            retry_delays: vec![Duration::from_secs(1)],
        };
        let settings = environment([
            ("AMQP_URL", servers.amqp.clone()),
            ("REDIS_URL", servers.redis.clone()),
            ("QUEUE_PREFIX", topology.prefix.clone()),
            ("QUEUE_MAX_SIZE", QUEUE_MAX_SIZE.to_string()),
            ("RETRY_DELAYS", "1s".to_owned()),
            ("RESULT_TTL", format!("{}s", TTL.as_secs())),
            ("MEDIA_ROOTS", format!("music={}", folder.display())),
            ("HTTP_ADDR", "127.0.0.1:0".to_owned()),
            ("LOG_FORMAT", "json".to_owned()),
            ("ANALYSIS_MAX_WORKERS", lanes.to_string()),
            ("ANALYSIS_BATCH_SIZE", batch_size.to_string()),
            (REHEARSAL, "0s".to_owned()),
        ]);
        let store = Store::open(&servers.redis, &topology.prefix, TTL)?;
        let (worker, folder) = (worker.to_owned(), folder.to_owned());
        let (batch, amqp) = (BatchId::new(), servers.amqp.clone());
        Ok(Self { worker, folder, settings, topology, store, batch, amqp })
    }

    /// Publishes jobs of all levels with the broker's word on each, and counts them in their batch, as the producer does.
    pub(super) async fn publish(&self, jobs: u32) -> Result<Round, RigError> {
        let broker = Broker::connect(&self.amqp, "loadtest publishes").await?;
        let publisher = Publisher::open(&broker, self.topology.clone()).await?;
        self.store.create_batch(self.batch, "peers", 0).await?;
        let meter = Meter::start();
        let sent = stream::iter(0..jobs).map(|number| {
            let (publisher, job) = (&publisher, job(self.batch, number.into()));
            async move { publisher.publish(&job, Route::Level(job.priority)).await }
        });
        let mut answers = std::pin::pin!(sent.buffer_unordered(WINDOW).chunks(WINDOW));
        let mut accepted = 0;
        while let Some(answers) = answers.next().await {
            let fates: Vec<Fate> = answers.into_iter().collect::<Result<_, _>>()?;
            let some = fates.iter().filter(|fate| **fate == Fate::Accepted).count() as u64;
            self.store.count_accepted(self.batch, some).await?;
            accepted += some;
        }
        self.store.seal_batch(self.batch, accepted).await?;
        let round = meter.stop(accepted);
        broker.close().await;
        Ok(round)
    }

    /// Starts the worker. Its log is kept in the folder of the run.
    pub(super) async fn start(&self) -> Result<Worker, RigError> {
        Worker::start(&self.worker, &self.settings, &self.folder.join("worker.log")).await
    }

    /// Jobs that have a stored end.
    pub(super) async fn ended(&self) -> Result<u64, RigError> {
        Ok(self.store.batch(self.batch).await?.map_or(0, |state| state.done()))
    }

    /// Stops the worker, and says what is wrong with what it did.
    pub(super) async fn close(&self, mut worker: Worker) -> Result<(), RigError> {
        let ended = worker.end(Signal::TERM, END_WITHIN).await;
        if !ended.is_some_and(|status| status.success()) {
            return Err(RigError::NotReady(format!(
                "a worker did not end in order; its log ends so:\n{}",
                worker.tail()
            )));
        }
        let state = self.store.batch(self.batch).await?;
        let fine = state.as_ref().and_then(|state| state.outcomes.get(&Outcome::Ok)).copied().unwrap_or(0);
        if state.is_none_or(|state| state.done() != fine || !state.is_complete()) {
            return Err(RigError::NotReady(format!("a rehearsal ended only {fine} jobs as ok")));
        }
        Ok(())
    }
}
