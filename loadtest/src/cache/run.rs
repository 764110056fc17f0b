//! The runs one after another, and what they show.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde::Deserialize;
use shared::job::BatchId;
use shared::store::Store;
use tokio::process::Command;
use tokio::time::sleep;

use super::arguments::Cache;
use super::files::Sounds;
use super::listed::{self, Listed};
use super::usage::{processor_time, resident};
use crate::rig::{Environment, Programs, Repository, RigError, Servers, Worker, environment, hold, io};

/// Name of the media root.
pub(super) const ROOT: &str = "music";

/// What the second run is to gain.
const TIMES_FASTER: f64 = 50.0;

/// Between two looks at a batch: short against the seconds of the shortest run.
const GLANCE: Duration = Duration::from_millis(20);

/// The worker is idle then; on a busy machine it takes a moment.
const END_WITHIN: Duration = Duration::from_secs(60);

/// Results outlive the longest run.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// What a producer prints.
#[derive(Debug, Deserialize)]
pub(super) struct Numbers {
    batch_id: Option<BatchId>,
    pub(super) accepted: u64,
    unchanged: u64,
}

/// The servers and the programs of the run.
#[derive(Debug)]
pub(super) struct Rig {
    // Dropped before the folder that their files are in.
    pub(super) servers: Servers,
    pub(super) media: PathBuf,
    programs: Programs,
    settings: Environment,
    folder: tempfile::TempDir,
}

/// One run over all files.
#[derive(Debug)]
struct Pass {
    name: &'static str,
    files: u64,
    wall: Duration,
    processor: Duration,
    /// Files whose audio was decoded.
    decoded: f64,
    unchanged: u64,
}

/// Holds the runs; the text to print, and whether what was promised holds.
pub(crate) fn run(arguments: &Cache) -> Result<(String, bool), RigError> {
    hold(measure(arguments))
}

async fn measure(arguments: &Cache) -> Result<(String, bool), RigError> {
    let repository = Repository::find()?;
    let sounds = Sounds::read(&repository.samples.join("reggae.aac"))?;
    let rig = Rig::up(arguments, &repository).await?;
    let mut worker =
        Worker::start(&rig.programs.worker, &rig.settings, &rig.folder.path().join("worker.log")).await?;
    worker.ready().await?;
    sounds.write(&rig.media, arguments.files)?;
    let empty = resident(&worker.process);
    let mut passes = vec![rig.pass(&worker, "first", &[]).await?];
    let cache = worker.value("analysis_memory_usage_bytes{kind=\"cache\"}").await.unwrap_or(0.0);
    let grown = resident(&worker.process).saturating_sub(empty) as f64;
    passes.push(rig.pass(&worker, "again", &[]).await?);
    sounds.retag(&rig.media, arguments.files)?;
    passes.push(rig.pass(&worker, "renamed, moved, retagged", &[]).await?);
    passes.push(rig.pass(&worker, "--changed", &["--changed"]).await?);
    let listed = match arguments.listed {
        0 => None,
        count => Some(listed::measure(&rig, count).await?),
    };
    worker.end(Signal::TERM, END_WITHIN).await;
    let (mut text, fine) = report(&passes, listed.as_ref());
    let mib = f64::from(1 << 20);
    let _infallible = writeln!(
        text,
        "the reports take {:.1} MiB of CACHE_SIZE_MB by the worker's count; the first run made its process grow by {:.1} MiB",
        cache / mib,
        grown / mib
    );
    Ok((text, fine))
}

impl Rig {
    async fn up(arguments: &Cache, repository: &Repository) -> Result<Self, RigError> {
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
    async fn pass(&self, worker: &Worker, name: &'static str, more: &[&str]) -> Result<Pass, RigError> {
        let (before, processor) = (decoded(worker).await?, processor_time(&worker.process));
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
            processor: processor_time(&worker.process).saturating_sub(processor),
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

fn report(passes: &[Pass], listed: Option<&Listed>) -> (String, bool) {
    let mut text = format!(
        "{:<26}{:>9}{:>9}{:>10}{:>10}{:>9}{:>12}\n",
        "run", "files", "decoded", "unchanged", "seconds", "files/s", "CPU ms/file"
    );
    for pass in passes {
        let (files, seconds) = ((pass.files + pass.unchanged) as f64, pass.wall.as_secs_f64());
        let processor = pass.processor.as_secs_f64() * 1000.0 / files.max(1.0);
        let _infallible = writeln!(
            text,
            "{:<26}{:>9}{:>9}{:>10}{seconds:>10.2}{:>9.0}{processor:>12.3}",
            pass.name,
            pass.files,
            pass.decoded,
            pass.unchanged,
            files / seconds
        );
    }
    let mut fine = true;
    let mut demand = |text: &mut String, met: bool, what: &str| {
        fine &= met;
        let _infallible = writeln!(text, "{} {what}", if met { "ok  " } else { "FAIL" });
    };
    let (first, rest) = (&passes[0], &passes[1..]);
    for pass in rest {
        let times = first.wall.as_secs_f64() / pass.wall.as_secs_f64();
        demand(
            &mut text,
            times >= TIMES_FASTER,
            &format!("{}: {times:.0} × faster than the first, wanted {TIMES_FASTER}", pass.name),
        );
        demand(&mut text, pass.decoded == 0.0, &format!("{}: {} files decoded", pass.name, pass.decoded));
    }
    if let Some(listed) = listed {
        let seconds = listed.wall.as_secs_f64();
        let _infallible = writeln!(
            text,
            "{} unchanged files listed in {seconds:.2} s ({:.0}/s); Redis remembers each in {:.1} bytes",
            listed.files,
            f64::from(listed.files) / seconds,
            listed.bytes as f64 / f64::from(listed.files)
        );
        demand(&mut text, listed.changed == 0, &format!("{} of them enqueued", listed.changed));
    }
    (text, fine)
}
