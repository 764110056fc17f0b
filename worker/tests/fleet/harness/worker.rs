//! The program under test as a process.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::Fleet;
use super::exposition::Exposition;
use super::log::Log;
use super::proc::{children_of, stat};
use super::process::Process;
use super::wait::{PATIENCE, until};

/// `worker run`. Killed when dropped; its log is printed if the test has failed.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    pid: Pid,
    process: Process,
    lanes: usize,
    pub log: Log,
    pub address: SocketAddr,
}

/// What a program left that ended by itself.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stderr: String,
}

impl Worker {
    /// Starts it, and waits until it listens.
    pub async fn start(fleet: &Fleet, settings: &[(&str, &str)]) -> Self {
        Self::start_under(fleet, &[], None, settings).await
    }

    /// The same, started by another program that waits for it, or as another user.
    async fn start_under(
        fleet: &Fleet,
        starter: &[&str],
        user: Option<u32>,
        settings: &[(&str, &str)],
    ) -> Self {
        let environment = fleet.environment(settings);
        let lanes = environment["ANALYSIS_MAX_WORKERS"].parse().unwrap();
        let mut command = match starter.split_first() {
            None => command(&["run"], &environment),
            Some((program, args)) => {
                let own = [env!("CARGO_BIN_EXE_worker"), "run"];
                command_of(program, &[args, &own].concat(), &environment)
            }
        };
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut log = Log::of(child.stderr.take().unwrap());
        let line = log.says("serving").await;
        let address = line["address"].as_str().unwrap().parse().unwrap();
        let mut pid = Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
        if !starter.is_empty() {
            pid = children_of(pid)[0];
        }
        Self { child, pid, process: Process::of(pid).unwrap(), lanes, log, address }
    }

    /// As [`Worker::ready`], started by another program that waits for it.
    pub async fn ready_under(fleet: &Fleet, starter: &[&str], settings: &[(&str, &str)]) -> Self {
        let worker = Self::start_under(fleet, starter, None, settings).await;
        worker.answers("/readyz", 200).await;
        worker
    }

    /// As [`Worker::ready`], as another user. Root alone may do that.
    pub async fn ready_as(fleet: &Fleet, user: u32, settings: &[(&str, &str)]) -> Self {
        let worker = Self::start_under(fleet, &[], Some(user), settings).await;
        worker.answers("/readyz", 200).await;
        worker
    }

    /// Its number, as this process sees it.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw_pid()
    }

    /// Its dead children that nobody has waited for.
    pub fn zombies(&self) -> usize {
        let dead = |pid: &Pid| stat(*pid).is_some_and(|(state, _)| state == 'Z');
        children_of(self.pid).iter().filter(|pid| dead(pid)).count()
    }

    /// Starts it, and waits until it takes work.
    pub async fn ready(fleet: &Fleet, settings: &[(&str, &str)]) -> Self {
        let worker = Self::start(fleet, settings).await;
        worker.answers("/readyz", 200).await;
        worker
    }

    /// Waits until a probe answers with this status; returns what it says.
    pub async fn answers(&self, path: &str, status: u16) -> String {
        until(&format!("{path} answers {status}"), async || {
            let (code, text) = self.get(path).await;
            (code == status).then_some(text)
        })
        .await
    }

    pub async fn get(&self, path: &str) -> (u16, String) {
        let answer = timeout(PATIENCE, get(self.address, path)).await.expect("an answer in time").unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
        (status, body.unwrap_or_default())
    }

    pub async fn metrics(&self) -> Exposition {
        Exposition::parse(self.get("/metrics").await.1)
    }

    /// Waits until so many of its jobs wait and run.
    pub async fn holds(&self, waiting: u32, running: u32) {
        until(&format!("{waiting} jobs wait and {running} run"), async || {
            let metrics = self.metrics().await;
            let jobs = |state| metrics.sum("analysis_jobs", &[("state", state)]);
            (jobs("waiting") == f64::from(waiting) && jobs("running") == f64::from(running)).then_some(())
        })
        .await;
    }

    /// Its lanes, all of them.
    pub async fn lanes(&self) -> Vec<Process> {
        until("all lanes run", async || {
            let children = Process::children_of(self.pid);
            (children.len() == self.lanes).then_some(children)
        })
        .await
    }

    /// Stops its lanes: whatever starts now runs until they are thawed.
    pub async fn freeze(&self) -> Vec<Process> {
        let lanes = self.lanes().await;
        for lane in &lanes {
            lane.freeze().await;
        }
        lanes
    }

    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    pub async fn exit(&mut self) -> ExitStatus {
        timeout(PATIENCE, self.child.wait()).await.expect("it ends in time").unwrap()
    }

    /// SIGTERM, and the proof that nothing is left of it.
    pub async fn stop(mut self) {
        let lanes = Process::children_of(self.pid);
        self.signal(Signal::TERM);
        assert_eq!(self.exit().await.code(), Some(0));
        for lane in lanes {
            lane.end().await;
        }
    }

    /// SIGKILL, and the proof that its lanes go with it.
    pub async fn kill(mut self) {
        let lanes = Process::children_of(self.pid);
        self.signal(Signal::KILL);
        self.exit().await;
        for lane in lanes {
            lane.end().await;
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // By the captured standard output, so that it stands with its test.
            println!("--- log of the worker at {}\n{}", self.address, self.log.dump());
        }
    }
}

/// Runs the program until it ends by itself.
pub async fn run_to_its_end(args: &[&str], environment: &BTreeMap<String, String>) -> Ended {
    let output = command(args, environment).output();
    let output = timeout(PATIENCE, output).await.expect("it ends in time").unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    Ended { code: output.status.code(), stderr }
}

impl Ended {
    /// What it said to the user: the errors of its log, and what is no log.
    pub fn said(&self) -> String {
        let words = |line: &str| match serde_json::from_str::<Value>(line) {
            Ok(event) if event["level"] == "ERROR" => event["message"].as_str().map(str::to_owned),
            Ok(_) => None,
            Err(_) => Some(line.to_owned()),
        };
        self.stderr.lines().filter_map(words).collect::<Vec<_>>().join("\n")
    }
}

fn command(args: &[&str], environment: &BTreeMap<String, String>) -> Command {
    command_of(env!("CARGO_BIN_EXE_worker"), args, environment)
}

fn command_of(program: &str, args: &[&str], environment: &BTreeMap<String, String>) -> Command {
    let mut command = Command::new(program);
    command.args(args).env_clear().envs(environment).stdin(Stdio::null()).kill_on_drop(true);
    command
}

async fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: worker\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
