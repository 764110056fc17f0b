//! The road of a task: receive → order → analyse → decide → store → settle. The only caller of every stage.
//!
//! Three loops. `dispatch` takes tasks, keeps the lanes busy and never waits for a network. `commit` stores results, and
//! waits where they cannot be stored. `settling` settles with the source what has been stored and what need not be: a job
//! that is given back does not wait behind results that Redis does not take. A result is stored first and its job
//! acknowledged then, never the other way round: a crash in between means that a task comes again, and ending it twice
//! changes nothing.

use std::sync::Arc;
use std::time::Duration;

use shared::job::Levels;
use tokio::sync::mpsc;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use crate::analyst::Analyst;
use crate::gates::Gates;
use crate::held::HeldBatches;
use crate::sink::{Sink, SinkError};
use crate::source::{Receive, Settle};
use crate::stop::Stop;

mod commit;
mod dead;
mod dispatch;
mod heartbeat;
mod leases;
mod refused;
mod reserve;
mod rest;
mod run;
mod settling;
mod supply;

use commit::Commit;
use dispatch::{Dispatch, Outbox};
use supply::Supply;

pub use heartbeat::Heartbeat;
pub use reserve::initial_reserve;

/// Ends are stored together that come within this time of each other: from one flush to the next it takes at least so long,
/// unless a whole batch waits. Short against any analysis, long against the work of storing one.
const FLUSH_AFTER: Duration = Duration::from_millis(5);

/// How the pipeline is run.
#[derive(Debug)]
pub struct Policy {
    /// How many tasks are worked on at a time: the number of lanes.
    pub lanes: usize,
    /// How many results are stored together, and how many tasks are held beyond the lanes where files end quickly
    /// (`ANALYSIS_BATCH_SIZE`).
    pub batch_size: usize,
    /// What both may grow to (`ANALYSIS_BATCH_MAX`); not above `batch_size`: as many as that are held, always.
    pub batch_max: usize,
    /// Share of its time that a lane works, percent (`WORKER_PACE`).
    pub pace: u8,
    /// How many retry tiers there are; 0: a transient failure is an end.
    pub tiers: usize,
    /// The levels, for their names.
    pub levels: Levels,
    /// The order of waiting tasks.
    pub aging: Option<Duration>,
    /// How long the source lets a task be held unsettled (`CONSUMER_TIMEOUT`); `None` where there is no limit.
    pub consumer_timeout: Option<Duration>,
}

/// What others may do to a running pipeline, and see of it.
#[derive(Debug, Clone, Default)]
pub struct Control {
    /// Ends it.
    pub stop: Stop,
    /// Shows that it turns.
    pub heartbeat: Heartbeat,
    /// Keep it from taking work.
    pub gates: Gates,
    /// The batches whose jobs it holds.
    pub held: HeldBatches,
}

/// Runs until the source is exhausted or a stop has drained it. Every task received is settled when it returns.
///
/// # Errors
/// When ends can no longer be stored at all; tasks without a stored end were given back.
pub async fn run<R: Receive, S: Settle + 'static, K: Sink + 'static>(
    mut receiver: R,
    settler: S,
    sink: K,
    analyst: Arc<Analyst>,
    policy: Policy,
    control: Control,
) -> Result<(), SinkError> {
    // Both are unbounded, yet never longer than the source's window: a completed task counts there until it is settled.
    // The dispatcher must not wait here, or a Redis that is away would look like a worker that hangs.
    let (results, uncommitted) = mpsc::unbounded_channel();
    let (settlements, requests) = mpsc::unbounded_channel();
    let supply = Supply::new(&policy);
    let work_is_over = CancellationToken::new();
    let commit = Commit {
        sink,
        analyst: Arc::clone(&analyst),
        control: control.clone(),
        settlements: settlements.clone(),
        flush_limit: supply.flush_limit(),
        tiers: policy.tiers,
        work_is_over: work_is_over.clone(),
    };
    let committing = tokio::spawn(commit.run(uncommitted));
    let stop = control.stop.clone();
    let settling = tokio::spawn(settling::run(requests, settler, stop.clone()));
    let outbox = Outbox { results, settlements };
    stop.waits_for("files at work");
    Dispatch::new(analyst, policy, control, outbox, supply).run(&mut receiver).await;
    work_is_over.cancel();
    stop.waits_for("results to be stored in Redis");
    let committed = joined(committing.await);
    stop.waits_for("deliveries to be settled with RabbitMQ");
    joined(settling.await);
    committed
}

fn joined<T>(joined: Result<T, JoinError>) -> T {
    joined.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}
