//! A Redis Cluster of the test's own: three masters, and a replica of each.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A replica takes over after this and a vote.
const NODE_TIMEOUT_MS: u32 = 1500;

/// Six processes have to find each other.
const PATIENCE: Duration = Duration::from_secs(60);

/// Gone when dropped.
pub struct Cluster {
    nodes: Vec<(u16, Child)>,
    _folder: TempDir,
}

impl Cluster {
    /// Returns when every node says that every slot is served.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let nodes: Vec<(u16, Child)> = (0..6).map(|number| node(&folder, number)).collect();
        let cluster = Self { nodes, _folder: folder };
        for (port, _) in &cluster.nodes {
            until("a node answers", || cli(*port, &["PING"]).starts_with("PONG"));
        }
        let hosts: Vec<String> = cluster.nodes.iter().map(|(port, _)| format!("127.0.0.1:{port}")).collect();
        let mut create = vec!["--cluster", "create"];
        create.extend(hosts.iter().map(String::as_str));
        create.extend(["--cluster-replicas", "1", "--cluster-yes"]);
        let output = Command::new("redis-cli").args(create).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        cluster.is_whole();
        // A replica that is still copying does not stand for election.
        for (port, _) in &cluster.nodes {
            until("a replica has its copy", || {
                let role = cli(*port, &["INFO", "replication"]);
                role.contains("role:master") || role.contains("master_link_status:up")
            });
        }
        cluster
    }

    /// Waits until all nodes that run agree that every slot is served.
    pub fn is_whole(&self) {
        for (port, _) in &self.nodes {
            until("every slot is served", || cli(*port, &["CLUSTER", "INFO"]).contains("cluster_state:ok"));
        }
    }

    /// By two of its nodes.
    pub fn url(&self) -> String {
        format!("redis-cluster://127.0.0.1:{},127.0.0.1:{}/", self.nodes[0].0, self.nodes[1].0)
    }

    /// SIGKILL to the master that has this key.
    pub fn kill_master_of(&mut self, key: &str) {
        let port = self.nodes[0].0;
        let slot: u16 = cli(port, &["CLUSTER", "KEYSLOT", key]).trim().parse().unwrap();
        let nodes = cli(port, &["CLUSTER", "NODES"]);
        let master = nodes.lines().find(|line| line.contains("master") && serves(line, slot)).unwrap();
        let place = master.split([' ', '@']).nth(1).unwrap();
        let port: u16 = place.rsplit_once(':').unwrap().1.parse().unwrap();
        let at = self.nodes.iter().position(|(other, _)| *other == port).unwrap();
        let (_, mut child) = self.nodes.remove(at);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for (_, child) in &mut self.nodes {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn node(folder: &TempDir, number: usize) -> (u16, Child) {
    let place = folder.path().join(number.to_string());
    fs::create_dir(&place).unwrap();
    let free = || TcpListener::bind("127.0.0.1:0").unwrap();
    // Both are held until both are known, so that they differ.
    let (port, bus) = (free(), free());
    let [port, bus] = [port, bus].map(|listener| listener.local_addr().unwrap().port());
    let settings = [
        ("--port", port.to_string()),
        ("--cluster-port", bus.to_string()),
        ("--bind", "127.0.0.1".to_owned()),
        ("--dir", place.display().to_string()),
        ("--cluster-enabled", "yes".to_owned()),
        ("--cluster-node-timeout", NODE_TIMEOUT_MS.to_string()),
        ("--save", String::new()),
    ];
    let mut command = Command::new("redis-server");
    for (name, value) in settings {
        command.arg(name).arg(value);
    }
    (port, command.stdout(Stdio::null()).spawn().unwrap())
}

fn serves(line: &str, slot: u16) -> bool {
    line.split(' ').skip(8).any(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        first.parse().is_ok_and(|first: u16| first <= slot)
            && last.parse().is_ok_and(|last: u16| slot <= last)
    })
}

fn cli(port: u16, arguments: &[&str]) -> String {
    let output = Command::new("redis-cli").args(["-p", &port.to_string()]).args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn until(what: &str, mut seen: impl FnMut() -> bool) {
    let began = Instant::now();
    while !seen() {
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
