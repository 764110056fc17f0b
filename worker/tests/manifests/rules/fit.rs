//! Numbers of a manifest that must fit those of the settings: memory, processors, time, prefetch.

use std::time::Duration;

use serde_json::Value;
use shared::settings::{MIN_LANE_BYTES, OWN_BYTES, WorkerSettings};
use worker::lanes::lane_share;
use worker::source::rabbitmq::Windows;

use super::settings::program;
use crate::environment;
use crate::objects::{Workload, name, number, of_kind, quantity, text, workloads};

/// `MAX_MEMORY_MB` counts what is allocated. The container's limit also counts programs' code, page tables, sockets and the page
/// cache in use: an eighth on top.
pub const MEMORY_HEADROOM: f64 = 9.0 / 8.0;

/// After `SHUTDOWN_TIMEOUT` lanes are killed, jobs given back, results flushed, connections closed: each has its own limit of a few
/// seconds. Then the kubelet's SIGKILL may come.
pub const STOP_MARGIN: Duration = Duration::from_secs(15);

/// RabbitMQ's own default (30 min): how long a message may stay unacknowledged before its consumer is cut off.
const CONSUMER_TIMEOUT: Duration = Duration::from_secs(1800);

pub fn breaches(objects: &[Value]) -> Vec<String> {
    let timeout = consumer_timeout(objects);
    workloads(objects)
        .filter(Workload::is_worker)
        .flat_map(|workload| {
            let found = of_worker(&workload, objects, timeout);
            found.into_iter().map(|breach| format!("{}: {breach}", workload.title())).collect::<Vec<_>>()
        })
        .collect()
}

/// The settings of a pool, `None` where `rules::settings` has something to say.
pub fn settings_of(workload: &Workload<'_>, objects: &[Value]) -> Option<WorkerSettings> {
    let container = workload.containers().find(|container| program(container) == Some("worker"))?;
    environment::worker(&environment::of_container(container, objects).ok()?).ok()
}

/// How many unsettled jobs of each level one worker may hold.
pub fn windows_of(settings: &WorkerSettings) -> Windows {
    Windows::new(
        settings.queue.levels,
        &settings.schedule.levels,
        settings.analysis.lanes,
        settings.analysis.batch_size,
    )
}

fn of_worker(workload: &Workload<'_>, objects: &[Value], consumer_timeout: Duration) -> Vec<String> {
    let (Some(settings), Some(container)) = (settings_of(workload, objects), workload.containers().next())
    else {
        return Vec::new();
    };
    let mut found = Vec::new();
    found.extend(memory(&settings, &container["resources"]));
    found.extend(processors(&settings, &container["resources"]));
    found.extend(stopping(&settings, workload.pod()));
    found.extend(probes(&settings, container));
    found.extend(prefetch(&settings, consumer_timeout));
    found
}

fn memory(settings: &WorkerSettings, resources: &Value) -> Vec<String> {
    let (resource, lanes) = (&settings.resources, settings.analysis.lanes);
    let parent = OWN_BYTES + resource.cache_bytes;
    let mut found: Vec<String> = lane_share(resource.memory_bytes, parent, lanes)
        .err()
        .map(|error| error.to_string())
        .into_iter()
        .collect();
    let least = (parent + MIN_LANE_BYTES * lanes as u64) as f64;
    let most = resource.memory_bytes as f64 * MEMORY_HEADROOM;
    if quantity(&resources["requests"]["memory"]).is_none_or(|request| request < least) {
        found.push(format!("requests less memory than it cannot do without ({} MiB)", mib(least)));
    }
    if quantity(&resources["limits"]["memory"]).is_none_or(|limit| limit < most) {
        found.push(format!("its memory limit is below MAX_MEMORY_MB and an eighth ({} MiB)", mib(most)));
    }
    found
}

fn mib(bytes: f64) -> u64 {
    (bytes / f64::from(1 << 20)).ceil() as u64
}

