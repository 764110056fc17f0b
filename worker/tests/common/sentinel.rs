//! A Redis of the test's own with a master, two replicas, and three sentinels that watch over them.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A master that is silent for so long is taken for dead.
const DOWN_AFTER_MS: u32 = 1500;

/// Six processes have to find each other; a failover takes a vote.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the sentinels call the master.
const MASTER: &str = "music";

/// Gone when dropped.
pub struct SentinelGroup {
    /// Ports and processes: the first is the master at the beginning.
    servers: Vec<(u16, Child)>,
    sentinels: Vec<(u16, Child)>,
    _folder: TempDir,
}

impl SentinelGroup {
    /// Returns when all sentinels know each other and both replicas.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ports = free_ports(6);
        let master = ports[0];
        let mut processes: Vec<(u16, Child)> = Vec::new();
        for (number, port) in ports.iter().enumerate() {
            let settings = match number {
                0 => format!("port {port}\nbind 127.0.0.1\nsave \"\"\nrepl-diskless-sync-delay 0\n"),
                1 | 2 => format!("port {port}\nbind 127.0.0.1\nsave \"\"\nreplicaof 127.0.0.1 {master}\n"),
                _ => format!(
                    "port {port}\nbind 127.0.0.1\nsentinel monitor {MASTER} 127.0.0.1 {master} 2\n\
                     sentinel down-after-milliseconds {MASTER} {DOWN_AFTER_MS}\n\
                     sentinel failover-timeout {MASTER} 5000\n"
                ),
            };
            let place = folder.path().join(number.to_string());
            fs::create_dir_all(&place).unwrap();
            fs::write(place.join("redis.conf"), settings).unwrap();
            let mut command = Command::new("redis-server");
            command.arg("redis.conf").args((number > 2).then_some("--sentinel")).current_dir(&place);
            processes.push((*port, command.stdout(Stdio::null()).spawn().unwrap()));
            until("a server answers", || cli(*port, &["PING"]).starts_with("PONG"));
        }
        let sentinels = processes.split_off(3);
        for (port, _) in &sentinels {
            until("a sentinel knows the others", || {
                cli(*port, &["INFO", "sentinel"]).contains("status=ok")
                    && cli(*port, &["INFO", "sentinel"]).contains("slaves=2,sentinels=3")
            });
        }
        until("both replicas have their copy", || {
            cli(master, &["INFO", "replication"]).matches("state=online").count() == 2
        });
        Self { servers: processes, sentinels, _folder: folder }
    }

    /// As `REDIS_URL` names it, with another name for the master, or the right one.
    pub fn url_of(&self, master: &str) -> String {
        let places: Vec<String> =
            self.sentinels.iter().map(|(port, _)| format!("127.0.0.1:{port}")).collect();
        format!("redis-sentinel://{}/{master}", places.join(","))
    }

    /// As `REDIS_URL` names it.
    pub fn url(&self) -> String {
        self.url_of(MASTER)
    }

    /// SIGKILL to the master of the beginning. Returns when the sentinels name another.
    pub fn fail_over(&mut self) {
        let (old, _) = self.servers[0];
        self.kill(0);
        for (port, _) in &self.sentinels {
            until("another master", || {
                let named = cli(*port, &["SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER]);
                named.contains("127.0.0.1") && !named.contains(&old.to_string())
            });
        }
    }

    /// SIGKILL to both replicas of the beginning.
    pub fn lose_replicas(&mut self) {
        self.kill(1);
        self.kill(2);
    }

    fn kill(&mut self, number: usize) {
        let (_, child) = &mut self.servers[number];
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

impl Drop for SentinelGroup {
    fn drop(&mut self) {
        for (_, child) in self.servers.iter_mut().chain(&mut self.sentinels) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn cli(port: u16, arguments: &[&str]) -> String {
    let output = Command::new("redis-cli").args(["-p", &port.to_string()]).args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// All are held until all are known, so that they differ.
fn free_ports(count: usize) -> Vec<u16> {
    let listeners: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}

fn until(what: &str, mut seen: impl FnMut() -> bool) {
    let began = Instant::now();
    while !seen() {
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
