//! `worker run`: RabbitMQ, the pipeline, Redis. One of the two places that name adapters.

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use shared::broker::{Broker, BrokerError, Publisher};
use shared::machine;
use shared::roots::MediaRoots;
use shared::settings::{EXIT_CONFIG, PriorityMode, WorkerSettings};
use shared::store::{Store, StoreError};
use shared::telemetry;
use shared::tls::Tls;
use shared::topology::Topology;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::analyst::Analyst;
use crate::asked::Asked;
use crate::cache::Cache;
use crate::descriptors;
use crate::exit;
use crate::gates::{self, Gates};
use crate::health::{self, Health, Taking};
use crate::held;
use crate::lane_settings;
use crate::lanes::{LaneSettings, Lanes};
use crate::metrics::{self, Sampler};
use crate::pipeline::{self, Control, Policy};
use crate::read_ahead::{self, ReadAhead};
use crate::reaper;
use crate::sink::redis::RedisSink;
use crate::source::rabbitmq::{self, RabbitReceiver, RabbitSettler, Windows};
use crate::starts::Starts;
use crate::stop::Stop;
use crate::watchdog;

mod announce;
mod depth;
mod tiers;

use depth::Depths;
use tiers::TierWatch;

const WEDGED: &str = "a connection to RabbitMQ is dead, or messages wait and none is delivered, to new consumers either: \
     start this worker again";

/// Between two tries to come up on a broker that goes away in the middle of it.
const CONNECT_AGAIN: Duration = Duration::from_secs(1);

/// Why the daemon did not run, with its exit code.
#[derive(Debug)]
struct Failure(String, u8);

impl<E: std::error::Error> From<(E, u8)> for Failure {
    fn from((error, code): (E, u8)) -> Self {
        Self(error.to_string(), code)
    }
}

impl From<BrokerError> for Failure {
    fn from(error: BrokerError) -> Self {
        let code = match error {
            BrokerError::Topology(_) | BrokerError::Refused { .. } => EXIT_CONFIG,
            _ => exit::UNAVAILABLE,
        };
        Self(error.to_string(), code)
    }
}

/// What the machine does not have, the kernel takes back by ending a process, and that need not be the lane that took it.
fn warn_of_little_memory(memory_bytes: u64) {
    if let Some(limit) = machine::memory_limit().filter(|limit| *limit < memory_bytes) {
        let (asked, there) = (memory_bytes >> 20, limit >> 20);
        warn!(
            "MAX_MEMORY_MB is {asked}, but this worker may use {there} MiB (its cgroup's limit, or the machine's memory): the \
             kernel may end it for want of memory; set MAX_MEMORY_MB to {there} or less"
        );
    }
}

/// Lanes give up what root may do, but their files and processes are root's all the same: one fault in the kernel's confinement
/// is then a fault in all of the machine.
fn warn_of_root() {
    if rustix::process::geteuid().is_root() {
        warn!(
            "this worker runs as root: run it as a user that may read the media roots and owns nothing (in systemd: \
             DynamicUser=yes; in a container: a numeric user)"
        );
    }
}

/// Runs until it is told to stop.
#[must_use]
pub fn main(settings: WorkerSettings) -> ExitCode {
    exit::block_on(async move {
        let ended = run(settings).await;
        // Its supervisor waits for the end of this process, whatever it does with the log.
        telemetry::hurry();
        match ended {
            Ok(()) => ExitCode::SUCCESS,
            Err(Failure(text, code)) => {
                // Once: where the log leaves errors out, as plain text.
                if tracing::enabled!(tracing::Level::ERROR) {
                    error!(exit_code = code, "{text}");
                    ExitCode::from(code)
                } else {
                    exit::say(&text, code)
                }
            }
        }
    })
}

