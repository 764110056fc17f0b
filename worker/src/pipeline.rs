//! The road of a task: receive → order → analyse → decide → store → settle. The only caller of every stage.
//!
//! Two loops. `dispatch` takes tasks, keeps the lanes busy and never waits for a network; `close` stores what has
//! ended and then, never before, settles it with the source. A crash in between means that a task comes again, and
//! ending it twice changes nothing.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use shared::job::Levels;
use tokio::sync::mpsc;

use crate::analyst::Analyst;
use crate::gates::Gates;
use crate::held::HeldBatches;
use crate::ready::Ready;
use crate::sink::{Sink, SinkError};
use crate::source::{Receive, Settle};
use crate::stop::Stop;

mod close;
mod dead;
mod dispatch;
mod leases;
mod reserve;
mod rest;
mod run;
mod supply;

pub use dispatch::Heartbeat;

/// Ends are stored together that come within this time of each other: from one flush to the next it takes at least so long,
/// unless a whole batch waits. Short against any analysis, long against the work of storing one.
const FLUSH_AFTER: Duration = Duration::from_millis(5);

/// How the pipeline is run.
#[derive(Debug)]
pub struct Policy {
    /// How many tasks are worked on at a time: the number of lanes.
    pub lanes: usize,
    /// How many tasks are held beyond the lanes, and how many ends are stored at a time, at most: what it is at first
    /// (`ANALYSIS_BATCH_SIZE`), and what it may become (`ANALYSIS_BATCH_MAX`).
    pub batch_size: usize,
    /// See above.
    pub batch_max: usize,
    /// Share of its time that a lane works, percent (`WORKER_PACE`).
    pub pace: u8,
    /// How many retry tiers there are; 0: a transient failure is an end.
    pub tiers: usize,
    /// The levels, for their names.
    pub levels: Levels,
    /// The order of waiting tasks.
    pub aging: Option<Duration>,
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
    // Unbounded, yet never longer than the source's window: a completed task counts there until it is settled. The
    // dispatcher must not wait here, or a Redis that is away would look like a worker that hangs.
    let (completed, completions) = mpsc::unbounded_channel();
    let reserve = Arc::new(AtomicUsize::new(policy.batch_size));
    let closing = close::run(completions, settler, sink, Arc::clone(&reserve), control.clone());
    let closer = tokio::spawn(closing);
    let ready = Ready::new(policy.levels.count(), policy.aging);
    let supply = supply::Supply::new(&policy, reserve);
    dispatch::Dispatch::new(ready, analyst, policy, control, completed, supply).run(&mut receiver).await;
    match closer.await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
