//! A Redis Cluster of the test's own: three masters, and a replica of each.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A replica takes over after this and a vote.
const NODE_TIMEOUT_MS: u32 = 1500;

/// Six processes have to find each other.
const PATIENCE: Duration = Duration::from_secs(60);

/// Of a cluster that speaks TLS alone, between its nodes, too.
#[derive(Debug, Clone)]
pub struct Files {
    pub authority: PathBuf,
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Gone when dropped.
pub struct Cluster {
    /// Their ports and processes.
    pub nodes: Vec<(u16, Child)>,
    tls: Option<Files>,
    folder: TempDir,
}

impl Cluster {
    /// Returns when every node says that every slot is served.
    pub fn start(tls: Option<Files>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut cluster = Self { nodes: Vec::new(), tls, folder };
        (0..6).for_each(|number| cluster.add(number));
        let hosts: Vec<String> = cluster.nodes.iter().map(|(port, _)| format!("127.0.0.1:{port}")).collect();
        let mut create = vec!["--cluster", "create"];
        create.extend(hosts.iter().map(String::as_str));
        create.extend(["--cluster-replicas", "1", "--cluster-yes"]);
        let output = cluster.command().args(create).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        cluster.is_whole();
        // A replica that is still copying does not stand for election.
        for (port, _) in &cluster.nodes {
            until("a replica has its copy", || {
                let role = cluster.cli(*port, &["INFO", "replication"]);
                role.contains("role:master") || role.contains("master_link_status:up")
            });
        }
        cluster
    }

    /// A node that answers. One that ends instead found its port, or that of its bus, taken in the meantime.
    fn add(&mut self, number: usize) {
        loop {
            let (port, mut child) = node(&self.folder, number, self.tls.as_ref());
            let mut has_ended = || child.try_wait().unwrap().is_some();
            until("a node answers", || has_ended() || self.cli(port, &["PING"]).starts_with("PONG"));
            if !has_ended() {
                return self.nodes.push((port, child));
            }
        }
    }

    /// Waits until all nodes that run agree that every slot is served.
    pub fn is_whole(&self) {
        for (port, _) in &self.nodes {
            until("every slot is served", || {
                self.cli(*port, &["CLUSTER", "INFO"]).contains("cluster_state:ok")
            });
        }
    }

    /// By two of its nodes.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "rediss-cluster" } else { "redis-cluster" };
        format!("{scheme}://127.0.0.1:{},127.0.0.1:{}/", self.nodes[0].0, self.nodes[1].0)
    }

    /// redis-cli on one of its nodes.
    pub fn cli(&self, port: u16, arguments: &[&str]) -> String {
        let output = self.command().args(["-p", &port.to_string()]).args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn command(&self) -> Command {
        let mut command = Command::new("redis-cli");
        if let Some(tls) = &self.tls {
            command.arg("--tls").arg("--cacert").arg(&tls.authority);
        }
        command
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

fn node(folder: &TempDir, number: usize, tls: Option<&Files>) -> (u16, Child) {
    let place = folder.path().join(number.to_string());
    fs::create_dir_all(&place).unwrap();
    let free = || TcpListener::bind("127.0.0.1:0").unwrap();
    // Both are held until both are known, so that they differ.
    let (port, bus) = (free(), free());
    let [port, bus] = [port, bus].map(|listener| listener.local_addr().unwrap().port());
    let settings = [
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
    match tls {
        None => command.arg("--port").arg(port.to_string()),
        Some(tls) => {
            command.args(["--port", "0", "--tls-cluster", "yes", "--tls-replication", "yes"]);
            command.args(["--tls-auth-clients", "no", "--tls-port"]).arg(port.to_string());
            command.arg("--tls-ca-cert-file").arg(&tls.authority);
            command.arg("--tls-cert-file").arg(&tls.certificate).arg("--tls-key-file").arg(&tls.key)
        }
    };
    (port, command.stdout(Stdio::null()).spawn().unwrap())
}

fn until(what: &str, mut seen: impl FnMut() -> bool) {
    let began = Instant::now();
    while !seen() {
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
