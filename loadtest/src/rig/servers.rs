//! A RabbitMQ and a Redis of our own, by `deploy/services.sh`. Redis writes every command to disk before it answers, so
//! killing it loses nothing that it has promised.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::error::{RigError, io};

/// How much of a failed script's words is shown.
const SAID: usize = 800;

/// Both servers; stopped, and their data deleted, when dropped.
#[derive(Debug)]
pub(crate) struct Servers {
    script: PathBuf,
    state: PathBuf,
    durable: bool,
    with_api: bool,
    pub(crate) amqp: String,
    pub(crate) redis: String,
    /// RabbitMQ's HTTP API, where it was asked for.
    pub(crate) api: Option<String>,
}

impl Servers {
    /// Starts them, with their files below `state`.
    pub(crate) async fn up(script: &Path, state: &Path) -> Result<Self, RigError> {
        Self::start(script, state, (true, false)).await
    }

    /// The same with a Redis that writes nothing to disk, as `deploy/services.sh up` starts it: how fast the disk of this
    /// machine is, is not to be measured.
    pub(crate) async fn in_memory(script: &Path, state: &Path) -> Result<Self, RigError> {
        Self::start(script, state, (false, false)).await
    }

    /// As [`Servers::in_memory`], with RabbitMQ's HTTP API.
    pub(crate) async fn with_api(script: &Path, state: &Path) -> Result<Self, RigError> {
        Self::start(script, state, (false, true)).await
    }

    async fn start(script: &Path, state: &Path, (durable, with_api): (bool, bool)) -> Result<Self, RigError> {
        let (script, state) = (script.to_owned(), state.to_owned());
        // Made first: what a failed start leaves is stopped as well.
        let (amqp, redis) = (String::new(), String::new());
        let mut servers = Self { script, state, durable, with_api, amqp, redis, api: None };
        servers.ask(&["up"]).await?;
        let line = servers.ask(&["env"]).await?;
        let value = |name: &str| {
            let rest = line.split_once(&format!("{name}='")).map(|(_, rest)| rest);
            rest.and_then(|rest| rest.split_once('\'')).map(|(value, _)| value.to_owned())
        };
        let missing = || RigError::Services { verb: "env".into(), said: line.clone() };
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
        let output = command.output().await.map_err(io(format!("{} {named}", self.script.display())))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let start = said.char_indices().rev().nth(SAID).map_or(0, |(place, _)| place);
        Err(RigError::Services { verb: named, said: said[start..].trim().to_owned() })
    }

    /// The process of `rabbitmq` or `redis`; `None` where it runs in a container.
    pub(crate) fn pid(&self, server: &str) -> Option<u32> {
        let record = std::fs::read_to_string(self.state.join(server).join("record")).ok()?;
        record.lines().next()?.parse().ok()
    }

    fn surround(&self, command: &mut std::process::Command) {
        let durable = if self.durable { "1" } else { "0" };
        command
            .env("SERVICES_STATE", &self.state)
            .env("SERVICES_DURABLE", durable)
            .env("SERVICES_API", if self.with_api { "1" } else { "0" })
            .env("SERVICES_PRIVATE", "1");
    }
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