async fn run(settings: WorkerSettings) -> Result<(), Failure> {
    let roots = settings.media_roots.clone().ok_or_else(no_roots)?;
    let readable = roots.iter().map(|(_, path)| path.to_owned()).collect();
    let lane_settings =
        lane_settings::of(&settings, readable).map_err(|error| Failure(error, EXIT_CONFIG))?;
    descriptors::raise();
    descriptors::check(lane_settings.lanes).map_err(|error| (error, EXIT_CONFIG))?;
    warn_of_root();
    let stop = Stop::default();
    let shutdown = settings.service.shutdown_timeout;
    stop.on_signals(shutdown).map_err(|error| (error, exit::SYSTEM))?;
    watchdog::start(&stop, shutdown).map_err(|error| (error, exit::SYSTEM))?;
    reaper::start();
    let tls = Tls::load(&settings.tls).map_err(|error| (error, EXIT_CONFIG))?;
    let store = open_store(&settings, &tls)?;
    let control =
        Control { stop, gates: Gates::new(roots.iter().map(|(name, _)| name)), ..Control::default() };
    let health = serve(&settings, &store, &control).await?;
    let connecting = connect_in_the_end(&settings, &tls, roots.clone());
    let servers = Box::pin(async { tokio::try_join!(connecting, let_in(&store)) });
    let Some((fleet, ())) = interruptible(&control.stop, servers).await? else { return Ok(()) };
    let lanes = Lanes::start(lane_settings.clone()).await.map_err(|error| (error, EXIT_CONFIG))?;
    let (ahead, reader) = read_ahead::start(&lane_settings, settings.resources.read_ahead_bytes);
    let analyst = Arc::new(analyst(&settings, &lane_settings, lanes.clone(), store.clone(), ahead.clone()));
    // Before any work, so that `producer enqueue --changed` takes up what this version would answer otherwise. A Redis that
    // is away hears it with the first ends.
    if let Err(error) = store.announce_analyser(&analyst.asked.revision).await {
        warn!(%error, "the analyser's version is not announced yet");
    }
    metrics::confinement(lanes.confinement());
    metrics::memory_limit(settings.resources.memory_bytes);
    warn_of_little_memory(settings.resources.memory_bytes);
    let sampler = Sampler::start(lanes.clone(), ahead, lane_settings.lanes);
    let mut watchers =
        gates::watch(&control.gates, store.clone(), &roots, settings.service.health_check_timeout).await;
    watchers.spawn(gates::follow_lanes(control.gates.clone(), lanes.clone()));
    let telling = held::tell(store.clone(), control.held.clone(), settings.store.result_ttl);
    leave_when_wedged(&fleet.wedged, &control.stop, shutdown);
    // From here on the worker is ready.
    let taking = fleet.taking();
    let _ = health.source.set(taking);
    let showing = health::show(Arc::clone(&health));
    info!(worker = settings.service.name, lanes = lane_settings.lanes, "ready");
    let policy = policy(&settings, &lane_settings);
    announce::start(
        &settings,
        lane_settings.lanes,
        store.clone(),
        control.stop.clone(),
        control.gates.clone(),
    );
    let tier_watch = TierWatch {
        store: store.clone(),
        broker: fleet.publish.clone(),
        publisher: fleet.publisher,
        topology: fleet.topology,
        overdue_after: settings.service.wedge_timeout,
    };
    let (receiver, settler) = tiers::watch(fleet.receiver, fleet.settler, tier_watch);
    let sink = RedisSink::new(store);
    let stop = control.stop.clone();
    let ended = pipeline::run(receiver, settler, sink, analyst, policy, control).await;
    drop((reader, sampler, watchers, showing, telling));
    fleet.depth.abort();
    stop.waits_for("its lanes to end");
    lanes.stop(true).await;
    stop.waits_for("RabbitMQ to close the connections");
    fleet.consume.close().await;
    fleet.publish.close().await;
    stop.waits_for("the process to end");
    info!("stopped");
    ended.map_err(|error| Failure(error.to_string(), exit::SYSTEM))?;
    match fleet.wedged.is_cancelled() {
        true => Err(Failure(WEDGED.to_owned(), exit::SOFTWARE)),
        false => Ok(()),
    }
}

