//! A Redis of three servers on this machine, one master and two replicas, and three sentinels that watch over them.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use rustix::process::Signal;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use super::{Process, RigError, io};

/// What the sentinels call the master.
const MASTER: &str = "fleet";

/// Servers, and sentinels: a majority is left when one of them is away.
const COUNT: usize = 3;

/// A master that is silent for so long is taken for dead. Shorter than Redis' default of 30 s, and long enough for a machine
/// that is busy.
const DOWN_AFTER_MS: u32 = 3000;

/// After a failover that failed the next one begins after twice this time.
const FAILOVER_TIMEOUT_MS: u32 = 10_000;

/// A server answers within moments; copying all data to a replica and a failover take seconds.
const PATIENCE: Duration = Duration::from_secs(90);

/// Between two looks.
const GLANCE: Duration = Duration::from_millis(100);

/// One question.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Gone when dropped.
#[derive(Debug)]
pub(crate) struct SentinelGroup {
    folder: PathBuf,
    ports: Vec<u16>,
    servers: Mutex<Vec<Child>>,
    sentinel_ports: Vec<u16>,
    _sentinels: Vec<Child>,
}

impl SentinelGroup {
    /// Starts all of them; returns when the sentinels know each other and both replicas.
    pub(crate) async fn up(folder: &Path) -> Result<Self, RigError> {
        let folder = folder.join("sentinel-group");
        let (ports, sentinel_ports) = (free_ports(COUNT)?, free_ports(COUNT)?);
        let mut servers = Vec::new();
        for (number, port) in ports.iter().enumerate() {
            let replica =
                if number == 0 { String::new() } else { format!("replicaof 127.0.0.1 {}\n", ports[0]) };
            let settings = format!(
                "port {port}\nbind 127.0.0.1\nappendonly yes\nappendfsync everysec\nsave \"\"\nrepl-diskless-sync-delay 0\n{replica}"
            );
            servers.push(start(&folder.join(format!("server-{number}")), &settings, false).await?);
        }
        for port in &ports {
            until("a Redis server answers", || is_up(*port)).await?;
        }
        let mut sentinels = Vec::new();
        for (number, port) in sentinel_ports.iter().enumerate() {
            let settings = format!(
                "port {port}\nbind 127.0.0.1\nsentinel monitor {MASTER} 127.0.0.1 {} 2\n\
                 sentinel down-after-milliseconds {MASTER} {DOWN_AFTER_MS}\n\
                 sentinel failover-timeout {MASTER} {FAILOVER_TIMEOUT_MS}\nsentinel parallel-syncs {MASTER} {COUNT}\n",
                ports[0]
            );
            sentinels.push(start(&folder.join(format!("sentinel-{number}")), &settings, true).await?);
        }
        let servers = Mutex::new(servers);
        let group = Self { folder, ports, servers, sentinel_ports, _sentinels: sentinels };
        group.is_whole().await?;
        Ok(group)
    }

    /// As REDIS_URL names it.
    pub(crate) fn url(&self) -> String {
        let places: Vec<String> =
            self.sentinel_ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        format!("redis-sentinel://{}/{MASTER}/0", places.join(","))
    }

    /// The master's own address, as all sentinels agree on it now.
    pub(crate) async fn master_url(&self) -> Result<String, RigError> {
        Ok(format!("redis://127.0.0.1:{}/", self.master().await?))
    }

    /// SIGKILL to the master. Returns which of the servers it was.
    pub(crate) async fn kill_master(&self) -> Result<usize, RigError> {
        let number = self.master_number().await?;
        let mut servers = self.servers.lock().await;
        servers[number].kill().await.map_err(io("killing the master of Redis"))?;
        Ok(number)
    }

    /// Starts a server that was killed, with its data.
    pub(crate) async fn restart(&self, number: usize) -> Result<(), RigError> {
        let folder = self.folder.join(format!("server-{number}"));
        self.servers.lock().await[number] = spawn(&folder, false)?;
        Ok(())
    }

    /// SIGSTOP to the master. Returns which of the servers it was.
    pub(crate) async fn stop_master(&self) -> Result<usize, RigError> {
        let number = self.master_number().await?;
        self.signal(number, Signal::STOP).await;
        Ok(number)
    }

    /// SIGCONT: it takes itself for the master still, until a sentinel tells it otherwise.
    pub(crate) async fn go_on(&self, number: usize) {
        self.signal(number, Signal::CONT).await;
    }

    async fn signal(&self, number: usize, signal: Signal) {
        let servers = self.servers.lock().await;
        if let Some(process) = servers[number].id().and_then(Process::of) {
            process.signal(signal);
        }
    }

