//! What the tests share: servers for all of them, one scenario at a time, and what it wrote.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::Value;
use tempfile::TempDir;

/// How a scenario ended.
pub struct Ended {
    pub code: Option<i32>,
    pub said: String,
    /// What it measured; null where it wrote nothing.
    pub run: Value,
}

/// Servers that several tests use; gone when none does any more.
struct Servers {
    /// `None`: somebody else's.
    folder: Option<TempDir>,
    surroundings: [(&'static str, String); 2],
}

static SERVERS: Mutex<Weak<Servers>> = Mutex::new(Weak::new());

/// A scenario wants the machine for itself.
static TURN: Mutex<()> = Mutex::new(());

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/services.sh")
}

impl Servers {
    fn get() -> Arc<Self> {
        let mut known = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(servers) = known.upgrade() {
            return servers;
        }
        let given = ["AMQP_URL", "REDIS_URL"].map(|name| (name, std::env::var(name).unwrap_or_default()));
        let servers = Arc::new(match given.iter().all(|(_, url)| !url.is_empty()) {
            true => Self { folder: None, surroundings: given },
            false => Self::start(),
        });
        *known = Arc::downgrade(&servers);
        servers
    }

    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        ask(folder.path(), "up");
        let line = ask(folder.path(), "env");
        let value = |name: &str| {
            let rest = line.split_once(&format!("{name}='")).unwrap().1;
            rest.split_once('\'').unwrap().0.to_owned()
        };
        let surroundings = ["AMQP_URL", "REDIS_URL"].map(|name| (name, value(name)));
        Self { folder: Some(folder), surroundings }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            ask(folder.path(), "down");
        }
    }
}

fn ask(state: &Path, verb: &str) -> String {
    let mut command = Command::new(script());
    command.arg(verb).env("SERVICES_STATE", state.join("services")).env("SERVICES_PRIVATE", "1");
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{verb}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A scenario on the servers of all tests.
pub fn hold(arguments: &[&str]) -> Ended {
    let servers = Servers::get();
    let surroundings: Vec<(&str, &str)> =
        servers.surroundings.iter().map(|(name, url)| (*name, url.as_str())).collect();
    run(arguments, &surroundings)
}

/// A scenario that starts servers of its own.
pub fn hold_privately(arguments: &[&str]) -> Ended {
    run(arguments, &[])
}

/// One that is not to come to measuring anything.
pub fn refused(arguments: &[&str], surroundings: &[(&str, &str)]) -> Ended {
    run(arguments, surroundings)
}

fn run(arguments: &[&str], surroundings: &[(&str, &str)]) -> Ended {
    // Scenarios find both beside the program that is tested.
    let _built = crate::programs::program("worker");
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("run.json");
    // What is asked of whole runs is nothing for short ones on a busy machine: only what scenarios ask of themselves counts.
    let nothing = folder.path().join("requirements.toml");
    std::fs::write(&nothing, "").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.args(arguments).arg("--json").arg(&json).arg("--requirements").arg(&nothing);
    command.env_remove("AMQP_URL").env_remove("REDIS_URL").envs(surroundings.iter().copied());
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = [&output.stdout[..], &output.stderr]
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        .concat();
    let run = std::fs::read(json).map_or(Value::Null, |text| serde_json::from_slice(&text).unwrap());
    Ended { code: output.status.code(), said, run }
}