/// A wedged worker finishes what it has, as long as a stop may take, and then leaves.
fn leave_when_wedged(wedged: &CancellationToken, stop: &Stop, deadline: Duration) {
    let (wedged, stop) = (wedged.clone(), stop.clone());
    tokio::spawn(async move {
        wedged.cancelled().await;
        stop.drain();
        tokio::time::sleep(deadline).await;
        stop.now();
    });
}

fn no_roots() -> Failure {
    let text =
        "MEDIA_ROOTS is not set: which folders may be read? For example MEDIA_ROOTS='music=/srv/music'";
    Failure(text.to_owned(), EXIT_CONFIG)
}

fn open_store(settings: &WorkerSettings, tls: &Tls) -> Result<Store, Failure> {
    let store = &settings.store;
    Ok(Store::open(tls.at(store.redis_url.expose()), &store.prefix, store.result_ttl)
        .map_err(|error| (error, EXIT_CONFIG))?)
}

/// A store that does not let us in is a setting that is wrong. One that is away is waited for when it is needed.
async fn let_in(store: &Store) -> Result<(), Failure> {
    match store.probe().await {
        Err(error @ StoreError::Denied { .. }) => Err((error, EXIT_CONFIG).into()),
        _ => Ok(()),
    }
}

async fn serve(settings: &WorkerSettings, store: &Store, control: &Control) -> Result<Arc<Health>, Failure> {
    let recorder = metrics::install(settings.queue.levels).map_err(|error| (error, exit::SYSTEM))?;
    let health = Arc::new(Health {
        heartbeat: control.heartbeat.clone(),
        stop: control.stop.clone(),
        gates: control.gates.clone(),
        store: store.clone(),
        timeout: settings.service.health_check_timeout,
        source: OnceLock::new(),
    });
    let wanted = settings.service.http_addr;
    let bound = health::serve(wanted, settings.analysis.lanes, Arc::clone(&health), recorder)
        .await
        .map_err(|error| Failure(cannot_listen(wanted, &error), EXIT_CONFIG))?;
    info!(address = %bound, "serving /metrics, /livez, /readyz and /startupz");
    Ok(health)
}

/// A second worker does not take a free port by itself: probes and Prometheus would look at the first one and take it for
/// both.
fn cannot_listen(wanted: SocketAddr, error: &io::Error) -> String {
    let remedy = match error.kind() {
        io::ErrorKind::AddrInUse => {
            let next = SocketAddr::new(wanted.ip(), wanted.port().saturating_add(1));
            let free = SocketAddr::new(wanted.ip(), 0);
            format!(
                ", most likely by another worker on this machine: give each worker its own address, as in \
                 HTTP_ADDR={next}, or HTTP_ADDR={free} for any free port, which the log names"
            )
        }
        io::ErrorKind::AddrNotAvailable => ": this machine has no such address".to_owned(),
        io::ErrorKind::PermissionDenied => ": ports below 1024 take a privilege".to_owned(),
        _ => String::new(),
    };
    format!("cannot listen on {wanted} (HTTP_ADDR): {error}{remedy}")
}

/// The connections to RabbitMQ: one to consume and acknowledge, one to publish retries, because a broker in alarm stops
/// all that a publishing connection writes.
struct Fleet {
    consume: Broker,
    publish: Broker,
    publisher: Publisher,
    topology: Topology,
    depth: JoinHandle<()>,
    wedged: CancellationToken,
    receiver: RabbitReceiver,
    settler: RabbitSettler,
}

