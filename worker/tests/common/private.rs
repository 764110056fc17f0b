//! Servers of the test's own, for what would harm every other test: a broker that is broken for good.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A RabbitMQ and a Redis that nobody else uses, gone when dropped.
pub struct PrivateServers {
    state: TempDir,
    /// What `services.sh env` prints.
    environment: String,
}

impl PrivateServers {
    /// Returns when both answer.
    pub fn start() -> Self {
        let state = tempfile::tempdir().unwrap();
        let up = services(state.path(), &["up"]);
        assert!(up.status.success(), "{up:?}");
        let environment = String::from_utf8(services(state.path(), &["env"]).stdout).unwrap();
        Self { state, environment }
    }

    /// `AMQP_URL`, `REDIS_URL` or `RABBITMQ_API_URL`.
    pub fn url(&self, variable: &str) -> &str {
        let (_, rest) = self.environment.split_once(&format!("{variable}='")).expect(variable);
        rest.split_once('\'').expect(variable).0
    }

    /// What rabbitmqctl prints.
    pub fn ctl(&self, arguments: &[&str]) -> String {
        let output = services(self.state.path(), &[&["ctl"], arguments].concat());
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// The address of this RabbitMQ for another user, whose password is its name, and another virtual host.
    pub fn amqp_as(&self, user: &str, vhost: &str) -> String {
        let (_, rest) = self.url("AMQP_URL").split_once('@').unwrap();
        let (place, _) = rest.split_once('/').unwrap();
        format!("amqp://{user}:{user}@{place}/{vhost}")
    }
}

impl Drop for PrivateServers {
    fn drop(&mut self) {
        let down = services(self.state.path(), &["down"]);
        if !down.status.success() {
            println!("private servers were not stopped: {down:?}");
        }
    }
}

fn services(state: &Path, arguments: &[&str]) -> Output {
    let script: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/services.sh");
    let mut command = Command::new(script);
    command.env_remove("AMQP_URL").env_remove("REDIS_URL");
    command.env("SERVICES_STATE", state).env("SERVICES_PRIVATE", "1").env("SERVICES_API", "1");
    command.args(arguments);
    command.output().unwrap()
}
