//! What becomes of a job that the broker has given up on. Never nothing: it is published again, or it has a stored end.
//!
//! The broker counts deliveries, not starts. A job that only sat in the prefetch of workers that died has done nothing
//! wrong; one that had been started is under suspicion, and its history says so.

use std::sync::Arc;
use std::time::Duration;

use shared::outcome::{End, FailureKind};
use shared::record::Record;
use shared::store::History;

use crate::analyst::Analyst;
use crate::metrics::{self, DeadFate, RefusedFate};
use crate::stop::Stop;
use crate::task::{Completion, DeadLetter, Ended, Settlement};

/// So often a job is published again. Each time stands for 50 deliveries to workers that did not start it: by then it is
/// not the job's bad luck any more.
const MAX_REVIVALS: u16 = 3;

/// Without its history nothing is decided. A letter that is given back comes again at once, so not before this has passed.
const ASK_AGAIN: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It has an end; the letter is a leftover.
    Ended,
    Failed(FailureKind),
    Revived,
}

/// The whole decision.
const fn fate(history: History, revivals: u16) -> Fate {
    match history {
        History { ended: true, .. } => Fate::Ended,
        History { starts: 1.., .. } => Fate::Failed(FailureKind::CrashLoop),
        _ if revivals >= MAX_REVIVALS => Fate::Failed(FailureKind::Undeliverable),
        _ => Fate::Revived,
    }
}

/// Looks the job up and decides.
pub(super) async fn settle(
    analyst: Arc<Analyst>,
    letter: Box<DeadLetter>,
    level: &'static str,
    tiers: usize,
    stop: Stop,
) -> Completion {
    let DeadLetter { job, reason, revivals, trace } = *letter;
    let trace_id = trace.map(|trace| tracing::field::display(trace.trace_id()));
    let Some(starts) = &analyst.starts else { return Completion::Settle(Settlement::GiveBack) };
    let history = match starts.history(&job).await {
        Ok(history) => history,
        // Given back, it would be the first of the dead letters again, and after four like it no other would be taken.
        Err(error) if error.is_permanent() && tiers > 0 => {
            metrics::refused(RefusedFate::Parked);
            tracing::error!(
                job_id = %job.job_id, batch_id = %job.batch_id, file = %job.file, trace_id, %error,
                "the history of a dead letter cannot be read: it waits in the longest retry tier and is started again. Look at \
                 the key that the error names (redis-cli TYPE KEY); one that is not the fleet's own is to be renamed or deleted"
            );
            return Completion::Settle(Settlement::Retry { tier: tiers - 1, job: Box::new(job), trace });
        }
        Err(error) => {
            tracing::warn!(
                job_id = %job.job_id, batch_id = %job.batch_id, file = %job.file, trace_id, %error,
                "a dead letter waits: its history is not known"
            );
            tokio::select! {
                () = tokio::time::sleep(ASK_AGAIN) => {}
                () = stop.draining() => {}
            }
            return Completion::Settle(Settlement::GiveBack);
        }
    };
    let fate = fate(history, revivals);
    tracing::warn!(
        job_id = %job.job_id, batch_id = %job.batch_id, file = %job.file, trace_id, reason, starts = history.starts, revivals,
        ?fate, "the broker had given up on a job"
    );
    match fate {
        Fate::Ended => {
            metrics::dead_letter(DeadFate::Ended);
            Completion::Settle(Settlement::Ack)
        }
        Fate::Revived => {
            metrics::dead_letter(DeadFate::Revived);
            Completion::Settle(Settlement::Revive { job: Box::new(job), revivals: revivals + 1, trace })
        }
        Fate::Failed(kind) => {
            metrics::dead_letter(DeadFate::Failed);
            let mut record = Record::new(&job.file.to_bytes(), End::Failed(kind));
            record.detail = Some(detail(&reason, history, revivals));
            record.job_id = Some(job.job_id);
            record.batch_id = Some(job.batch_id);
            record.priority = Some(level.to_owned());
            record.attempts = job.attempt.saturating_add(u16::from(history.starts > 0));
            record.worker.clone_from(&analyst.worker);
            Completion::Store(Box::new(Ended { trace, ..Ended::new(record, Some(job)) }))
        }
    }
}

fn detail(reason: &str, history: History, revivals: u16) -> String {
    match history.starts {
        0 => format!(
            "the broker gave up on it {} times ({reason}) before any worker started it",
            u32::from(revivals) + 1
        ),
        starts => format!(
            "the broker gave up on it ({reason}); it had been started {starts} times and never came to an end"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table() {
        let never = History { ended: false, starts: 0 };
        let started = History { ended: false, starts: 1 };
        let ended = History { ended: true, starts: 1 };
        let table = [
            (never, 0, Fate::Revived),
            (never, MAX_REVIVALS - 1, Fate::Revived),
            (never, MAX_REVIVALS, Fate::Failed(FailureKind::Undeliverable)),
            (never, u16::MAX, Fate::Failed(FailureKind::Undeliverable)),
            (started, 0, Fate::Failed(FailureKind::CrashLoop)),
            (started, MAX_REVIVALS, Fate::Failed(FailureKind::CrashLoop)),
            (ended, 0, Fate::Ended),
            (ended, u16::MAX, Fate::Ended),
        ];
        for (history, revivals, expected) in table {
            assert_eq!(fate(history, revivals), expected, "{history:?} {revivals}");
        }
    }
}
