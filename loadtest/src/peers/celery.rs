//! Celery's programs: one that publishes or submits, and a worker with its processes.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use serde::Deserialize;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::python;
use crate::bench::{Round, finished};
use crate::rig::{Process, RigError, Servers, io};

/// A warm shutdown waits for the tasks that run, which are short here.
const END_WITHIN: Duration = Duration::from_secs(60);

/// Its queue. Classic and durable, as Celery declares it.
pub(super) const QUEUE: &str = "peers-celery";

/// The database of Redis that its results are in: nothing else is, so they can be counted and deleted.
const RESULTS: &str = "1";

/// What our scripts print.
#[derive(Debug, Deserialize)]
struct Said {
    operations: u64,
    seconds: f64,
    cpu_seconds: f64,
}

/// An environment with Celery in it, and the servers that it uses.
#[derive(Debug, Clone)]
pub(super) struct Celery {
    pub(super) python: PathBuf,
    pub(super) folder: PathBuf,
    pub(super) amqp: String,
    redis: String,
}

impl Celery {
    pub(super) fn new(python: PathBuf, folder: PathBuf, servers: &Servers) -> Self {
        Self { python, folder, amqp: servers.amqp.clone(), redis: servers.redis.clone() }
    }

    /// Where its results are.
    pub(super) fn results(&self) -> String {
        format!("{}/{RESULTS}", self.redis.trim_end_matches('/'))
    }

    /// Publishes so many tasks that do nothing.
    pub(super) async fn publish(&self, tasks: u32, confirmed: bool) -> Result<Round, RigError> {
        let count = tasks.to_string();
        let mut command = self.script(&["publish.py", &count]);
        command.env("PEER_CONFIRM", if confirmed { "1" } else { "0" });
        said(&mut command).await
    }

    /// Has files analysed and waits for the results.
    pub(super) async fn submit(&self, files: &[PathBuf]) -> Result<Round, RigError> {
        let mut command = self.script(&["submit.py"]);
        said(command.args(files).env("RESULTS_URL", self.results())).await
    }

    /// A worker with so many processes.
    pub(super) async fn worker(
        &self,
        processes: u32,
        prefetch: u16,
        log: &Path,
    ) -> Result<CeleryWorker, RigError> {
        let (processes, prefetch) = (processes.to_string(), prefetch.to_string());
        let mut command =
            self.script(&["-m", "celery", "--app", "peer_tasks", "worker", "--pool", "prefork"]);
        command.args([
            "--concurrency",
            &processes,
            "--prefetch-multiplier",
            &prefetch,
            "--loglevel",
            "WARNING",
        ]);
        // What a fleet of one does not need, and what would be measured along.
        command.args(["--without-gossip", "--without-mingle", "--without-heartbeat"]);
        let file = std::fs::File::create(log).map_err(io(log.display().to_string()))?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).kill_on_drop(true);
        let child = command.env("RESULTS_URL", self.results()).spawn().map_err(io("celery worker"))?;
        let gone = || io("celery worker")(std::io::ErrorKind::NotFound.into());
        let process = child.id().and_then(Process::of).ok_or_else(gone)?;
        Ok(CeleryWorker { child, process })
    }

    fn script(&self, arguments: &[&str]) -> Command {
        let mut command = python::script(&self.python, &self.folder, arguments);
        command.env("AMQP_URL", &self.amqp).env("PEER_QUEUE", QUEUE);
        command
    }
}

/// Runs one of our scripts; the last line that it prints.
pub(super) async fn said(command: &mut Command) -> Result<Round, RigError> {
    let output = finished(command, &[0]).await?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said: Said =
        text.trim().lines().next_back().and_then(|line| serde_json::from_str(line).ok()).ok_or_else(
            || {
                RigError::NotReady(format!(
                    "a peer's script printed no measurement but '{}'",
                    crate::bench::tail(&text)
                ))
            },
        )?;
    Ok(Round { operations: said.operations, seconds: said.seconds, cpu_seconds: said.cpu_seconds })
}

/// A worker and its processes; none is left when it is dropped.
#[derive(Debug)]
pub(super) struct CeleryWorker {
    child: Child,
    pub(super) process: Process,
}

impl CeleryWorker {
    /// Whether it has ended by itself.
    pub(super) fn ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it in order, and by force where it does not.
    pub(super) async fn end(mut self) {
        self.process.signal(Signal::TERM);
        // Dropping it kills what is left.
        let _ = timeout(END_WITHIN, self.child.wait()).await;
    }
}

impl Drop for CeleryWorker {
    fn drop(&mut self) {
        // The children first, while they can be told by their parent.
        for process in self.process.children() {
            process.signal(Signal::KILL);
        }
        self.process.signal(Signal::KILL);
    }
}
