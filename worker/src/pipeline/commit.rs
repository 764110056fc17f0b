//! Stores results and then, never before, has their jobs acknowledged.
//!
//! Results are all that passes through here. While Redis is away they wait here, unacknowledged, and only they: what is to
//! be settled without being stored goes straight to [`super::settling`].

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::leases::JobLeases;
use super::refused::{self, Remedy};
use super::settling::Settlements;
use super::{Control, FLUSH_AFTER};
use crate::analyst::Analyst;
use crate::metrics::{self, RefusedFate};
use crate::sink::{Sink, SinkError};
use crate::stop::Stop;
use crate::task::{Ended, Settlement};

/// Pauses between tries while the sink fails; once its breaker is open, the breaker's pauses count.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// After a stop, once nothing runs any more, results that cannot be stored are tried for so long and then given back: a
/// Redis that restarts or fails over is back by then, and for one that stays away nobody waits the whole
/// `SHUTDOWN_TIMEOUT`, which is meant for files that still run.
const LAST_TRIES_FOR: Duration = Duration::from_secs(5);

/// Between two of these last tries. The breaker's pauses of up to 15 s do not count then: they keep work from a Redis that
/// is away, and no work comes any more.
const LAST_TRY_EVERY: Duration = Duration::from_millis(500);

/// When everything is to stop at once, a try that is under way may take this much longer: a Redis that works has answered
/// by then, and its answer saves a second analysis.
const LAST_ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// A job that has ended, and the leases to settle once its result is stored.
#[derive(Debug)]
pub(super) struct Uncommitted {
    pub(super) ended: Box<Ended>,
    pub(super) leases: JobLeases,
}

/// The loop that commits results.
pub(super) struct Commit<K> {
    pub(super) sink: K,
    pub(super) analyst: Arc<Analyst>,
    pub(super) control: Control,
    /// To the loop that settles.
    pub(super) settlements: UnboundedSender<Settlements>,
    /// How many results are stored together.
    pub(super) flush_limit: Arc<AtomicUsize>,
    /// How many retry tiers there are.
    pub(super) tiers: usize,
    /// Cancelled when nothing more comes, waits or runs.
    pub(super) work_is_over: CancellationToken,
}

impl<K: Sink> Commit<K> {
    /// Runs until the last sender is gone and everything that came is on its way to be settled.
    pub(super) async fn run(mut self, mut results: UnboundedReceiver<Uncommitted>) -> Result<(), SinkError> {
        let mut failure = None;
        let mut due = Instant::now();
        while let Some(flush) = gather(&mut results, &self.flush_limit, due).await {
            due = Instant::now() + FLUSH_AFTER;
            let (ends, leases): (Vec<Ended>, Vec<JobLeases>) =
                flush.into_iter().map(|result| (*result.ended, result.leases)).unzip();
            let stored = match &failure {
                None => self.store(&ends).await,
                Some(_) => Ok(given_back(&ends)),
            };
            let fates = stored.unwrap_or_else(|error| {
                failure = Some(error);
                given_back(&ends)
            });
            let settlements = leases.into_iter().zip(fates).flat_map(|(leases, fate)| leases.settle(fate));
            // The loop that settles outlives this one.
            let _ = self.settlements.send(settlements.collect());
            if failure.is_some() {
                self.control.stop.now();
            }
        }
        match failure {
            None => self.sink.close().await,
            // We were told to stop, and the sink is still away.
            Some(error @ (SinkError::Unavailable(_) | SinkError::Late)) => {
                tracing::warn!(%error, "stopped while results could not be stored; their jobs were given back");
                Ok(())
            }
            Some(error) => Err(error),
        }
    }

    /// Stores the ends together; if some of them cannot be written as they are, each batch for itself, and of the batch
    /// that is at fault each end. Returns what becomes of each delivery.
    async fn store(&mut self, ends: &[Ended]) -> Result<Vec<Settlement>, SinkError> {
        let begun = std::time::Instant::now();
        let fates = match self.persist(ends).await {
            Ok(()) => vec![Settlement::Ack; ends.len()],
            Err(SinkError::Refused(_)) => self.store_by_batch(ends).await?,
            Err(error) => return Err(error),
        };
        metrics::flushed(ends.len(), begun.elapsed());
        Ok(fates)
    }

