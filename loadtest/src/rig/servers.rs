//! A RabbitMQ and a Redis of our own, by `deploy/services.sh`. Redis writes every command to disk before it answers, so
//! killing it loses nothing that it has promised.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use tokio::process::Command;
use tokio::time::timeout;

use super::error::{RigError, io};

/// How much of a failed script's words is shown, in characters.
const SAID: usize = 800;

/// The script's slowest verb is the start of RabbitMQ, for which it allows two minutes, five times over where ports are taken.
const ANSWER_WITHIN: Duration = Duration::from_secs(660);

/// What of the script's servers is wanted.
#[derive(Debug, Clone, Default)]
struct Kind {
    durable: bool,
    with_api: bool,
    /// The folder of the RabbitMQ cluster's first node.
    cluster: Option<PathBuf>,
    /// A Redis that is there already, so that none is started.
    redis: Option<String>,
}

/// Both servers; stopped, and their data deleted, when dropped.
#[derive(Debug)]
pub(crate) struct Servers {
    script: PathBuf,
    state: PathBuf,
    kind: Kind,
    pub(crate) amqp: String,
    pub(crate) redis: String,
    /// RabbitMQ's HTTP API, where it was asked for.
    pub(crate) api: Option<String>,
}

impl Servers {
    /// Starts them, with their files below `state`.
    pub(crate) async fn up(script: &Path, state: &Path) -> Result<Self, RigError> {
        Self::start(script, state, Kind { durable: true, ..Kind::default() }).await
    }

    /// The same with a Redis that writes nothing to disk, as `deploy/services.sh up` starts it: how fast the disk of this
    /// machine is, is not to be measured.
    pub(crate) async fn in_memory(script: &Path, state: &Path) -> Result<Self, RigError> {
        Self::start(script, state, Kind::default()).await
    }

    /// As [`Servers::in_memory`], with RabbitMQ's HTTP API.
    pub(crate) async fn with_api(script: &Path, state: &Path) -> Result<Self, RigError> {
        Self::start(script, state, Kind { with_api: true, ..Kind::default() }).await
    }

    /// As [`Servers::up`], with the first node of a RabbitMQ cluster.
    pub(super) async fn founding(script: &Path, state: &Path) -> Result<Self, RigError> {
        let cluster = Some(state.to_owned());
        Self::start(script, state, Kind { durable: true, cluster, ..Kind::default() }).await
    }

    /// Another node of the cluster whose first one has its files in `founder`, and no Redis of its own.
    pub(super) async fn joining(
        script: &Path,
        state: &Path,
        founder: &Path,
        redis: &str,
    ) -> Result<Self, RigError> {
        let (cluster, redis) = (Some(founder.to_owned()), Some(redis.to_owned()));
        Self::start(script, state, Kind { cluster, redis, ..Kind::default() }).await
    }

    /// The name of the RabbitMQ node among its cluster.
    pub(super) fn node_name(&self) -> Result<String, RigError> {
        let path = self.state.join("rabbitmq").join("node");
        let name = std::fs::read_to_string(&path).map_err(io(path.display().to_string()))?;
        Ok(name.trim().to_owned())
    }

    /// What RabbitMQ calls itself, and what it runs on; `None` where it runs in a container.
    pub(crate) fn rabbitmq_version(&self) -> Option<String> {
        let log = self.rabbitmq_log()?;
        let line = log.lines().find(|line| line.contains("Starting RabbitMQ "))?;
        Some(line.split_once("Starting ")?.1.trim().trim_end_matches(" [jit]").to_owned())
    }

    async fn start(script: &Path, state: &Path, kind: Kind) -> Result<Self, RigError> {
        let (script, state) = (script.to_owned(), state.to_owned());
        // Made first: what a failed start leaves is stopped as well.
        let (amqp, redis) = (String::new(), String::new());
        let mut servers = Self { script, state, kind, amqp, redis, api: None };
        servers.ask(&["up"]).await?;
        let line = servers.ask(&["env"]).await?;
        let value = |name: &str| {
            let rest = line.split_once(&format!("{name}='")).map(|(_, rest)| rest);
            rest.and_then(|rest| rest.split_once('\'')).map(|(value, _)| value.to_owned())
        };
        let missing = || RigError::Services {
            verb: "env".into(),
            ended: "printed something else than the addresses".into(),
            seconds: 0.0,
            said: line.clone(),
        };
        let amqp = value("AMQP_URL").ok_or_else(missing)?;
        let redis = value("REDIS_URL").ok_or_else(missing)?;
        (servers.amqp, servers.redis) = (amqp, redis);
        servers.api = value("RABBITMQ_API_URL");
        Ok(servers)
    }

