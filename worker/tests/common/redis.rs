//! A Redis of the test's own, for what would harm the tests beside it: other limits, other roles, keys of another type.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// It answers within a tenth of a second where the machine is idle.
const PATIENCE: Duration = Duration::from_secs(60);

/// Gone when dropped.
pub struct PrivateRedis {
    pub port: u16,
    child: Child,
    _folder: TempDir,
}

impl PrivateRedis {
    /// With these options (`--maxmemory 2mb`); returns when it answers.
    pub fn start(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // One that ends at once found its port taken in the meantime.
        loop {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut command = Command::new("redis-server");
            command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
            command.arg("--dir").arg(folder.path()).args(options).stdout(Stdio::null());
            let mut child = command.spawn().unwrap();
            let began = Instant::now();
            while child.try_wait().unwrap().is_none() {
                if cli(port, &["PING"]).starts_with("PONG") {
                    return Self { port, child, _folder: folder };
                }
                assert!(began.elapsed() < PATIENCE, "redis-server does not answer");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// As `REDIS_URL` names it.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// What redis-cli prints. Fails where Redis does.
    pub fn cli(&self, arguments: &[&str]) -> String {
        let answer = cli(self.port, arguments);
        assert!(!answer.contains("ERR "), "{arguments:?}: {answer}");
        answer
    }

    /// Makes it a replica of a server that is not there: it keeps its data and takes no writes.
    pub fn demote(&self) {
        self.cli(&["REPLICAOF", "127.0.0.1", "1"]);
    }

    /// Makes it a master again.
    pub fn promote(&self) {
        self.cli(&["REPLICAOF", "NO", "ONE"]);
    }
}

impl Drop for PrivateRedis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn cli(port: u16, arguments: &[&str]) -> String {
    let output = Command::new("redis-cli").args(["-p", &port.to_string()]).args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}
