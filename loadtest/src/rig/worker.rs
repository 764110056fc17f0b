//! `worker run` as a process: its log in a file, its address, its metrics.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tokio::fs::OpenOptions;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::error::{RigError, io};
use super::{Environment, Process, http};

/// A debug build on a busy machine needs a second or two; a broker that has just been restarted a few more.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// A worker that is stopped by a signal answers nothing.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Between two questions whether it is ready.
const GLANCE: Duration = Duration::from_millis(50);

/// Lines of a log that explain an end.
const TAIL: usize = 8;

/// Of each of them so much, in characters.
const WIDE: usize = 200;

/// Counters of one worker process, by series without labels.
pub(crate) type Totals = BTreeMap<String, f64>;

/// One worker process. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Worker {
    child: Child,
    pub(crate) process: Process,
    log: PathBuf,
    address: watch::Receiver<Option<SocketAddr>>,
    log_is_read: watch::Sender<bool>,
}

impl Worker {
    /// Starts it; its log is appended to `log`.
    pub(crate) async fn start(
        program: &Path,
        environment: &Environment,
        log: &Path,
    ) -> Result<Self, RigError> {
        let starting = || format!("{} run", program.display());
        let mut command = Command::new(program);
        command.arg("run").env_clear().envs(environment).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(io(starting()))?;
        let gone = || std::io::Error::from(std::io::ErrorKind::NotFound);
        let process = child.id().and_then(Process::of).ok_or_else(|| io(starting())(gone()))?;
        let (found, address) = watch::channel(None);
        let log_is_read = watch::Sender::new(true);
        if let Some(stderr) = child.stderr.take() {
            let file = OpenOptions::new().create(true).append(true).open(log).await;
            let file = file.map_err(io(log.display().to_string()))?;
            tokio::spawn(keep(stderr, file, found, log_is_read.subscribe()));
        }
        Ok(Self { child, process, log: log.to_owned(), address, log_is_read })
    }

    /// Waits until it takes work.
    pub(crate) async fn ready(&mut self) -> Result<(), RigError> {
        let deadline = Instant::now() + READY_WITHIN;
        while self.get("/readyz").await.is_none_or(|(status, _)| status != 200) {
            let ended = self.ended();
            if ended.is_some() || Instant::now() >= deadline {
                let state =
                    ended.map_or_else(|| "is not ready".to_owned(), |status| format!("ended: {status}"));
                return Err(RigError::NotReady(format!(
                    "a worker {state}; its log ends so:\n{}",
                    self.tail()
                )));
            }
            sleep(GLANCE).await;
        }
        Ok(())
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// A signal, and the end that follows within this time; `None` when it does not.
    pub(crate) async fn end(&mut self, signal: Signal, within: Duration) -> Option<ExitStatus> {
        self.process.signal(signal);
        timeout(within, self.child.wait()).await.ok()?.ok()
    }

    /// Stops reading its log, or goes on with it.
    pub(crate) fn read_log(&self, is_read: bool) {
        self.log_is_read.send_replace(is_read);
    }

    /// Where it serves HTTP, once it does.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        *self.address.borrow()
    }

    /// Whether it says within this time that it is alive.
    pub(crate) async fn lives(&self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        loop {
            if self.get("/livez").await.is_some_and(|(status, _)| status == 200) {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            sleep(GLANCE).await;
        }
    }

    /// The sums of its series.
    pub(crate) async fn totals(&self) -> Option<Totals> {
        let (status, text) = self.get("/metrics").await?;
        let mut totals = Totals::new();
        for line in text.lines().filter(|line| status == 200 && !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let name = series.split('{').next().unwrap_or(series);
            *totals.entry(name.to_owned()).or_default() += value.parse().unwrap_or(0.0);
        }
        Some(totals)
    }

    /// The value of one series, its labels written as the worker writes them.
    pub(crate) async fn value(&self, series: &str) -> Option<f64> {
        let (_, text) = self.get("/metrics").await?;
        text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
    }

    /// The last lines of its log.
    pub(crate) fn tail(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<String> = text.lines().map(|line| line.chars().take(WIDE).collect()).collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }

    async fn get(&self, path: &str) -> Option<(u16, String)> {
        let address = self.address()?;
        timeout(ANSWER_WITHIN, http::get(address, path, "")).await.ok()?.ok()?
    }
}

/// Writes the log into its file, and looks for the address in it.
async fn keep(
    stderr: ChildStderr,
    mut file: tokio::fs::File,
    address: watch::Sender<Option<SocketAddr>>,
    mut is_read: watch::Receiver<bool>,
) {
    let mut lines = BufReader::new(stderr).lines();
    loop {
        // The sender goes with the worker; what is left in its pipe is read then.
        let _ = is_read.wait_for(|is_read| *is_read).await;
        let Ok(Some(line)) = lines.next_line().await else { break };
        if address.borrow().is_none() && line.contains("\"address\"") {
            let value: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            address.send_replace(value["address"].as_str().and_then(|text| text.parse().ok()));
        }
        // A log that cannot be kept is no reason to stop reading: the worker would block on its pipe.
        let _ = file.write_all(format!("{line}\n").as_bytes()).await;
    }
    let _ = file.flush().await;
}
