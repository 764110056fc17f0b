//! Which fault comes when: a pure function of the seed, so that a run that found something can be held again.
//!
//! It knows no process and no clock: times count from the beginning of the run, workers are numbers.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::scenario::Scenario;
use crate::corpus::Random;

/// Nothing is injected before the fleet has taken up its work.
const QUIET_START: f64 = 1.5;

/// A server, as a worker or the producers see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Server {
    Rabbitmq,
    Redis,
}

/// What is wrong with a connection on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Wire {
    /// Every piece of data comes late.
    Delay,
    /// Connections end, new ones at once.
    Cut,
    /// The server's side is closed, the client's side stays and says nothing.
    HalfOpen,
    /// Connections stay, new ones are accepted, nothing is carried.
    BlackHole,
}

/// One fault, with what it strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "fault")]
pub(crate) enum Fault {
    /// SIGKILL, and a new worker in its place.
    KillWorker { worker: usize },
    /// SIGSTOP, later SIGCONT.
    StopWorker { worker: usize },
    /// SIGTERM, an orderly end, and a new worker.
    TerminateWorker { worker: usize },
    /// SIGKILL of one analysis process.
    KillLane { worker: usize },
    /// SIGSTOP of one analysis process, later SIGCONT.
    StopLane { worker: usize },
    /// SIGKILL of a producer in the middle of a batch.
    KillProducer,
    /// SIGKILL of the broker, and its restart.
    KillRabbitmq,
    /// SIGKILL of the store, and its restart.
    KillRedis,
    /// The broker closes every connection by its own protocol.
    CloseConnections,
    /// Between a worker and a server; beyond the last worker: between the producers and it.
    Wire { client: usize, server: Server, wire: Wire },
    /// The disk under a result log is full, and later is not.
    FullDisk,
    /// The media root is gone, and comes back.
    HideRoot,
    /// The broker closes every channel that holds a message for longer than a second or two (`consumer_timeout`).
    CloseChannels,
    /// An exchange is deleted, and later declared again with its bindings.
    DeleteExchange,
    /// Nobody may publish to an exchange, and later everybody may again.
    RevokePermission,
    /// The worker's log is not read, and its pipe is full.
    StopLogReader { worker: usize },
    /// More connections to the worker's HTTP address than it has descriptors, and none of them asks for anything.
    IdleConnections { worker: usize },
    /// A small fleet of its own on a Redis that deletes keys when its memory is full.
    EvictingRedis,
    /// A batch of a small fleet of its own that waits in the queue for longer than RESULT_TTL.
    OldBatch,
    /// SIGKILL of one node of the RabbitMQ cluster, and its restart.
    KillNode { node: usize },
    /// One node of the RabbitMQ cluster and the others do not see each other, and later do again.
    PartitionNode { node: usize },
    /// SIGKILL of Redis' master; another takes its place, and later it comes back as a replica.
    KillMaster,
    /// SIGSTOP of Redis' master; another takes its place, and later it goes on, believing that it is the master.
    StopMaster,
}

/// Every kind of fault, as `--only` names it.
pub(crate) const KINDS: [&str; 26] = [
    "kill_worker",
    "stop_worker",
    "terminate_worker",
    "kill_lane",
    "stop_lane",
    "kill_producer",
    "kill_rabbitmq",
    "kill_redis",
    "close_connections",
    "full_disk",
    "hide_root",
    "close_channels",
    "delete_exchange",
    "revoke_permission",
    "stop_log_reader",
    "idle_connections",
    "evicting_redis",
    "old_batch",
    "wire_delay",
    "wire_cut",
    "wire_half_open",
    "wire_black_hole",
    "kill_node",
    "partition_node",
    "kill_master",
    "stop_master",
];

/// A fault in its time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Planned {
    /// Since the beginning.
    pub(crate) at: Duration,
    /// How long it stays; a server's restart comes on top.
    pub(crate) lasts: Duration,
    /// Chooses among what is only known when it happens: which lane, how late.
    pub(crate) pick: u64,
    #[serde(flatten)]
    pub(crate) fault: Fault,
}

/// The faults of a run; only those of the kinds in `only`, where it names any.
pub(crate) fn plan(
    scenario: Scenario,
    seed: u64,
    length: Duration,
    workers: usize,
    only: &[String],
) -> Vec<Planned> {
    let is_wanted = |fault: &Fault| only.is_empty() || only.iter().any(|kind| kind == fault.kind());
    let mut random = Random::new(seed, "chaos");
    let (shortest_gap, longest_gap) = scenario.gap();
    let (mut planned, mut deck, mut at) = (Vec::new(), Vec::new(), QUIET_START);
    while at < length.as_secs_f64() {
        if deck.is_empty() {
            deck = shuffled(scenario, &mut random, workers);
            deck.retain(is_wanted);
        }
        let Some(fault) = deck.pop() else { break };
        let (shortest, longest) = spans(fault);
        let lasts = Duration::from_millis((random.between(shortest, longest) * 1000.0) as u64);
        let when = Duration::from_millis((at * 1000.0) as u64);
        planned.push(Planned { at: when, lasts, pick: random.next(), fault });
        at += random.between(shortest_gap, longest_gap);
    }
    planned
}

/// Every kind of fault once, in random order and on random targets: a run of two minutes has seen them all.
fn shuffled(scenario: Scenario, random: &mut Random, workers: usize) -> Vec<Fault> {
    let mut deck = scenario.deck(random, workers).unwrap_or_else(|| on_single_servers(random, workers));
    for last in (1..deck.len()).rev() {
        deck.swap(last, random.below(last + 1));
    }
    deck
}