    /// Waits until the sentinels name another server than this one; how long that took.
    pub(crate) async fn failed_over(&self, from: usize) -> Result<Duration, RigError> {
        let begun = Instant::now();
        let old = self.ports[from];
        let is_another = || async move { self.master().await.is_ok_and(|port| port != old) };
        until("the sentinels name another master", is_another).await?;
        Ok(begun.elapsed())
    }

    /// Waits until there is one master with two replicas that have all its data, and all sentinels say so.
    pub(crate) async fn is_whole(&self) -> Result<(), RigError> {
        let is_whole = || async move { self.has_all_replicas().await.unwrap_or(false) };
        until("one master has two replicas", is_whole).await
    }

    async fn has_all_replicas(&self) -> Result<bool, RigError> {
        let master = self.master().await?;
        let info: String = redis::cmd("INFO").arg("replication").query_async(&mut ask(master).await?).await?;
        let online = info.lines().filter(|line| line.starts_with("slave") && line.contains("state=online"));
        let mut is_whole = online.count() == COUNT - 1;
        for port in &self.sentinel_ports {
            let mut sentinel = ask(*port).await?;
            let info: String = redis::cmd("INFO").arg("sentinel").query_async(&mut sentinel).await?;
            is_whole &= info.contains(&format!("status=ok,address=127.0.0.1:{master},slaves=2,sentinels=3"));
        }
        Ok(is_whole)
    }

    /// The master's port, if every sentinel names the same.
    async fn master(&self) -> Result<u16, RigError> {
        let mut named = Vec::new();
        for port in &self.sentinel_ports {
            let mut command = redis::cmd("SENTINEL");
            command.arg("GET-MASTER-ADDR-BY-NAME").arg(MASTER);
            let (_, master): (String, u16) = command.query_async(&mut ask(*port).await?).await?;
            named.push(master);
        }
        let first = named[0];
        let all = named.iter().all(|port| *port == first);
        all.then_some(first)
            .ok_or_else(|| RigError::NotReady(format!("the sentinels name several masters: {named:?}")))
    }

    async fn master_number(&self) -> Result<usize, RigError> {
        let master = self.master().await?;
        let unknown =
            || RigError::NotReady(format!("the sentinels name a master that is not ours: port {master}"));
        self.ports.iter().position(|port| *port == master).ok_or_else(unknown)
    }
}

async fn start(folder: &Path, settings: &str, is_sentinel: bool) -> Result<Child, RigError> {
    let named = || io(folder.display().to_string());
    tokio::fs::create_dir_all(folder).await.map_err(named())?;
    tokio::fs::write(folder.join("redis.conf"), settings).await.map_err(named())?;
    spawn(folder, is_sentinel)
}

fn spawn(folder: &Path, is_sentinel: bool) -> Result<Child, RigError> {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log"));
    let mut command = Command::new("redis-server");
    command.arg("redis.conf").args(is_sentinel.then_some("--sentinel")).current_dir(folder);
    command.stdin(Stdio::null()).stdout(log.map_err(io(folder.display().to_string()))?).kill_on_drop(true);
    command.spawn().map_err(io("redis-server, which is to be on the PATH"))
}

async fn ask(port: u16) -> Result<MultiplexedConnection, RigError> {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}/"))?;
    let connecting = client.get_multiplexed_async_connection();
    let late = || RigError::NotReady(format!("nothing answers on port {port}"));
    Ok(timeout(ANSWER_WITHIN, connecting).await.map_err(|_| late())??)
}

async fn is_up(port: u16) -> bool {
    let ping = async {
        redis::cmd("PING").query_async::<String>(&mut ask(port).await?).await.map_err(RigError::from)
    };
    ping.await.is_ok()
}

async fn until<F: Future<Output = bool>>(what: &str, seen: impl Fn() -> F) -> Result<(), RigError> {
    let deadline = Instant::now() + PATIENCE;
    while !seen().await {
        if Instant::now() >= deadline {
            return Err(RigError::NotReady(format!("not within {} s: {what}", PATIENCE.as_secs())));
        }
        sleep(GLANCE).await;
    }
    Ok(())
}

/// All are held until all are known, so that they differ.
fn free_ports(count: usize) -> Result<Vec<u16>, RigError> {
    let listeners: Vec<TcpListener> = (0..count)
        .map(|_| TcpListener::bind("127.0.0.1:0"))
        .collect::<Result<_, _>>()
        .map_err(io("a free port"))?;
    let ports = listeners.iter().map(|listener| listener.local_addr().map(|address| address.port()));
    ports.collect::<Result<_, _>>().map_err(io("a free port"))
}
