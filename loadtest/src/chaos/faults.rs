//! Injecting a fault, healing it, and the time until the fleet ends a job again.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::process::Signal;
use serde::Serialize;
use shared::topology::Topology;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::disk::Disk;
use super::fleet::{Slot, Wires};
use super::media::Media;
use super::progress::Progress;
use super::proxy::Line;
use super::schedule::{Fault, Planned, Wire};
use super::side::SideFleets;
use super::submit::Producers;
use crate::rig::{BrokerCluster, RigError, SentinelGroup, Servers, io};

mod broker;
mod cluster;
mod worker;

/// Waited for after a fault until a job ends. The longest way back that is known: a broker's heartbeat of 60 s finds a
/// dead connection after two of them.
const RECOVERY_LIMIT: Duration = Duration::from_secs(150);

/// How late a slow wire is, at most.
const SLOWEST_MS: u64 = 300;

/// Everything that faults strike.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) slots: Vec<Slot>,
    pub(crate) producers: Producers,
    /// Between the producers and the servers.
    pub(crate) wires: Wires,
    pub(crate) servers: Servers,
    /// The other nodes of RabbitMQ, where it has several.
    pub(crate) cluster: Option<BrokerCluster>,
    /// Redis, where it is one with replicas.
    pub(crate) sentinels: Option<SentinelGroup>,
    pub(crate) media: Media,
    pub(crate) disk: Disk,
    pub(crate) side: SideFleets,
    pub(crate) topology: Topology,
    pub(crate) progress: Progress,
    /// One fault at a time on RabbitMQ, on Redis and on the media root.
    pub(crate) turns: [Mutex<()>; 3],
}

/// A fault that was injected.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Injected {
    #[serde(flatten)]
    pub(crate) planned: Planned,
    /// What it struck.
    pub(crate) target: String,
    /// Milliseconds since the Unix epoch.
    pub(crate) began_ms: i64,
    pub(crate) healed_ms: i64,
    /// From the healing to the next end of a job: by the worker that was struck, where it was one, else by any. None when
    /// none came in time.
    pub(crate) recovery_seconds: Option<f64>,
    /// The longest time without an end of any job, from the beginning of the fault to the end of its recovery.
    pub(crate) longest_pause_seconds: f64,
    /// What there is to say of it.
    pub(crate) note: Option<String>,
    /// A check that belongs to the fault failed.
    pub(crate) wrong: Option<String>,
}

/// What became of a fault.
enum Done {
    Fine,
    Said(String),
    Wrong(String),
}

/// Injects all of them, each in its time or as soon as its target is free, and waits for the last to be healed.
pub(crate) async fn inject(field: &Arc<Field>, planned: Vec<Planned>) -> Result<Vec<Injected>, RigError> {
    let (begun, mut running) = (Instant::now(), JoinSet::new());
    for planned in planned {
        sleep_until(begun + planned.at).await;
        let field = Arc::clone(field);
        running.spawn(async move { field.one(planned).await });
    }
    let mut injected = Vec::new();
    while let Some(ended) = running.join_next().await {
        injected.push(ended.map_err(|error| io("a fault")(error.into()))??);
    }
    injected.sort_by_key(|injected: &Injected| injected.planned.at);
    Ok(injected)
}

impl Field {
    async fn one(&self, planned: Planned) -> Result<Injected, RigError> {
        let (began_ms, begun) = (now_ms(), Instant::now());
        let done = self.strike(planned).await?;
        let healed_ms = now_ms();
        let recovery = match planned.fault.worker().and_then(|worker| self.slots.get(worker)) {
            Some(slot) => slot.next_end(RECOVERY_LIMIT).await,
            None => self.progress.next_end(RECOVERY_LIMIT).await,
        };
        let (note, wrong) = match done {
            Done::Fine => (None, None),
            Done::Said(note) => (Some(note), None),
            Done::Wrong(wrong) => (None, Some(wrong)),
        };
        let recovery_seconds = recovery.map(|time| time.as_secs_f64());
        let longest_pause_seconds = self.progress.longest_pause(begun).as_secs_f64();
        let target = planned.fault.target(self.slots.len());
        Ok(Injected {
            planned,
            target,
            began_ms,
            healed_ms,
            recovery_seconds,
            longest_pause_seconds,
            note,
            wrong,
        })
    }