fn on_single_servers(random: &mut Random, workers: usize) -> Vec<Fault> {
    let mut worker = || random.below(workers);
    let mut deck = vec![
        Fault::KillWorker { worker: worker() },
        Fault::StopWorker { worker: worker() },
        Fault::TerminateWorker { worker: worker() },
        Fault::KillLane { worker: worker() },
        Fault::StopLane { worker: worker() },
        Fault::KillProducer,
        Fault::KillRabbitmq,
        Fault::KillRedis,
        Fault::CloseConnections,
        Fault::FullDisk,
        Fault::HideRoot,
        Fault::CloseChannels,
        Fault::DeleteExchange,
        Fault::RevokePermission,
        Fault::StopLogReader { worker: worker() },
        Fault::IdleConnections { worker: worker() },
        Fault::EvictingRedis,
        Fault::OldBatch,
    ];
    for server in [Server::Rabbitmq, Server::Redis] {
        for wire in [Wire::Delay, Wire::Cut, Wire::HalfOpen, Wire::BlackHole] {
            deck.push(Fault::Wire { client: random.below(workers + 1), server, wire });
        }
    }
    deck
}

/// The shortest and the longest time a fault stays, seconds. Those that can be ridden out are long enough to run into the
/// limits behind them: a stopped lane into its time limit, a hidden root into the retry tiers.
const fn spans(fault: Fault) -> (f64, f64) {
    match fault {
        Fault::StopWorker { .. } => (1.0, 6.0),
        Fault::StopLane { .. } => (2.0, 9.0),
        Fault::KillRedis => (0.2, 4.0),
        Fault::KillRabbitmq => (0.0, 2.0),
        Fault::Wire { wire: Wire::Delay, .. } => (2.0, 10.0),
        Fault::Wire { .. } => (1.0, 8.0),
        Fault::HideRoot => (1.0, 6.0),
        Fault::KillWorker { .. } | Fault::TerminateWorker { .. } => (0.0, 2.0),
        // Long enough for some rounds of the shortened time-out.
        Fault::CloseChannels => (6.0, 12.0),
        Fault::DeleteExchange | Fault::RevokePermission => (1.0, 8.0),
        Fault::KillNode { .. } => (1.0, 10.0),
        // Long enough for the node to notice that it is alone, and to pause.
        Fault::PartitionNode { .. } => (10.0, 25.0),
        // On top of the failover, which is waited for.
        Fault::KillMaster | Fault::StopMaster => (0.0, 5.0),
        Fault::StopLogReader { .. } => (3.0, 10.0),
        Fault::IdleConnections { .. } => (5.0, 15.0),
        Fault::KillLane { .. }
        | Fault::KillProducer
        | Fault::CloseConnections
        | Fault::FullDisk
        | Fault::EvictingRedis
        | Fault::OldBatch => (0.0, 0.0),
    }
}

impl Fault {
    /// The kind alone, as it is counted.
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::KillWorker { .. } => "kill_worker",
            Self::StopWorker { .. } => "stop_worker",
            Self::TerminateWorker { .. } => "terminate_worker",
            Self::KillLane { .. } => "kill_lane",
            Self::StopLane { .. } => "stop_lane",
            Self::KillProducer => "kill_producer",
            Self::KillRabbitmq => "kill_rabbitmq",
            Self::KillRedis => "kill_redis",
            Self::CloseConnections => "close_connections",
            Self::Wire { wire: Wire::Delay, .. } => "wire_delay",
            Self::Wire { wire: Wire::Cut, .. } => "wire_cut",
            Self::Wire { wire: Wire::HalfOpen, .. } => "wire_half_open",
            Self::Wire { wire: Wire::BlackHole, .. } => "wire_black_hole",
            Self::FullDisk => "full_disk",
            Self::HideRoot => "hide_root",
            Self::CloseChannels => "close_channels",
            Self::DeleteExchange => "delete_exchange",
            Self::RevokePermission => "revoke_permission",
            Self::StopLogReader { .. } => "stop_log_reader",
            Self::IdleConnections { .. } => "idle_connections",
            Self::EvictingRedis => "evicting_redis",
            Self::OldBatch => "old_batch",
            Self::KillNode { .. } => "kill_node",
            Self::PartitionNode { .. } => "partition_node",
            Self::KillMaster => "kill_master",
            Self::StopMaster => "stop_master",
        }
    }

    /// The worker that it strikes; producers' wires are beyond the last.
    pub(crate) const fn worker(self) -> Option<usize> {
        match self {
            Self::KillWorker { worker }
            | Self::StopWorker { worker }
            | Self::TerminateWorker { worker }
            | Self::KillLane { worker }
            | Self::StopLane { worker }
            | Self::StopLogReader { worker }
            | Self::IdleConnections { worker }
            | Self::Wire { client: worker, .. } => Some(worker),
            _ => None,
        }
    }

    /// What it strikes, in words.
    pub(crate) fn target(self, workers: usize) -> String {
        match self {
            Self::Wire { client, server, .. } if client == workers => format!("producers to {server}"),
            Self::Wire { client, server, .. } => format!("worker {client} to {server}"),
            Self::KillNode { node } | Self::PartitionNode { node } => format!("node {node} of RabbitMQ"),
            _ => self.worker().map_or_else(String::new, |worker| format!("worker {worker}")),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rabbitmq => "RabbitMQ",
            Self::Redis => "Redis",
        })
    }
}

#[cfg(test)]
mod tests;
