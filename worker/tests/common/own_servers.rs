//! A RabbitMQ and a Redis for one test alone, because it changes what holds for everybody on a server: users, permissions,
//! virtual hosts, time-outs.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Stopped and deleted when dropped.
pub struct OwnServers {
    state: TempDir,
    pub amqp: String,
    pub redis: String,
}

impl OwnServers {
    pub fn start() -> Self {
        let state = tempfile::tempdir().unwrap();
        services(state.path(), &["up"]);
        let environment = services(state.path(), &["env"]);
        let (amqp, redis) = (value(&environment, "AMQP_URL="), value(&environment, "REDIS_URL="));
        Self { state, amqp, redis }
    }

    /// Runs a command of rabbitmqctl.
    pub fn ctl(&self, args: &[&str]) {
        services(self.state.path(), &[&["ctl"], args].concat());
    }

    /// The address of this RabbitMQ for another user and virtual host.
    pub fn amqp_as(&self, user: &str, vhost: &str) -> String {
        let (_, rest) = self.amqp.split_once('@').unwrap();
        let (place, _) = rest.split_once('/').unwrap();
        format!("amqp://{user}:{user}@{place}/{vhost}")
    }
}

impl Drop for OwnServers {
    fn drop(&mut self) {
        services(self.state.path(), &["down"]);
    }
}

fn services(state: &Path, args: &[&str]) -> String {
    let script: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "deploy", "services.sh"].iter().collect();
    let mut command = Command::new(script);
    command.args(args).env("SERVICES_STATE", state).env("SERVICES_PRIVATE", "1");
    let output = command.env_remove("AMQP_URL").env_remove("REDIS_URL").output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The value of a variable in a line `export NAME='value' …`.
fn value(line: &str, name: &str) -> String {
    let (_, rest) = line.split_once(name).unwrap_or_else(|| panic!("no {name} in {line}"));
    rest.trim_start_matches('\'').split(['\'', ' ', '\n']).next().unwrap().to_owned()
}
