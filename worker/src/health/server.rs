//! The connections to `HTTP_ADDR`: a few at a time, each for one request and for a short time. Anybody who reaches the
//! address may open them; none of them may cost the worker what it needs for its work.
//!
//! **When there are too many, the oldest is closed**, so that a new one is always served. Were the new one refused
//! instead, whoever holds as many connections as are allowed would keep the probes out, and the supervisor would restart
//! a healthy worker. A probe is answered within milliseconds and is the youngest of all: to push it out, so many
//! connections would have to be opened within these milliseconds.
//!
//! A connection carries one request: keeping it open for the next would save a handshake every few seconds, and would leave
//! nothing to tell an idle client from one that means harm.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustix::process::{Resource, getrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use crate::sparing::Sparing;

/// Connections at a time. Two probes, a Prometheus or two and a few people are ten.
const MAX_CONNECTIONS: usize = 64;
/// With so few a worker can still be probed, where there are hardly any file descriptors.
const MIN_CONNECTIONS: usize = 8;
/// File descriptors of a lane in this process: three pipes and a handle of the process, and two while it is replaced.
const DESCRIPTORS_PER_LANE: usize = 6;
/// Those of everything else: the connections to RabbitMQ and Redis while old ones are replaced, the runtime, media roots,
/// look-ups of names.
const OTHER_DESCRIPTORS: usize = 96;

/// A probe sends its request in one packet.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// A request's head has some hundred bytes.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Beyond the longest answer (`HEALTH_CHECK_TIMEOUT`): time for the request to come and the answer to be taken.
const SLACK: Duration = Duration::from_secs(15);

/// Accepting failed for want of something: it is not there again at once.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// What connections may cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConnectionLimits {
    /// Connections at a time.
    pub(super) connections: usize,
    /// In which the head of its request must come.
    pub(super) head_within: Duration,
    /// How long it may last.
    pub(super) lifetime: Duration,
}

impl ConnectionLimits {
    /// For a worker with so many lanes, whose slowest answer takes `slowest`.
    pub(super) fn new(lanes: usize, slowest: Duration) -> Self {
        let descriptors = getrlimit(Resource::Nofile).current.map_or(usize::MAX, |limit| limit as usize);
        Self {
            connections: connections(descriptors, lanes),
            head_within: HEAD_WITHIN,
            lifetime: slowest + SLACK,
        }
    }
}

/// At most half of the file descriptors that the work itself leaves over.
fn connections(descriptors: usize, lanes: usize) -> usize {
    let needed = lanes.saturating_mul(DESCRIPTORS_PER_LANE).saturating_add(OTHER_DESCRIPTORS);
    (descriptors.saturating_sub(needed) / 2).clamp(MIN_CONNECTIONS, MAX_CONNECTIONS)
}

/// Answers until the process ends.
pub(super) async fn serve(listener: TcpListener, router: Router, limits: ConnectionLimits) {
    let mut open: VecDeque<AbortHandle> = VecDeque::new();
    let sparing = Sparing::new(1, Duration::from_secs(60));
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                open.retain(|connection| !connection.is_finished());
                while open.len() >= limits.connections {
                    close_oldest(&mut open, limits, &sparing);
                }
                open.push_back(tokio::spawn(answer(stream, router.clone(), limits)).abort_handle());
            }
            // The client has gone again.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                close_oldest(&mut open, limits, &sparing);
                if let Some(left_out) = sparing.admit(Instant::now()) {
                    tracing::warn!(%error, left_out, "a connection to HTTP_ADDR cannot be accepted, trying again");
                }
                sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

fn close_oldest(open: &mut VecDeque<AbortHandle>, limits: ConnectionLimits, sparing: &Sparing) {
    let Some(oldest) = open.pop_front() else { return };
    oldest.abort();
    if let Some(left_out) = sparing.admit(Instant::now()) {
        let most = limits.connections;
        tracing::warn!(most, left_out, "too many connections to HTTP_ADDR: the oldest are closed");
    }
}

async fn answer(stream: TcpStream, router: Router, limits: ConnectionLimits) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head_within).max_buf_size(MAX_HEAD_BYTES);
    let connection =
        http.keep_alive(false).serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    match timeout(limits.lifetime, connection).await {
        Ok(Err(error)) => tracing::debug!(%error, "a connection to HTTP_ADDR failed"),
        Err(_) => tracing::debug!("a connection to HTTP_ADDR lasted too long and was closed"),
        Ok(Ok(())) => {}
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[test]
    fn work_comes_before_connections() {
        assert_eq!(connections(1024, 4), 64);
        assert_eq!(connections(160, 4), 20);
        assert_eq!(connections(usize::MAX, 1024), 64);
        for descriptors in [0, 64, 120, 1024] {
            assert_eq!(connections(descriptors, 1024), 8);
        }
    }

    async fn get_from(address: std::net::SocketAddr) -> io::Result<String> {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /livez HTTP/1.1\r\nHost: worker\r\n\r\n").await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        Ok(text)
    }

    #[tokio::test]
    async fn idle_connections_give_way_to_new_ones() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/livez", get(async || "ok\n"));
        let (head_within, lifetime) = (HEAD_WITHIN, Duration::from_secs(60));
        let limits = ConnectionLimits { connections: 4, head_within, lifetime };
        let serving = tokio::spawn(serve(listener, router, limits));
        let mut idle = Vec::new();
        for _ in 0..20 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET /livez HTTP/1.1\r\nX-a: ").await.unwrap();
            idle.push(stream);
            let text = get_from(address).await.unwrap();
            assert!(text.starts_with("HTTP/1.1 200") && text.ends_with("ok\n"), "{text}");
            assert!(text.to_ascii_lowercase().contains("connection: close"), "{text}");
        }
        // All but the youngest were closed: each reads its end without an answer.
        for mut stream in idle.into_iter().take(16) {
            assert!(matches!(stream.read(&mut [0; 16]).await, Ok(0) | Err(_)));
        }
        serving.abort();
    }

    #[tokio::test]
    async fn a_connection_has_its_time() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/slow", get(async || std::future::pending::<&str>().await));
        let (head_within, lifetime) = (Duration::from_millis(100), Duration::from_millis(500));
        let limits = ConnectionLimits { connections: 4, head_within, lifetime };
        let serving = tokio::spawn(serve(listener, router, limits));
        let cases = [
            ("", head_within),
            ("GET /slow HTTP/1.1\r\nX-a: ", head_within),
            ("GET /slow HTTP/1.1\r\nHost: w\r\n\r\n", lifetime),
        ];
        for (request, least) in cases {
            let begun = Instant::now();
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            // Its end comes by itself; without one this would wait for ever.
            let _ = stream.read_to_end(&mut Vec::new()).await;
            assert!(begun.elapsed() >= least, "{request:?}: {:?}", begun.elapsed());
        }
        serving.abort();
    }
}
