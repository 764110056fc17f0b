//! Programs of two versions on the same servers: workers in places that are filled anew, and producers.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::process::Command;
use tokio::time::timeout;

use crate::rig::{Environment, Programs, RigError, Worker, io};

/// The orderly end of a worker: SHUTDOWN_TIMEOUT of these runs is 5 s, and each server may be waited for a few more.
const END_WITHIN: Duration = Duration::from_secs(40);

/// A producer whose servers are there has done whatever it is asked long before this.
const PATIENCE: Duration = Duration::from_secs(120);

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Version {
    Old,
    New,
}

impl Version {
    pub(super) const BOTH: [Self; 2] = [Self::Old, Self::New];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::New => "new",
        }
    }
}

/// What `producer enqueue --json` prints.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Enqueued {
    pub(super) batch_id: String,
    pub(super) accepted: u64,
    pub(super) unconfirmed: u64,
    pub(super) skipped: u64,
    pub(super) failed: u64,
}

/// The programs of both versions, and the settings that they share.
#[derive(Debug)]
pub(super) struct Fleet {
    pub(super) old: Programs,
    pub(super) new: Programs,
    pub(super) environment: Environment,
    pub(super) library: PathBuf,
    pub(super) folder: PathBuf,
}

impl Fleet {
    fn programs(&self, version: Version) -> &Programs {
        match version {
            Version::Old => &self.old,
            Version::New => &self.new,
        }
    }

    /// A worker that takes work. Its name says its version.
    pub(super) async fn worker(&self, version: Version, place: usize) -> Result<Worker, RigError> {
        let name = format!("{}-{place}", version.name());
        let mut environment = self.environment.clone();
        environment.insert("WORKER_NAME".to_owned(), name.clone());
        let log = self.folder.join(format!("{name}.log"));
        let mut worker = Worker::start(&self.programs(version).worker, &environment, &log).await?;
        worker.ready().await?;
        Ok(worker)
    }

    /// SIGTERM and an orderly end, or SIGKILL. What was not as it should be.
    pub(super) async fn end(&self, mut worker: Worker, signal: Signal) -> Option<String> {
        match worker.end(signal, END_WITHIN).await {
            None => Some(format!("a worker had not ended {} s after {signal:?}", END_WITHIN.as_secs())),
            Some(status) if signal == Signal::TERM && !status.success() => {
                Some(format!("a worker ended badly after SIGTERM ({status}): {}", worker.tail()))
            }
            Some(_) => None,
        }
    }

    /// Submits every file.
    pub(super) async fn enqueue(
        &self,
        version: Version,
        label: &str,
        level: &str,
        is_forced: bool,
    ) -> Result<Enqueued, RigError> {
        let library = self.library.display().to_string();
        let mut arguments = vec!["enqueue", "--json", "--label", label, "--priority", level];
        arguments.extend(is_forced.then_some("--force"));
        arguments.push(&library);
        let answer = self.producer(version, &arguments).await?;
        serde_json::from_str(&answer).map_err(|error| {
            let said = format!("the {} producer printed no summary ({error}): {answer}", version.name());
            RigError::NotReady(said)
        })
    }

    /// The records of a batch as a producer of this version prints them.
    pub(super) async fn results(&self, version: Version, batch: &str) -> Result<Vec<Value>, RigError> {
        let answer = self.producer(version, &["results", batch, "--format", "ndjson"]).await?;
        let read = |line: &str| {
            serde_json::from_str(line).map_err(|error| {
                RigError::NotReady(format!(
                    "the {} producer printed no record ({error}): {line}",
                    version.name()
                ))
            })
        };
        answer.lines().map(read).collect()
    }

    /// Publishes the failures of a batch again.
    pub(super) async fn retry(&self, version: Version, batch: &str) -> Result<(), RigError> {
        self.producer(version, &["retry", batch]).await.map(drop)
    }

    async fn producer(&self, version: Version, arguments: &[&str]) -> Result<String, RigError> {
        let program = &self.programs(version).producer;
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(&self.environment).stdin(Stdio::null()).kill_on_drop(true);
        let named = format!("the {} `producer {}`", version.name(), arguments.join(" "));
        let output = timeout(PATIENCE, command.output()).await;
        let late = || RigError::NotReady(format!("{named} had not ended after {} s", PATIENCE.as_secs()));
        let output = output.map_err(|_| late())?.map_err(io(program.display().to_string()))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        match output.status.success() {
            true => Ok(text(&output.stdout)),
            false => Err(RigError::NotReady(format!(
                "{named} ended with {}: {}",
                output.status,
                text(&output.stderr)
            ))),
        }
    }
}
