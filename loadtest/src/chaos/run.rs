//! A run from its beginning to the verdict.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use rustix::process::{Resource, Rlimit};
use shared::job::{JobId, Levels};
use shared::store::Store;
use shared::topology::Topology;
use tempfile::TempDir;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use super::arguments::Chaos;
use super::audit::{Evidence, audit};
use super::books::Books;
use super::disk::Disk;
use super::faults::{Field, Injected, inject};
use super::fleet::{DESCRIPTORS, Slot, Wires};
use super::media::{Media, ROOT};
use super::progress::Progress;
use super::report::Report;
use super::scenario::Scenario;
use super::schedule::{Planned, plan};
use super::settle;
use super::side::SideFleets;
use super::submit::Producers;
use crate::rig::{
    self, BrokerCluster, Environment, Programs, Repository, RigError, Seen, SentinelGroup, Servers,
    environment, io,
};

/// More than a run keeps waiting: what a full queue does is tested elsewhere, and a retry that finds its queue full is
/// tried again by RabbitMQ only after three minutes.
const QUEUE_MAX_SIZE: u64 = 100_000;

/// Short tiers, so that a root that stays away for some seconds uses them all.
const RETRY_DELAYS: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// What QUEUE_PRIORITY_LEVELS is by default.
const LEVELS: u8 = 3;

/// Lanes of each worker.
const LANES: &str = "2";

/// Results outlive the longest run.
const RESULT_TTL: Duration = Duration::from_secs(2 * 3600);

/// Processes that were killed or told to end are given this long to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// Counters that are summed up.
const COUNTERS: [(&str, &str); 5] = [
    ("redeliveries", "analysis_redeliveries_total"),
    ("retries", "analysis_retries_total"),
    ("lost leases", "analysis_lost_leases_total"),
    ("lane restarts", "analysis_lane_restarts_total"),
    ("failed writes to Redis", "analysis_store_failures_total"),
];

/// Runs the command; the text to print, and whether the audit passed.
pub(crate) fn run(arguments: &Chaos) -> Result<(String, bool), RigError> {
    let Chaos { scenario, seed, ref only, .. } = *arguments;
    let planned = plan(scenario, seed, arguments.length(), arguments.workers.into(), only);
    if planned.is_empty() {
        let why = "none of the faults in --only can strike the servers of this --scenario";
        return Err(RigError::Refused(why.to_owned()));
    }
    if arguments.plan {
        return Ok((plan_text(&planned, arguments.workers.into()), true));
    }
    let programs = Programs::find(arguments.worker.as_deref(), arguments.producer.as_deref())?;
    let repository = Repository::find()?;
    rig::hold(hold(arguments, planned, &programs, &repository))
}

fn plan_text(planned: &[Planned], workers: usize) -> String {
    let line = |planned: &Planned| {
        let (at, lasts) = (planned.at.as_secs_f64(), planned.lasts.as_secs_f64());
        format!("{at:7.1} s {:<18} {lasts:5.1} s  {}", planned.fault.kind(), planned.fault.target(workers))
    };
    planned.iter().map(line).collect::<Vec<_>>().join("\n")
}