    async fn store_by_batch(&mut self, ends: &[Ended]) -> Result<Vec<Settlement>, SinkError> {
        let mut batches: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (place, end) in ends.iter().enumerate() {
            batches.entry(end.record.batch_id).or_default().push(place);
        }
        let mut fates = vec![Settlement::Ack; ends.len()];
        for places in batches.values() {
            let of_batch: Vec<Ended> = places.iter().map(|place| ends[*place].clone()).collect();
            match self.persist(&of_batch).await {
                Ok(()) => {}
                Err(SinkError::Refused(_)) => {
                    for (place, end) in places.iter().zip(&of_batch) {
                        fates[*place] = self.store_alone(end).await?;
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(fates)
    }

    /// An end that cannot be written costs only itself. The remedies are tried in their order until one is accepted.
    async fn store_alone(&mut self, end: &Ended) -> Result<Settlement, SinkError> {
        let mut error = match self.persist(std::slice::from_ref(end)).await {
            Ok(()) => return Ok(Settlement::Ack),
            Err(SinkError::Refused(error)) => error,
            Err(other) => return Err(other),
        };
        for remedy in refused::remedies(end, self.tiers, &error) {
            match remedy {
                Remedy::Store(fate, substitute) => {
                    match self.persist(std::slice::from_ref(&substitute)).await {
                        Ok(()) => {
                            refused::report(end, &error, fate);
                            return Ok(Settlement::Ack);
                        }
                        Err(SinkError::Refused(again)) => error = again,
                        Err(other) => return Err(other),
                    }
                }
                Remedy::Settle(fate, settlement) => {
                    refused::report(end, &error, fate);
                    forget_start(&self.analyst, end).await;
                    return Ok(settlement);
                }
            }
        }
        refused::report(end, &error, RefusedFate::Lost);
        Ok(Settlement::Ack)
    }

    /// Tries while the sink is away, until it works or there is no time left.
    async fn persist(&mut self, ends: &[Ended]) -> Result<(), SinkError> {
        let mut given_up = pin!(give_up(self.control.stop.clone(), self.work_is_over.clone()));
        let mut pause = RETRY.0;
        loop {
            let stored = tokio::select! {
                biased;
                stored = self.sink.store(ends) => stored,
                // A Redis that hangs would keep this try for longer than there is time.
                () = &mut given_up => return Err(SinkError::Late),
            };
            let error = match stored {
                Ok(stored) => {
                    self.control.gates.redis().succeeded();
                    let counted = ends.iter().zip(stored).filter(|(_, stored)| *stored);
                    counted.for_each(|(end, _)| metrics::ended(end));
                    return Ok(());
                }
                Err(SinkError::Unavailable(error)) => error,
                Err(error) => {
                    // It says nothing of whether Redis works for others.
                    self.control.gates.redis().abandoned();
                    return Err(error);
                }
            };
            tracing::warn!(%error, ends = ends.len(), "results cannot be stored, trying again");
            metrics::store_failed();
            self.control.gates.redis().failed(&error);
            tokio::select! {
                () = self.control.gates.redis().turn(pause) => {}
                () = next_last_try(&self.work_is_over) => {}
                () = self.control.stop.stopped_now() => return Err(SinkError::Unavailable(error)),
                () = &mut given_up => return Err(SinkError::Unavailable(error)),
            }
            pause = (pause * 2).min(RETRY.1);
        }
    }
}

/// The job comes again for our sake, and must not look as if it had taken its worker down.
async fn forget_start(analyst: &Analyst, end: &Ended) {
    if let (Some(starts), Some(job)) = (&analyst.starts, &end.job) {
        starts.forget(job).await;
    }
}

/// When there is no time left for results that cannot be stored.
async fn give_up(stop: Stop, work_is_over: CancellationToken) {
    let last_tries = async {
        work_is_over.cancelled().await;
        sleep(LAST_TRIES_FOR).await;
    };
    let last_answer = async {
        stop.stopped_now().await;
        sleep(LAST_ANSWER_WITHIN).await;
    };
    tokio::select! {
        () = last_tries => {}
        () = last_answer => {}
    }
}

async fn next_last_try(work_is_over: &CancellationToken) {
    work_is_over.cancelled().await;
    sleep(LAST_TRY_EVERY).await;
}

fn given_back(ends: &[Ended]) -> Vec<Settlement> {
    vec![Settlement::GiveBack; ends.len()]
}

/// As many results as are stored together, or those there are when `due` has come: after a pause one alone at once, and
/// those that end in quick succession together.
async fn gather(
    results: &mut UnboundedReceiver<Uncommitted>,
    flush_limit: &AtomicUsize,
    due: Instant,
) -> Option<Vec<Uncommitted>> {
    let mut flush = vec![results.recv().await?];
    while flush.len() < flush_limit.load(Ordering::Relaxed) {
        let next = match results.try_recv() {
            Ok(result) => Some(result),
            Err(TryRecvError::Empty) => timeout_at(due, results.recv()).await.ok().flatten(),
            Err(TryRecvError::Disconnected) => None,
        };
        let Some(result) = next else { break };
        flush.push(result);
    }
    Some(flush)
}
