//! Where a run takes place: the servers, the fleet's names on them, and everything that one scenario holds while it runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use shared::broker::lapin::options::{ExchangeDeleteOptions, QueueDeleteOptions};
use shared::broker::{Broker, BrokerError, Publisher};
use shared::store::{Store, StoreError};
use shared::tls::Address;
use shared::topology::Topology;
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};

use super::Common;
use super::given;
use super::live::Live;
use super::place::{Place, RESULT_TTL, topology};
use crate::measure::{Machine, Run, machine};
use crate::report::{ReportError, finish};
use crate::rig::{Environment, RigError, io, program};

/// Everything of a run. What it started is gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) common: Common,
    pub(crate) topology: Topology,
    pub(crate) store: Store,
    pub(crate) broker: Broker,
    pub(crate) publisher: Publisher,
    pub(crate) live: Live,
    pub(crate) begun: Instant,
    pub(crate) started_at: String,
    pub(crate) machine: Machine,
    pub(crate) versions: BTreeMap<String, String>,
    pub(crate) worker: PathBuf,
    /// What every worker is told.
    pub(crate) environment: Environment,
    /// As the last workers reported them.
    pub(crate) settings: Mutex<BTreeMap<String, String>>,
    /// The message of `--drop-one` is still to be dropped.
    pub(crate) drop_one: AtomicBool,
    place: Place,
    /// Goes last: servers and workers write into it.
    folder: TempDir,
}

/// Queues on servers of others, to be deleted whichever way the run ends.
type Traces = Mutex<Option<(Address, Topology)>>;

/// Holds a scenario from its beginning to the verdict; the text to print, and whether it passed. Ctrl-C stops everything.
pub(crate) fn held(
    common: &Common,
    scenario: impl AsyncFnOnce(&Site) -> Result<Run, RigError>,
) -> Result<(String, bool), ReportError> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(io("the runtime"))?;
    let run = runtime.block_on(async {
        let mut terminated = signal(SignalKind::terminate()).map_err(io("signals"))?;
        let traces = Traces::default();
        let going = async { scenario(&Site::open(common, &traces).await?).await };
        let run = tokio::select! {
            run = going => run,
            _ = tokio::signal::ctrl_c() => Err(RigError::Interrupted),
            _ = terminated.recv() => Err(RigError::Interrupted),
        };
        remove(&traces).await;
        run
    })?;
    finish(run, &common.outputs)
}

impl Site {
    async fn open(common: &Common, traces: &Traces) -> Result<Self, RigError> {
        let worker =
            if common.no_workers { PathBuf::new() } else { program("worker", common.worker.as_deref())? };
        let given = given::servers(common)?;
        let folder =
            tempfile::Builder::new().prefix("loadtest-").tempdir().map_err(io("a temporary folder"))?;
        let live = Live::new(common.quiet);
        let about =
            if given.is_some() { "given by AMQP_URL and REDIS_URL" } else { "private, on this machine" };
        let machine = machine(about);
        let started_at = jiff::Timestamp::now().round(jiff::Unit::Second).unwrap_or_default().to_string();
        let topology = topology(common, given.as_ref())?;
        let place = Place::open(given, &live, folder.path(), common.api).await?;
        if place.servers.is_none() && !common.no_workers {
            *traces.lock().unwrap_or_else(PoisonError::into_inner) = Some((place.amqp(), topology.clone()));
        }
        let broker = reach(&place, &live).await?;
        let environment = place.surroundings(&topology);
        let versions = place.versions(&worker).await;
        Ok(Self {
            store: Store::open(place.redis(), &topology.prefix, RESULT_TTL)?,
            publisher: Publisher::open(&broker, topology.clone()).await?,
            environment,
            common: common.clone(),
            topology,
            broker,
            live,
            begun: Instant::now(),
            started_at,
            machine,
            versions,
            worker,
            settings: Mutex::default(),
            drop_one: AtomicBool::new(common.drop_one),
            place,
            folder,
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// RabbitMQ's HTTP API, where it was asked for and is there.
    pub(crate) fn api(&self) -> Option<&str> {
        self.place.api.as_deref()
    }

    /// The process of `rabbitmq` or `redis`, where they are ours and no container's.
    pub(crate) fn pid(&self, server: &str) -> Option<u32> {
        self.place.servers.as_ref()?.pid(server)
    }
}

/// How long servers that do not answer are tried: the network of a pod that has just started may open some seconds later, and a server
/// that is being restarted is back within half a minute.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// A connection to RabbitMQ, once Redis has answered too. A server that says no is not asked again.
async fn reach(place: &Place, live: &Live) -> Result<Broker, RigError> {
    let end = Instant::now() + PATIENCE;
    let mut told = false;
    let mut try_again = |error: String| {
        if Instant::now() + PAUSE > end {
            return Err(RigError::NotReady(format!("{error} (tried for {} s)", PATIENCE.as_secs())));
        }
        if !told {
            live.tell(&format!("{error}; trying for {} s", PATIENCE.as_secs()));
        }
        told = true;
        Ok(())
    };
    let store = Store::open(place.redis(), "loadtest", RESULT_TTL)?;
    while let Err(error) = store.ping().await {
        match error {
            StoreError::Unreachable { .. } => try_again(error.to_string())?,
            other => return Err(other.into()),
        }
        sleep(PAUSE).await;
    }
    loop {
        match Broker::connect(place.amqp(), "loadtest").await {
            Err(error @ BrokerError::Unreachable { .. }) => try_again(error.to_string())?,
            other => return Ok(other?),
        }
        sleep(PAUSE).await;
    }
}

/// Takes away what a run made on servers of others.
async fn remove(traces: &Traces) {
    let Some((amqp, topology)) = traces.lock().unwrap_or_else(PoisonError::into_inner).take() else {
        return;
    };
    let removing = async {
        let broker = Broker::connect(amqp, "loadtest cleaning").await?;
        let channel = broker.channel().await?;
        for queue in topology.queues() {
            channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await?;
        }
        let tiers = (0..topology.retry_delays.len()).filter_map(|tier| topology.retry(tier));
        for exchange in tiers.chain([topology.dead(), topology.exchange().to_owned()]) {
            channel.exchange_delete(exchange.as_str().into(), ExchangeDeleteOptions::default()).await?;
        }
        broker.close().await;
        Ok::<_, RigError>(())
    };
    if let Err(error) = removing.await {
        let prefix = &topology.prefix;
        crate::cli::say(&mut std::io::stderr().lock(), &format!("queues of {prefix} are left over: {error}"));
    }
}