impl Fleet {
    /// What readiness asks of RabbitMQ: both connections are up, and nothing that is published is refused.
    fn taking(&self) -> Taking {
        let (consumers, consume) = (self.receiver.consumers(), self.consume.clone());
        let (publisher, publish) = (self.publisher.clone(), self.publish.clone());
        Taking::new(move || {
            for broker in [&consume, &publish] {
                if !broker.is_up() {
                    return Err(broker.trouble().unwrap_or_else(|| "the connection is lost".to_owned()));
                }
            }
            if !consumers.are_open() {
                return Err("a channel is not open".to_owned());
            }
            publisher.trouble().map_or(Ok(()), Err)
        })
    }
}

/// A connection that is lost while the queues are declared is no wrong setting: it is tried again.
async fn connect_in_the_end(
    settings: &WorkerSettings,
    tls: &Tls,
    roots: MediaRoots,
) -> Result<Fleet, Failure> {
    loop {
        match connect(settings, tls, roots.clone()).await {
            Err(error) if error.may_pass() => warn!(%error, "rabbitmq went away, trying again"),
            other => return Ok(other?),
        }
        tokio::time::sleep(CONNECT_AGAIN).await;
    }
}

async fn connect(settings: &WorkerSettings, tls: &Tls, roots: MediaRoots) -> Result<Fleet, BrokerError> {
    let queue = &settings.queue;
    let topology = Topology {
        prefix: queue.prefix.clone(),
        levels: queue.levels,
        max_size: queue.max_size.into(),
        retry_delays: queue.retry_delays.clone(),
    };
    let (to, name) = (tls.at(queue.amqp_url.expose()), &settings.service.name);
    let waiting = |error: &BrokerError| warn!(%error, "waiting for rabbitmq");
    let consume = Broker::connect_patiently(to.clone(), &format!("{name} consume"), waiting).await?;
    let publish = Broker::connect_patiently(to, &format!("{name} publish"), waiting).await?;
    let publisher = Publisher::open(&publish, topology.clone()).await?;
    let windows = Windows::new(
        queue.levels,
        &settings.schedule.levels,
        settings.analysis.lanes,
        pipeline::initial_reserve(settings.analysis.batch_size, settings.analysis.batch_max),
    );
    let (receiver, settler) =
        rabbitmq::open(consume.clone(), publisher.clone(), &topology, windows, roots).await?;
    let wedged = CancellationToken::new();
    let depths = Depths {
        broker: publish.clone(),
        topology: topology.clone(),
        consumers: receiver.consumers(),
        limit: settings.service.wedge_timeout,
        wedged: wedged.clone(),
    };
    let depth = depth::watch(depths).await;
    Ok(Fleet { consume, publish, publisher, topology, depth, wedged, receiver, settler })
}

/// `None` when a stop came first.
async fn interruptible<T>(
    stop: &Stop,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<Option<T>, Failure> {
    tokio::select! {
        result = work => result.map(Some),
        () = stop.draining() => Ok(None),
    }
}

fn analyst(
    settings: &WorkerSettings,
    lane: &LaneSettings,
    lanes: Lanes,
    store: Store,
    ahead: ReadAhead,
) -> Analyst {
    let asked = Asked::of(&lane.engine);
    // Nobody may be answered with what a rehearsal left, not even another rehearsal.
    let cache = lane
        .engine
        .rehearsal
        .is_none()
        .then(|| Cache::new(store.clone(), asked.profile.clone(), settings.resources.cache_bytes));
    Analyst {
        lanes,
        cache,
        starts: Some(Starts::watching(store)),
        ahead,
        asked,
        worker: Some(settings.service.name.clone()),
    }
}

fn policy(settings: &WorkerSettings, lanes: &LaneSettings) -> Policy {
    let schedule = &settings.schedule;
    Policy {
        lanes: lanes.lanes,
        batch_size: settings.analysis.batch_size,
        batch_max: settings.analysis.batch_max,
        pace: settings.resources.pace,
        tiers: settings.queue.retry_delays.len(),
        levels: settings.queue.levels,
        aging: (schedule.mode == PriorityMode::Weighted).then_some(schedule.aging),
        consumer_timeout: Some(settings.service.consumer_timeout),
    }
}
