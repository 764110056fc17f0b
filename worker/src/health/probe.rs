//! `worker healthcheck`: asks a running worker's `/readyz`, for containers that have no HTTP client.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Our own answers are a line; more is not ours.
const MAX_ANSWER: u64 = 4096;

/// Why the worker is not ready.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// Nobody listens there.
    #[error("no worker answers at {0} (HTTP_ADDR): {1}")]
    Unreachable(SocketAddr, io::Error),
    /// Not within the time.
    #[error("the worker at {0} (HTTP_ADDR) did not answer within {1:?} (HEALTH_CHECK_TIMEOUT)")]
    TimedOut(SocketAddr, Duration),
    /// It says why.
    #[error("not ready: {0}")]
    NotReady(String),
}

/// Asks once.
///
/// # Errors
/// When the worker is not ready, or does not say.
pub async fn probe(addr: SocketAddr, limit: Duration) -> Result<(), ProbeError> {
    let addr = reachable(addr);
    let answer =
        tokio::time::timeout(limit, ask(addr)).await.map_err(|_| ProbeError::TimedOut(addr, limit))?;
    let answer = answer.map_err(|error| ProbeError::Unreachable(addr, error))?;
    match answer.split_ascii_whitespace().nth(1) {
        Some("200") => Ok(()),
        _ => Err(ProbeError::NotReady(answer.lines().last().unwrap_or("an empty answer").to_owned())),
    }
}

async fn ask(addr: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(addr).await?;
    stream.write_all(b"GET /readyz HTTP/1.0\r\nHost: worker\r\n\r\n").await?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER).read_to_string(&mut answer).await?;
    Ok(answer)
}

/// A server may listen on every address; a client must choose one.
const fn reachable(addr: SocketAddr) -> SocketAddr {
    let ip = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, addr.port())
}