    /// One verb of the script; what it printed.
    pub(crate) async fn ask(&self, verb: &[&str]) -> Result<String, RigError> {
        let named = verb.join(" ");
        let mut command = Command::new(&self.script);
        command.args(verb).stdin(Stdio::null());
        self.surround(command.as_std_mut());
        command.kill_on_drop(true);
        let begun = Instant::now();
        let failed = |ended: String, said: String| {
            let (verb, seconds) = (named.clone(), begun.elapsed().as_secs_f64());
            RigError::Services { verb, ended, seconds, said }
        };
        let Ok(output) = timeout(ANSWER_WITHIN, command.output()).await else {
            return Err(failed("was given up".to_owned(), "what it wrote is lost".to_owned()));
        };
        let output = output.map_err(io(format!("{} {named}", self.script.display())))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(failed(format!("ended with {}", output.status), said(&output)))
    }

    /// The process of `rabbitmq` or `redis`; `None` where it runs in a container.
    pub(crate) fn pid(&self, server: &str) -> Option<u32> {
        let record = std::fs::read_to_string(self.state.join(server).join("record")).ok()?;
        record.lines().next()?.parse().ok()
    }

    /// What RabbitMQ has logged so far; `None` where it runs in a container.
    pub(crate) fn rabbitmq_log(&self) -> Option<String> {
        let log = std::fs::read(self.state.join("rabbitmq").join("broker.log")).ok()?;
        Some(String::from_utf8_lossy(&log).into_owned())
    }

    fn surround(&self, command: &mut std::process::Command) {
        let Kind { durable, with_api, cluster, redis } = &self.kind;
        let flag = |is_set: &bool| if *is_set { "1" } else { "0" };
        command
            .env("SERVICES_STATE", &self.state)
            .env("SERVICES_DURABLE", flag(durable))
            .env("SERVICES_API", flag(with_api))
            .env("SERVICES_PRIVATE", flag(&redis.is_none()))
            .env("SERVICES_CLUSTER", cluster.as_deref().unwrap_or(Path::new("")));
        if let Some(redis) = redis {
            command.env_remove("AMQP_URL").env("REDIS_URL", redis);
        }
    }
}

/// The end of what a program wrote, both on standard error and on standard output.
fn said(output: &Output) -> String {
    let part = |name: &str, bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim();
        let start = text.char_indices().rev().nth(SAID).map_or(0, |(place, _)| place);
        (!text.is_empty()).then(|| format!("{name}: {}", &text[start..]))
    };
    let parts = [part("standard error", &output.stderr), part("standard output", &output.stdout)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "it wrote nothing".to_owned() } else { parts.join("; ") }
}

impl Drop for Servers {
    fn drop(&mut self) {
        debug_assert!(self.redis.is_empty() || self.state.is_dir(), "the servers' folder went before them");
        let mut down = std::process::Command::new(&self.script);
        down.arg("down").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.surround(&mut down);
        // Nobody is left to tell; the script says on its next run what it finds.
        let _ = down.status();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// What a script is said to have done that fails.
    async fn error_of(script: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("services.sh");
        std::fs::write(&path, format!("#!/bin/sh\n[ \"$1\" != down ] || exit 0\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        let servers = Servers {
            script: path,
            state: folder.path().to_owned(),
            kind: Kind::default(),
            amqp: String::new(),
            redis: String::new(),
            api: None,
        };
        servers.ask(&["ctl", "list_queues"]).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn a_command_that_was_killed_is_named_with_its_time_and_its_output() {
        let error = error_of("echo half an answer; kill -KILL $$").await;
        assert!(error.starts_with("deploy/services.sh ctl list_queues ended with signal: 9"), "{error}");
        assert!(error.contains(" s; standard output: half an answer"), "{error}");
    }

    #[tokio::test]
    async fn a_command_that_fails_without_a_word_has_a_reason_too() {
        let error = error_of("exit 137").await;
        assert!(
            error.contains("ended with exit status: 137 after 0.") && error.ends_with("it wrote nothing"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn both_outputs_are_shown() {
        let error = error_of("echo one; echo two >&2; exit 1").await;
        assert!(error.ends_with("standard error: two; standard output: one"), "{error}");
    }
}