    async fn strike(&self, planned: Planned) -> Result<Done, RigError> {
        let Planned { lasts, pick, fault, .. } = planned;
        match fault {
            Fault::KillWorker { worker } => self.replace(worker, lasts, true).await?,
            Fault::TerminateWorker { worker } => self.replace(worker, lasts, false).await?,
            Fault::StopWorker { worker } => {
                let worker = self.slots[worker].worker.lock().await;
                worker.process.signal(Signal::STOP);
                sleep(lasts).await;
                worker.process.signal(Signal::CONT);
            }
            Fault::KillLane { worker } => return Ok(self.lane(worker, pick, None).await),
            Fault::StopLane { worker } => return Ok(self.lane(worker, pick, Some(lasts)).await),
            Fault::KillProducer => {
                return Ok(match self.producers.kill() {
                    true => Done::Fine,
                    false => Done::Said("none was running".to_owned()),
                });
            }
            Fault::KillRabbitmq => self.restart("rabbitmq", &self.turns[0], lasts).await?,
            Fault::KillRedis => self.restart("redis", &self.turns[1], lasts).await?,
            Fault::CloseConnections => {
                let _turn = self.turns[0].lock().await;
                self.servers.ask(&["ctl", "close_all_connections", "a fault of the load test"]).await?;
            }
            Fault::Wire { client, server, wire } => {
                let wires = self.slots.get(client).map_or(&self.wires, |slot| &slot.wires);
                let (Some(proxy), turn) = wires.wire(server) else {
                    return Ok(Done::Said("clients find this server's nodes by themselves".to_owned()));
                };
                let _turn = turn.lock().await;
                proxy.set(line(wire, pick));
                sleep(lasts).await;
                proxy.set(Line::Open);
            }
            Fault::FullDisk => {
                return Ok(match self.disk.fill_and_free().await {
                    Ok(means) => Done::Said(means.to_owned()),
                    Err(wrong) => Done::Wrong(wrong),
                });
            }
            Fault::HideRoot => {
                let _turn = self.turns[2].lock().await;
                self.media.hide().map_err(io("hiding the media root"))?;
                sleep(lasts).await;
                self.media.show().map_err(io("bringing the media root back"))?;
            }
            Fault::CloseChannels => return self.close_channels(lasts).await,
            Fault::DeleteExchange => return self.delete_exchange(lasts, pick).await,
            Fault::RevokePermission => return self.revoke_permission(lasts, pick).await,
            Fault::StopLogReader { worker } => return Ok(self.stop_log_reader(worker, lasts).await),
            Fault::IdleConnections { worker } => return Ok(self.idle_connections(worker, lasts).await),
            Fault::EvictingRedis => {
                return Ok(found(self.side.evicting_redis(&self.servers.amqp, &self.turns[0]).await));
            }
            Fault::KillNode { node } => self.kill_node(node, lasts).await?,
            Fault::PartitionNode { node } => return self.partition_node(node, lasts).await,
            Fault::KillMaster => return self.kill_master(lasts).await,
            Fault::StopMaster => return self.stop_master(lasts).await,
            Fault::OldBatch => {
                return Ok(found(self.side.old_batch(&self.servers, &self.turns).await));
            }
        }
        Ok(Done::Fine)
    }

    async fn replace(&self, worker: usize, lasts: Duration, kill: bool) -> Result<(), RigError> {
        let slot = &self.slots[worker];
        let mut worker = slot.worker.lock().await;
        match kill {
            true => slot.kill(&mut worker).await,
            false => slot.terminate(&mut worker).await,
        }
        sleep(lasts).await;
        slot.restart(&mut worker).await
    }

    /// Stops one lane for a time, or kills it.
    async fn lane(&self, worker: usize, pick: u64, stop_for: Option<Duration>) -> Done {
        let mut lanes = {
            let worker = self.slots[worker].worker.lock().await;
            worker.process.children()
        };
        if lanes.is_empty() {
            return Done::Said("no lane was running".to_owned());
        }
        let lane = lanes.swap_remove((pick % lanes.len() as u64) as usize);
        let Some(lasts) = stop_for else {
            lane.signal(Signal::KILL);
            return Done::Fine;
        };
        lane.signal(Signal::STOP);
        sleep(lasts).await;
        match lane.signal(Signal::CONT) {
            true => Done::Fine,
            false => Done::Said("its worker had killed it".to_owned()),
        }
    }

    async fn restart(&self, server: &str, turn: &Mutex<()>, lasts: Duration) -> Result<(), RigError> {
        let _turn = turn.lock().await;
        self.servers.ask(&["kill", server]).await?;
        sleep(lasts).await;
        self.servers.ask(&["restart", server]).await?;
        Ok(())
    }
}

fn found(found: Result<String, String>) -> Done {
    found.map_or_else(Done::Wrong, Done::Said)
}

fn line(wire: Wire, pick: u64) -> Line {
    match wire {
        Wire::Delay => Line::Slow(Duration::from_millis(1 + pick % SLOWEST_MS)),
        Wire::Cut => Line::Cut,
        Wire::HalfOpen => Line::HalfOpen,
        Wire::BlackHole => Line::BlackHole,
    }
}

/// Milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
