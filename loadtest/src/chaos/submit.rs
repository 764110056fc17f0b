//! The producers: real ones, one batch after another, and what each was told.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::process::Signal;
use serde::Deserialize;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::faults::now_ms;
use super::media::Media;
use super::progress::Progress;
use crate::corpus::Random;
use crate::rig::{Environment, Process, RigError, io};

/// Jobs wait for the fleet, never more than this many batches of them: a fault must find work, and the end of a run must
/// not take longer than the run.
const BATCHES_AHEAD: u64 = 2;

/// A producer whose servers are back has confirmed or given up long before this.
const PATIENCE: Duration = Duration::from_secs(180);

/// Between two looks at the backlog, and before the next try after servers that were away.
const PAUSE: Duration = Duration::from_millis(200);

/// How much of what a producer said is kept.
const SAID: usize = 600;

/// What `producer enqueue --json` prints.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Numbers {
    pub(crate) accepted: u64,
    pub(crate) unconfirmed: u64,
    pub(crate) skipped: u64,
    pub(crate) failed: u64,
}

/// One run of a producer.
#[derive(Debug, Clone)]
pub(crate) struct Submission {
    /// By which its batch is found, also when it died before it could name it.
    pub(crate) label: String,
    /// The files it was given, as records name them.
    pub(crate) files: Vec<String>,
    /// When it was started, milliseconds since the Unix epoch, and when it had ended.
    pub(crate) began_ms: i64,
    pub(crate) ended_ms: i64,
    /// Whether it was killed by us.
    pub(crate) killed: bool,
    /// Its exit code.
    pub(crate) code: Option<i32>,
    /// Its summary, where it came to one.
    pub(crate) numbers: Option<Numbers>,
    /// The end of what it said.
    pub(crate) said: String,
}

/// Runs producers one after another.
#[derive(Debug)]
pub(crate) struct Producers {
    pub(crate) program: PathBuf,
    pub(crate) environment: Environment,
    pub(crate) folder: PathBuf,
    pub(crate) seed: u64,
    running: Mutex<Option<Process>>,
    killed: Mutex<bool>,
    submissions: Mutex<Vec<Submission>>,
}

impl Producers {
    pub(crate) fn new(program: PathBuf, environment: Environment, folder: PathBuf, seed: u64) -> Self {
        let (running, killed, submissions) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { program, environment, folder, seed, running, killed, submissions }
    }

    /// Submits every file again and again until told to stop.
    pub(crate) async fn run(
        &self,
        media: &Media,
        progress: &Progress,
        stop: &watch::Receiver<bool>,
    ) -> Result<(), RigError> {
        let mut random = Random::new(self.seed, "producers");
        let paths: Vec<&String> = media.files.keys().collect();
        let names: Vec<u8> = paths
            .iter()
            .flat_map(|path| format!("{}\n", media.library.join(path).display()).into_bytes())
            .collect();
        let list = self.folder.join("files.txt");
        tokio::fs::write(&list, names).await.map_err(io(list.display().to_string()))?;
        let files: Vec<String> = paths.iter().map(|path| Media::shown(path)).collect();
        while !*stop.borrow() {
            if self.accepted().saturating_sub(progress.ended()) > BATCHES_AHEAD * files.len() as u64 {
                sleep(PAUSE).await;
                continue;
            }
            let label = format!("chaos-{}", self.submissions().len());
            let level = random.pick(&["high", "normal", "low"]);
            // Most are analysed afresh; the others are answered from the cache.
            let forced = random.chance(0.75).then_some("--force");
            let mut arguments = vec!["enqueue", "--json", "--label", &label, "--priority", level];
            arguments.extend(forced);
            let submission = self.submit(&arguments, &label, &files, &list).await?;
            let refused = submission.numbers.is_none();
            self.submissions.lock().unwrap_or_else(PoisonError::into_inner).push(submission);
            if refused {
                sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    async fn submit(
        &self,
        arguments: &[&str],
        label: &str,
        files: &[String],
        list: &std::path::Path,
    ) -> Result<Submission, RigError> {
        let mut command = Command::new(&self.program);
        command.args(arguments).arg("--files-from").arg(list).env_clear().envs(&self.environment);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let began_ms = now_ms();
        let child = command.spawn().map_err(io(self.program.display().to_string()))?;
        self.hold(child.id().and_then(Process::of));
        let output = timeout(PATIENCE, child.wait_with_output()).await;
        self.hold(None);
        let killed = std::mem::take(&mut *self.killed.lock().unwrap_or_else(PoisonError::into_inner));
        let (code, numbers, said) = match output {
            Ok(output) => {
                let output = output.map_err(io(self.program.display().to_string()))?;
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                (output.status.code(), serde_json::from_slice(&output.stdout).ok(), said)
            }
            // Dropping it has killed it.
            Err(_) => (None, None, format!("no end within {} s", PATIENCE.as_secs())),
        };
        let start = said.char_indices().rev().nth(SAID).map_or(0, |(place, _)| place);
        let (label, files, said) = (label.to_owned(), files.to_vec(), said[start..].to_owned());
        Ok(Submission { label, files, began_ms, ended_ms: now_ms(), killed, code, numbers, said })
    }

    /// Kills the producer that runs now; whether there was one.
    pub(crate) fn kill(&self) -> bool {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        // Noted first: it may be dead before we are here again.
        let mut killed = self.killed.lock().unwrap_or_else(PoisonError::into_inner);
        *killed = running.as_ref().is_some_and(|process| process.signal(Signal::KILL));
        *killed
    }

    fn hold(&self, process: Option<Process>) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = process;
    }

    fn accepted(&self) -> u64 {
        self.submissions()
            .iter()
            .filter_map(|submission| submission.numbers.as_ref())
            .map(|numbers| numbers.accepted)
            .sum()
    }

    pub(crate) fn submissions(&self) -> Vec<Submission> {
        self.submissions.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