async fn hold(
    arguments: &Chaos,
    planned: Vec<Planned>,
    programs: &Programs,
    repository: &Repository,
) -> Result<(String, bool), RigError> {
    let begun = Instant::now();
    raise_own_limit();
    let folder = tempfile::Builder::new().prefix("chaos-").tempdir().map_err(io("a temporary folder"))?;
    let topology = topology()?;
    let seen = Arc::new(Seen::default());
    let field = Arc::new(field(arguments, programs, repository, folder.path(), &topology, &seen).await?);
    let store = Store::open(&field.servers.redis, &topology.prefix, RESULT_TTL)?;
    let faults = under_faults(&field, planned).await;
    if faults.is_err() {
        let_go(&field).await;
    }
    let faults = faults?;
    let direct = match &field.sentinels {
        Some(sentinels) => sentinels.master_url().await?,
        None => field.servers.redis.clone(),
    };
    let mut books = Books::open(store, &direct, &topology.prefix).await?;
    let servers = versions(&field.servers, &mut books).await?;
    settle::finish(&field, &books, &topology).await?;
    let queued = settle::stop(&field, &topology).await?;
    if arguments.lose_one {
        books.lose_one().await?;
    }
    let evidence = Evidence {
        submissions: field.producers.submissions(),
        books: books.read().await?,
        files: field.media.files.iter().map(|(path, ends)| (Media::shown(path), ends.clone())).collect(),
        faults,
        queued,
        unasked: field.slots.iter().flat_map(Slot::unasked).collect(),
        hung: field.slots.iter().map(Slot::hung).sum(),
        survivors: seen.survivors(GONE_WITHIN).await,
    };
    let counters = counters(&field.slots);
    // The servers are stopped by what they wrote in the folder, which goes next.
    drop(field);
    let verdict = audit(&evidence);
    let report = Report {
        scenario: arguments.scenario,
        servers,
        seed: arguments.seed,
        minutes: arguments.minutes,
        workers: arguments.workers.into(),
        files: arguments.files.into(),
        seconds: begun.elapsed().as_secs_f64(),
        counters,
        faults: evidence.faults,
        kept: keep(folder, arguments.keep || !verdict.passes()),
        verdict,
    };
    if let Some(out) = &arguments.out {
        let text = serde_json::to_vec_pretty(&report).map_err(|error| io("the report")(error.into()))?;
        std::fs::write(out, text).map_err(io(out.display().to_string()))?;
    }
    Ok((report.text(), report.verdict.passes()))
}

/// Faults that were under way when a run broke off hold the servers for a moment longer, and the servers are stopped by what is
/// in the folder that goes with this run.
async fn let_go(field: &Arc<Field>) {
    let deadline = Instant::now() + GONE_WITHIN;
    while Arc::strong_count(field) > 1 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The time in which faults are injected. Producers go on until the last fault is healed and a job has ended after it.
async fn under_faults(field: &Arc<Field>, planned: Vec<Planned>) -> Result<Vec<Injected>, RigError> {
    let (stop, stopped) = watch::channel(false);
    let injecting = async {
        let injected = inject(field, planned).await;
        stop.send_replace(true);
        injected
    };
    let working = async {
        let (faults, ()) =
            tokio::try_join!(injecting, field.producers.run(&field.media, &field.progress, &stopped))?;
        Ok(faults)
    };
    tokio::select! {
        faults = working => faults,
        broken = try_join_all(field.slots.iter().map(Slot::watch)) => broken.map(|_| Vec::new()),
    }
}

/// Faults hold more connections than most machines allow a process by default. Where this fails, they hold fewer.
fn raise_own_limit() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let _ = rustix::process::setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// A program that becomes the worker, with as few descriptors as it has on most machines.
fn limited(worker: &Path, folder: &Path) -> Result<PathBuf, RigError> {
    let path = folder.join("limited-worker");
    let program = worker.display().to_string().replace('\'', "'\\''");
    let script = format!("#!/bin/sh\nulimit -S -n {DESCRIPTORS}\nexec '{program}' \"$@\"\n");
    let named = || io(path.display().to_string());
    std::fs::write(&path, script).map_err(named())?;
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).map_err(named())?;
    Ok(path)
}

fn topology() -> Result<Topology, RigError> {
    Ok(Topology {
        prefix: format!("chaos-{}", JobId::new()),
        levels: Levels::new(LEVELS)?,
        max_size: QUEUE_MAX_SIZE,
        retry_delays: RETRY_DELAYS.to_vec(),
    })
}