/// A lane computes in one thread. A limit below that would stop it in the middle of each period, and with it the probes' answers.
fn processors(settings: &WorkerSettings, resources: &Value) -> Vec<String> {
    let lanes = settings.analysis.lanes as f64;
    let mut found = Vec::new();
    if quantity(&resources["limits"]["cpu"]).is_none_or(|limit| limit < lanes + 1.0) {
        found.push(format!("its CPU limit is below one for each of {lanes} lanes and one for itself"));
    }
    if quantity(&resources["requests"]["cpu"]).is_none_or(|request| request > lanes) {
        found.push(format!("requests more CPU than {lanes} lanes can use"));
    }
    found
}

fn stopping(settings: &WorkerSettings, pod: &Value) -> Vec<String> {
    let service = &settings.service;
    let grace = Duration::from_secs(pod["terminationGracePeriodSeconds"].as_u64().unwrap_or(30));
    let mut found = Vec::new();
    if grace < service.shutdown_timeout + STOP_MARGIN {
        found.push(format!("terminationGracePeriodSeconds is below SHUTDOWN_TIMEOUT and {STOP_MARGIN:?}"));
    }
    if service.shutdown_timeout < settings.analysis.timeout {
        found.push("SHUTDOWN_TIMEOUT is below ANALYSIS_TIMEOUT: every rollout throws work away".to_owned());
    }
    found
}

fn probes(settings: &WorkerSettings, container: &Value) -> Option<String> {
    let wait = Duration::from_secs(container["readinessProbe"]["timeoutSeconds"].as_u64().unwrap_or(1));
    (wait <= settings.service.health_check_timeout)
        .then(|| "the readiness probe gives up before HEALTH_CHECK_TIMEOUT is over".to_owned())
}

/// The last job of a full prefetch has to be over before the broker takes its consumer for dead; half the time is reserve for files
/// of more than ten minutes.
fn prefetch(settings: &WorkerSettings, consumer_timeout: Duration) -> Vec<String> {
    let held: usize = windows_of(settings).iter().map(|(_, window)| usize::from(window)).sum();
    let rounds = u32::try_from(held.div_ceil(settings.analysis.lanes)).unwrap_or(u32::MAX);
    let longest = settings.analysis.timeout.saturating_mul(rounds);
    let mut found = Vec::new();
    if longest > consumer_timeout / 2 {
        found.push(format!(
            "{held} prefetched jobs may take {longest:?}, consumer_timeout is {consumer_timeout:?}"
        ));
    }
    if settings.service.consumer_timeout > consumer_timeout {
        found.push(format!(
            "CONSUMER_TIMEOUT is {:?}, consumer_timeout is {consumer_timeout:?}",
            settings.service.consumer_timeout
        ));
    }
    if held as u64 > u64::from(settings.queue.max_size) {
        found.push(format!("one worker's prefetch ({held}) is more than QUEUE_MAX_SIZE"));
    }
    found
}

/// As the broker of these objects is configured.
fn consumer_timeout(objects: &[Value]) -> Duration {
    let plain = of_kind(objects, "ConfigMap").find(|map| name(map).starts_with("rabbitmq"));
    let cluster = of_kind(objects, "RabbitmqCluster").next();
    [
        plain.map_or("", |map| text(&map["data"]["rabbitmq.conf"])),
        cluster.map_or("", |cluster| text(&cluster["spec"]["rabbitmq"]["additionalConfig"])),
    ]
    .iter()
    .flat_map(|config| config.lines())
    .find_map(|line| line.strip_prefix("consumer_timeout =")?.trim().parse().ok())
    .map_or(CONSUMER_TIMEOUT, Duration::from_millis)
}

/// Seconds of a stabilization window.
pub fn window_seconds(behavior: &Value) -> u64 {
    number(&behavior["scaleDown"]["stabilizationWindowSeconds"]).unwrap_or(0)
}
