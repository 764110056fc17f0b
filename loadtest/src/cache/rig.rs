//! The servers, the worker and the producer of the runs, and one run over all files.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde::Deserialize;
use shared::job::BatchId;
use shared::store::Store;
use tokio::process::Command;
use tokio::time::sleep;

use super::arguments::Cache;
use crate::bench::tree_cpu;
use crate::rig::{Environment, Programs, Repository, RigError, Servers, Worker, environment, io};

/// Name of the media root.
pub(super) const ROOT: &str = "music";

/// Between two looks at a batch: short against the seconds of the shortest run.
const GLANCE: Duration = Duration::from_millis(20);

/// Results outlive the longest run.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// What a producer prints.
#[derive(Debug, Deserialize)]
pub(super) struct Numbers {
    batch_id: Option<BatchId>,
    pub(super) accepted: u64,
    unchanged: u64,
}

/// The servers and the programs of the runs.
#[derive(Debug)]
pub(super) struct Rig {
    // Dropped before the folder that their files are in.
    pub(super) servers: Servers,
    pub(super) media: PathBuf,
    pub(super) settings: Environment,
    programs: Programs,
    folder: tempfile::TempDir,
}

/// One run over all files.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) name: &'static str,
    pub(super) files: u64,
    pub(super) wall: Duration,
    /// Of the worker and its lanes, seconds.
    pub(super) processor: f64,
    /// Files whose audio was decoded.
    pub(super) decoded: f64,
    pub(super) unchanged: u64,
}

impl Rig {
    pub(super) async fn up(arguments: &Cache, repository: &Repository) -> Result<Self, RigError> {
        let programs = Programs::find(arguments.worker.as_deref(), arguments.producer.as_deref())?;
        let folder = tempfile::Builder::new().prefix("cache-").tempdir().map_err(io("a temporary folder"))?;
        let (media, state) = (folder.path().join("media"), folder.path().join("servers"));
        std::fs::create_dir_all(&media).map_err(io(media.display().to_string()))?;
        let servers = Servers::up(&repository.services, &state).await?;
        let settings = environment([
            ("AMQP_URL", servers.amqp.clone()),
            ("REDIS_URL", servers.redis.clone()),
            ("MEDIA_ROOTS", format!("{ROOT}={}", media.display())),
            ("HTTP_ADDR", "127.0.0.1:0".to_owned()),
            ("ANALYSIS_MAX_WORKERS", arguments.lanes.to_string()),
            ("RESULT_TTL", format!("{}s", KEPT.as_secs())),
            ("LOG_FORMAT", "json".to_owned()),
        ]);
        Ok(Self { servers, media, programs, settings, folder })
    }

    /// Starts the worker.
    pub(super) async fn worker(&self) -> Result<Worker, RigError> {
        let log = self.folder.path().join("worker.log");
        let mut worker = Worker::start(&self.programs.worker, &self.settings, &log).await?;
        worker.ready().await?;
        Ok(worker)
    }

    pub(super) fn store(&self) -> Result<Store, RigError> {
        Ok(Store::open(&*self.servers.redis, "analysis", KEPT)?)
    }

    /// Runs a producer to its end.
    pub(super) async fn enqueue(&self, path: &Path, more: &[&str]) -> Result<Numbers, RigError> {
        let mut command = Command::new(&self.programs.producer);
        command.args(["enqueue", "--json"]).args(more).arg(path).env_clear().envs(&self.settings);
        command.stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await.map_err(io(self.programs.producer.display().to_string()))?;
        let failed = |_| RigError::NotReady(String::from_utf8_lossy(&output.stderr).into_owned());
        serde_json::from_slice(&output.stdout).map_err(failed)
    }

    /// Enqueues everything and waits for its end.
    pub(super) async fn pass(
        &self,
        worker: &Worker,
        name: &'static str,
        more: &[&str],
    ) -> Result<Pass, RigError> {
        let (before, processor) = (decoded(worker).await?, tree_cpu(&worker.process));
        let begun = Instant::now();
        let numbers = self.enqueue(&self.media, more).await?;
        if let Some(batch) = numbers.batch_id {
            let store = self.store()?;
            while store.batch(batch).await?.is_none_or(|state| state.done() < numbers.accepted) {
                sleep(GLANCE).await;
            }
        }
        let wall = begun.elapsed();
        Ok(Pass {
            name,
            files: numbers.accepted,
            wall,
            processor: tree_cpu(&worker.process) - processor,
            decoded: decoded(worker).await? - before,
            unchanged: numbers.unchanged,
        })
    }
}

/// How many files the worker has decoded: those that no cache knew or that were refreshed.
async fn decoded(worker: &Worker) -> Result<f64, RigError> {
    let totals =
        worker.totals().await.ok_or_else(|| RigError::NotReady("the worker does not answer".to_owned()))?;
    let of = |name: &str| totals.get(name).copied().unwrap_or(0.0);
    Ok(of("analysis_cache_misses_total") + of("analysis_cache_refreshed_total"))
}
