//! A Redis that evicts, started directly: the servers of `deploy/services.sh` never do.

use std::io::ErrorKind;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

/// Little more than an empty Redis has, so that some tens of reports do not fit.
const MEMORY: &str = "1600kb";

const READY_WITHIN: Duration = Duration::from_secs(20);
const GLANCE: Duration = Duration::from_millis(50);

/// Killed when dropped; it keeps nothing on disk.
#[derive(Debug)]
pub(super) struct RedisServer {
    pub(super) url: String,
    _child: Child,
}

impl RedisServer {
    /// `None` where there is no `redis-server`.
    pub(super) async fn evicting(folder: &Path) -> Result<Option<Self>, String> {
        // Another program may take the port in between; then Redis ends, and the fault is reported with its reason.
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
        let port = listener.local_addr().map_err(|error| error.to_string())?.port();
        drop(listener);
        let mut command = Command::new("redis-server");
        command.args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        command.args(["--maxmemory", MEMORY, "--maxmemory-policy", "allkeys-lru"]);
        command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = match command.kill_on_drop(true).spawn() {
            Ok(child) => child,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("redis-server: {error}")),
        };
        let server = Self { url: format!("redis://127.0.0.1:{port}/"), _child: child };
        server.ready().await?;
        Ok(Some(server))
    }

    async fn ready(&self) -> Result<(), String> {
        let client = redis::Client::open(self.url.as_str()).map_err(|error| error.to_string())?;
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            match client.get_multiplexed_async_connection().await {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() >= deadline => return Err(format!("redis-server: {error}")),
                Err(_) => sleep(GLANCE).await,
            }
        }
    }
}