async fn field(
    arguments: &Chaos,
    programs: &Programs,
    repository: &Repository,
    folder: &Path,
    topology: &Topology,
    seen: &Arc<Seen>,
) -> Result<Field, RigError> {
    let media = Media::make(&repository.samples, folder, arguments.files.into())?;
    let disk = Disk::make(&repository.samples, folder, programs.worker.clone())?;
    let side = SideFleets::make(folder, programs.clone(), Arc::clone(seen))?;
    let (servers, cluster, sentinels) = servers(arguments.scenario, repository, folder).await?;
    let settings = settings(arguments.scenario, topology);
    let program = limited(&programs.worker, folder)?;
    let mut slots = Vec::new();
    for number in 0..arguments.workers.into() {
        let (program, mut own) = (program.clone(), settings.clone());
        own.insert("MEDIA_ROOTS".into(), format!("{ROOT}={}", media.mounted.display()));
        slots.push(Slot::open(number, program, own, &servers, folder, Arc::clone(seen)).await?);
    }
    for slot in &slots {
        slot.worker.lock().await.ready().await?;
    }
    let wires = Wires::to(&servers).await?;
    let mut environment = settings;
    environment.insert("MEDIA_ROOTS".into(), format!("{ROOT}={}", media.library.display()));
    environment.insert("AMQP_URL".into(), wires.amqp_url.clone());
    environment.insert("REDIS_URL".into(), wires.redis_url.clone());
    let producers = Producers::new(programs.producer.clone(), environment, folder.to_owned(), arguments.seed);
    let progress = Progress::of(Store::open(&servers.redis, &topology.prefix, RESULT_TTL)?);
    let turns = std::array::from_fn(|_| Mutex::new(()));
    let topology = topology.clone();
    Ok(Field {
        slots,
        producers,
        wires,
        servers,
        cluster,
        sentinels,
        media,
        disk,
        side,
        topology,
        progress,
        turns,
    })
}

/// The servers of a scenario: those by the script, whose addresses lead to all of them, and what there is beside them.
async fn servers(
    scenario: Scenario,
    repository: &Repository,
    folder: &Path,
) -> Result<(Servers, Option<BrokerCluster>, Option<SentinelGroup>), RigError> {
    let (script, state) = (&repository.services, folder.join("services"));
    match scenario {
        Scenario::Single => Ok((Servers::up(script, &state).await?, None, None)),
        Scenario::RabbitmqCluster => {
            let (servers, cluster) = BrokerCluster::up(script, &state).await?;
            Ok((servers, Some(cluster), None))
        }
        Scenario::RedisSentinel => {
            let sentinels = SentinelGroup::up(folder).await?;
            let mut servers = Servers::up(script, &state).await?;
            servers.redis = sentinels.url();
            Ok((servers, None, Some(sentinels)))
        }
    }
}

async fn versions(servers: &Servers, books: &mut Books) -> Result<Vec<String>, RigError> {
    let redis = format!("Redis {}", books.redis_version().await?);
    Ok(servers.rabbitmq_version().into_iter().chain([redis]).collect())
}

fn settings(scenario: Scenario, topology: &Topology) -> Environment {
    let delays: Vec<String> = RETRY_DELAYS.iter().map(|delay| format!("{}s", delay.as_secs())).collect();
    environment([
        ("QUEUE_PREFIX", topology.prefix.clone()),
        ("QUEUE_MAX_SIZE", QUEUE_MAX_SIZE.to_string()),
        ("RETRY_DELAYS", delays.join(",")),
        ("RESULT_TTL", format!("{}s", RESULT_TTL.as_secs())),
        ("HTTP_ADDR", "127.0.0.1:0".to_owned()),
        ("ANALYSIS_MAX_WORKERS", LANES.to_owned()),
        ("ANALYSIS_TIMEOUT", scenario.analysis_timeout().to_owned()),
        ("SHUTDOWN_TIMEOUT", "5s".to_owned()),
        ("HEALTH_CHECK_TIMEOUT", "2s".to_owned()),
        ("CACHE_SIZE_MB", "8".to_owned()),
        ("LOG_FORMAT", "json".to_owned()),
    ])
}

fn counters(slots: &[Slot]) -> BTreeMap<&'static str, f64> {
    let sum = |series: &str| slots.iter().map(|slot| slot.total(series)).sum();
    COUNTERS.iter().map(|(name, series)| (*name, sum(series))).collect()
}

/// The folder stays when there is something to look for in its logs.
fn keep(folder: TempDir, wanted: bool) -> Option<String> {
    wanted.then(|| folder.keep().display().to_string())
}
