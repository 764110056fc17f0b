//! The daemon's HTTP side: `/metrics`, `/livez`, `/readyz`, `/startupz`.
//!
//! Liveness is internal alone: a broker or a store that is away must not restart workers. Readiness is what a load
//! balancer and a rollout ask: channels open, Redis taking writes, a media root there, not draining.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use shared::store::Store;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::gates::Gates;
use crate::metrics::{self, Recorder};
use crate::pipeline::Heartbeat;
use crate::stop::Stop;

mod probe;
mod server;

pub use probe::{ProbeError, probe};
use server::ConnectionLimits;

/// The dispatcher turns at least once a second. Half a minute without a turn is a worker that hangs, not a slow machine.
const SILENT_FOR: Duration = Duration::from_secs(30);

/// Between two looks at our own readiness for `/metrics`, which is scraped every 15 s as a rule.
const SHOW_EVERY: Duration = Duration::from_secs(5);

/// Whether the source can take work in now, or why not.
pub struct Taking(Box<dyn Fn() -> Result<(), String> + Send + Sync>);

impl Taking {
    /// As `look` says, each time it is asked.
    #[must_use]
    pub fn new(look: impl Fn() -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self(Box::new(look))
    }
}

impl std::fmt::Debug for Taking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Taking({:?})", (self.0)())
    }
}

/// What the probes look at.
#[derive(Debug)]
pub struct Health {
    /// Time of the dispatcher's last turn.
    pub heartbeat: Heartbeat,
    /// Whether the worker is stopping.
    pub stop: Stop,
    /// The store that must answer.
    pub store: Store,
    /// Within this time (`HEALTH_CHECK_TIMEOUT`).
    pub timeout: Duration,
    /// What keeps the worker from taking work.
    pub gates: Gates,
    /// The source, once the start is over.
    pub source: OnceLock<Taking>,
}

impl Health {
    /// Why the worker takes no work now; `Ok` when it does.
    async fn ready(&self) -> Result<(), String> {
        if self.stop.is_draining() {
            return Err("draining".to_owned());
        }
        match self.source.get() {
            None => return Err("starting: not consuming yet".to_owned()),
            Some(Taking(taking)) => taking().map_err(|reason| format!("rabbitmq: {reason}"))?,
        }
        match tokio::time::timeout(self.timeout, self.store.probe()).await {
            Ok(Ok(())) => {
                self.gates.closed().map_or(Ok(()), |reason| Err(format!("taking no work: {reason}")))
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("redis: no answer within {:?} (HEALTH_CHECK_TIMEOUT)", self.timeout)),
        }
    }

    /// The answer of `/readyz`: a warning does not make a worker unready.
    async fn readiness(&self) -> (StatusCode, String) {
        let (status, text) = answer(self.ready().await);
        match self.gates.warning().filter(|_| status == StatusCode::OK) {
            Some(warning) => (status, format!("{text}warning: {warning}\n")),
            None => (status, text),
        }
    }

    fn live(&self) -> Result<(), String> {
        let silent = self.heartbeat.age();
        match self.source.get() {
            Some(_) if silent > SILENT_FOR => {
                Err(format!("the dispatcher has not turned for {} s", silent.as_secs()))
            }
            _ => Ok(()),
        }
    }

    fn started(&self) -> Result<(), String> {
        self.source.get().map(|_| ()).ok_or_else(|| "starting: not consuming yet".to_owned())
    }
}

/// Shows on `/metrics` what `/readyz` would say, until the set is dropped: Prometheus does not ask the latter.
#[must_use]
pub fn show(health: Arc<Health>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        loop {
            metrics::ready(health.ready().await.is_ok());
            tokio::time::sleep(SHOW_EVERY).await;
        }
    });
    tasks
}

/// Listens, and answers until the process ends. The number of connections follows from the limit of file descriptors and
/// what so many `lanes` need of it.
///
/// # Errors
/// When the address cannot be bound.
pub async fn serve(
    addr: SocketAddr,
    lanes: usize,
    health: Arc<Health>,
    recorder: Recorder,
) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(addr).await?;
    let bound = listener.local_addr()?;
    let limits = ConnectionLimits::new(lanes, health.timeout);
    let probes = Router::new()
        .route("/livez", get(async |State(health): State<Arc<Health>>| answer(health.live())))
        .route("/readyz", get(async |State(health): State<Arc<Health>>| health.readiness().await))
        .route("/startupz", get(async |State(health): State<Arc<Health>>| answer(health.started())))
        .with_state(health);
    let metrics = Router::new().route("/metrics", get(exposition)).with_state(recorder);
    tokio::spawn(server::serve(listener, probes.merge(metrics), limits));
    Ok(bound)
}

async fn exposition(State(recorder): State<Recorder>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], recorder.render())
}

fn answer(result: Result<(), String>) -> (StatusCode, String) {
    match result {
        Ok(()) => (StatusCode::OK, "ok\n".to_owned()),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason + "\n"),
    }
}
