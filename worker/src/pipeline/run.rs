//! One file from its start to its completion. It knows neither who waits nor how an end is stored.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use shared::job::JobId;
use shared::outcome::{End, FailureKind};
use shared::record::Record;
use tokio::time::sleep;

use super::Control;
use super::supply::Active;
use crate::analyst::{Analyst, Interrupted};
use crate::gates::Gates;
use crate::held::HeldBatches;
use crate::lanes::LaneFailure;
use crate::metrics;
use crate::settle::{decide, is_retried};
use crate::stop::Stop;
use crate::task::{Completion, Ended, FileWork, Settlement, Ticket};

/// A Redis that works has answered by then.
const LAST_ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// A task that is worked on no more.
pub(super) struct Done {
    pub(super) job: Option<JobId>,
    pub(super) ticket: Ticket,
    pub(super) completion: Completion,
    /// The place on a lane that it leaves, if it had one.
    pub(super) active: Option<Active>,
}

/// A file that is to be worked on.
pub(super) struct Start {
    pub(super) ticket: Ticket,
    pub(super) work: Box<FileWork>,
    pub(super) redelivered: bool,
    pub(super) level: &'static str,
    pub(super) tiers: usize,
    pub(super) active: Active,
    /// `CONSUMER_TIMEOUT`.
    pub(super) consumer_timeout: Option<Duration>,
}

/// What is known before the start of a file whose root is away: it goes the way of all transient failures, at the cost
/// of no lane.
pub(super) fn without_root(analyst: &Analyst, control: &Control, start: &Start) -> Option<Completion> {
    let detail = control.gates.away(&start.work.job.as_ref()?.file.root)?;
    let failure = LaneFailure { kind: FailureKind::RootUnavailable, detail };
    Some(settled(analyst.refuse(&start.work, failure), start, &control.held))
}

pub(super) async fn run_one(analyst: Arc<Analyst>, control: Control, start: Start) -> Done {
    let (work, active) = (&start.work, Some(start.active));
    let working = async {
        let ended = analyst.work(work, start.redelivered).await?;
        Ok(blame_root(&control.gates, work, ended).await)
    };
    let working = AssertUnwindSafe(working).catch_unwind();
    let ended = tokio::select! {
        biased;
        ended = working => ended.unwrap_or_else(|_| Ok(internal(work))),
        () = control.stop.stopped_now() => Err(Interrupted),
        () = warn_when_overdue(&start) => Err(Interrupted),
    };
    let completion = match ended {
        Ok(ended) => {
            tell_of_root(&control.gates, work, &ended.record);
            settled(ended, &start, &control.held)
        }
        Err(Interrupted) => Completion::Settle(Settlement::GiveBack),
    };
    if let Completion::Settle(_) = &completion {
        // Interrupted, or an end of its own: either way the next try must not find it under suspicion. A Redis that does not
        // answer must not keep the worker from stopping.
        tokio::select! {
            biased;
            () = analyst.forget_start(work) => {}
            () = no_time_left(&control.stop) => {}
        }
    }
    Done { job: work.job.as_ref().map(|job| job.job_id), ticket: start.ticket, completion, active }
}

/// When everything is to stop at once, and Redis has had a moment to answer.
async fn no_time_left(stop: &Stop) {
    stop.stopped_now().await;
    sleep(LAST_ANSWER_WITHIN).await;
}

/// A file that runs for longer than RabbitMQ lets a delivery be unacknowledged goes on; nothing can renew its lease. Never
/// returns.
async fn warn_when_overdue(start: &Start) {
    if let Some(limit) = start.consumer_timeout {
        sleep(limit).await;
        let job = start.work.job.as_ref();
        tracing::warn!(
            job_id = job.map(|job| display(job.job_id)),
            batch_id = job.map(|job| display(job.batch_id)),
            file = job.map(|job| display(&job.file)),
            seconds = limit.as_secs(),
            "a file has run for as long as CONSUMER_TIMEOUT: RabbitMQ takes its delivery back and may give it to another \
             worker, too; the first result counts. Raise consumer_timeout in RabbitMQ and CONSUMER_TIMEOUT here"
        );
    }
    std::future::pending().await
}

/// A file that could not be read in time says nothing of itself while its media root does not answer: it ends as the root's
/// failure, and is tried again when the root may be back.
async fn blame_root(gates: &Gates, work: &FileWork, mut ended: Ended) -> Ended {
    let Some(job) = work.job.as_ref().filter(|_| work.root.is_some()) else { return ended };
    if !matches!(ended.record.end(), End::Failed(FailureKind::Timeout | FailureKind::Io)) {
        return ended;
    }
    if let Some(reason) = gates.ask_root(&job.file.root).await {
        let end = End::Failed(FailureKind::RootUnavailable);
        let record = &mut ended.record;
        let detail = format!("{reason}; {}", record.detail.as_deref().unwrap_or_default());
        (record.outcome, record.kind, record.detail) = (end.outcome(), end.kind(), Some(detail));
    }
    ended
}

fn settled(mut ended: Ended, start: &Start, held: &HeldBatches) -> Completion {
    ended.record.priority = ended.job.as_ref().map(|_| start.level.to_owned());
    if is_retried(&ended, start.tiers) {
        metrics::retried(start.level, &ended);
        if let Some(job) = &ended.job {
            held.note_retry(job.batch_id, &ended.record);
        }
    }
    decide(ended, start.tiers)
}

/// A file that was read is proof of its root; one that was not may be of the contrary. One whose root is not configured here
/// says nothing.
fn tell_of_root(gates: &Gates, work: &FileWork, record: &Record) {
    let Some(job) = work.job.as_ref().filter(|_| work.root.is_some()) else { return };
    if record.end() == End::Failed(FailureKind::RootUnavailable) {
        gates.root_failed(&job.file.root, &record.detail.as_deref().unwrap_or_default());
    } else if record.report.is_some() {
        gates.root_works(&job.file.root);
    }
}

/// A fault of ours must not lose the task: it ends as one, and the log has the panic's place.
fn internal(work: &FileWork) -> Ended {
    let mut record = Record::new(&work.shown, End::Failed(FailureKind::Internal));
    record.detail = Some("the worker panicked over this job; its log says where".to_owned());
    record.job_id = work.job.as_ref().map(|job| job.job_id);
    record.batch_id = work.job.as_ref().map(|job| job.batch_id);
    Ended { trace: work.trace, ..Ended::new(record, work.job.clone()) }
}
