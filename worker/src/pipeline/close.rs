//! Stores what has ended, and settles it when, and only when, it is stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use shared::outcome::{End, FailureKind};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::time::{Instant, timeout_at};

use super::{Control, FLUSH_AFTER};
use crate::metrics::{self, Stage};
use crate::sink::{Sink, SinkError};
use crate::source::Settle;
use crate::task::{Completed, Completion, Ended, Settlement, Ticket};

/// Pauses between tries while the sink fails; once its breaker is open, the breaker's pauses count.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Runs until the last sender is gone and everything that came is settled.
pub(super) async fn run(
    mut completions: UnboundedReceiver<Completed>,
    mut settler: impl Settle,
    mut sink: impl Sink,
    batch_size: Arc<AtomicUsize>,
    control: Control,
) -> Result<(), SinkError> {
    let mut result = Ok(());
    let mut due = Instant::now();
    while let Some(flush) = gather(&mut completions, &batch_size, due).await {
        due = Instant::now() + FLUSH_AFTER;
        if result.is_ok() {
            result = store(&mut sink, &flush.ends, &control).await;
        }
        let stored = result.is_ok();
        let fates = flush.stored.into_iter().map(|ticket| match stored {
            true => (ticket, Settlement::Ack),
            false => (ticket, Settlement::GiveBack),
        });
        settler.settle(fates.chain(flush.settled).collect()).await;
        if !stored {
            control.stop.now();
        }
    }
    settler.close().await;
    match result {
        // The sink came back too late or not at all, and we were told to stop: what it lacks was given back.
        Err(SinkError::Unavailable(error)) => {
            tracing::warn!(%error, "stopped while results could not be stored; their jobs were given back");
            Ok(())
        }
        Ok(()) => sink.close().await,
        other => other,
    }
}

#[derive(Default)]
struct Flush {
    ends: Vec<Ended>,
    stored: Vec<Ticket>,
    settled: Vec<(Ticket, Settlement)>,
}

impl Flush {
    fn add(&mut self, completed: Completed) {
        match completed.completion {
            Completion::Store(ended) => {
                self.ends.push(*ended);
                self.stored.push(completed.ticket);
            }
            Completion::Settle(settlement) => self.settled.push((completed.ticket, settlement)),
        }
    }

    const fn len(&self) -> usize {
        self.stored.len() + self.settled.len()
    }
}

/// A batch, or what there is when it is due: a lone end after a pause at once, ends in quick succession together.
async fn gather(
    completions: &mut UnboundedReceiver<Completed>,
    batch_size: &AtomicUsize,
    due: Instant,
) -> Option<Flush> {
    let mut flush = Flush::default();
    flush.add(completions.recv().await?);
    while flush.len() < batch_size.load(Ordering::Relaxed) {
        let next = match completions.try_recv() {
            Ok(completed) => Some(completed),
            Err(TryRecvError::Empty) => timeout_at(due, completions.recv()).await.ok().flatten(),
            Err(TryRecvError::Disconnected) => None,
        };
        let Some(completed) = next else { break };
        flush.add(completed);
    }
    Some(flush)
}

/// Stores the ends together; if one of them cannot be written as it is, each for itself.
async fn store(sink: &mut impl Sink, ends: &[Ended], control: &Control) -> Result<(), SinkError> {
    let begun = std::time::Instant::now();
    match persist(sink, ends, control).await {
        Err(SinkError::Impossible(_)) => {
            for end in ends {
                store_alone(sink, end, control).await?;
            }
        }
        other => other?,
    }
    if !ends.is_empty() {
        metrics::flushed(ends.len(), begun.elapsed());
    }
    Ok(())
}

/// An end that cannot be written costs only itself: it is stored as a fault of ours.
async fn store_alone(sink: &mut impl Sink, end: &Ended, control: &Control) -> Result<(), SinkError> {
    let error = match persist(sink, std::slice::from_ref(end), control).await {
        Err(SinkError::Impossible(error)) => error,
        other => return other,
    };
    let record = &end.record;
    tracing::error!(
        %error,
        file = record.path,
        job_id = record.job_id.map(display),
        batch_id = record.batch_id.map(display),
        trace_id = end.trace_id().map(display),
        stage = Stage::Store.label(),
        "a result cannot be written as it is"
    );
    let fault = End::Failed(FailureKind::Internal);
    let mut bare = Ended { message: None, ..end.clone() };
    bare.record.report = None;
    (bare.record.outcome, bare.record.kind) = (fault.outcome(), fault.kind());
    bare.record.detail = Some(error.to_string());
    persist(sink, &[bare], control).await
}

/// Tries while the sink is away, until it works or there is no time left.
async fn persist(sink: &mut impl Sink, ends: &[Ended], control: &Control) -> Result<(), SinkError> {
    let mut pause = RETRY.0;
    if ends.is_empty() {
        return Ok(());
    }
    loop {
        let error = match sink.store(ends).await {
            Ok(stored) => {
                control.gates.redis().succeeded();
                let counted = ends.iter().zip(stored).filter(|(_, stored)| *stored);
                counted.for_each(|(end, _)| metrics::ended(end));
                return Ok(());
            }
            Err(SinkError::Unavailable(error)) => error,
            Err(error) => {
                control.gates.redis().abandoned();
                return Err(error);
            }
        };
        tracing::warn!(%error, ends = ends.len(), "results cannot be stored, trying again");
        metrics::store_failed();
        control.gates.redis().failed(&error);
        tokio::select! {
            () = control.gates.redis().turn(pause) => {}
            () = control.stop.stopped_now() => return Err(SinkError::Unavailable(error)),
        }
        pause = (pause * 2).min(RETRY.1);
    }
}
