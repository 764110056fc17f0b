//! What becomes of a result that Redis refuses for good: a key of its batch has another type, a script fails on it, a value
//! cannot be encoded. It concerns that one job. Other batches go on, no breaker opens, and the job is never lost in silence:
//! it comes again while it has retries left, and then its failure is stored where an operator finds it.

use std::time::{Duration, Instant};

use shared::job::BatchId;
use shared::outcome::{End, FailureKind};
use shared::store::StoreError;

use crate::metrics::{self, RefusedFate, Stage};
use crate::settle::decide;
use crate::sparing::Sparing;
use crate::task::{Completion, Ended, Settlement};

/// A batch that is broken has thousands of jobs, each refused for the same reason.
static LOG: Sparing = Sparing::new(10, Duration::from_secs(10));

/// One thing to try with a refused result.
#[derive(Debug)]
pub(super) enum Remedy {
    /// Store this in its place.
    Store(RefusedFate, Box<Ended>),
    /// Store nothing, and settle its delivery like this.
    Settle(RefusedFate, Settlement),
}

/// What to try, in this order. Where nothing is left to try, the result is lost, and the log has it.
pub(super) fn remedies(end: &Ended, tiers: usize, error: &StoreError) -> Vec<Remedy> {
    let mut remedies = Vec::new();
    // The report may be what cannot be written.
    if end.record.report.is_some() || end.message.is_some() {
        let bare = Ended { message: None, ..failed(end, FailureKind::Internal, error.to_string()) };
        remedies.push(Remedy::Store(RefusedFate::Reduced, Box::new(bare)));
    }
    // An operator may have mended the batch by the next attempt.
    let unavailable = failed(end, FailureKind::StoreUnavailable, error.to_string());
    if let Completion::Settle(retry) = decide(unavailable, tiers) {
        remedies.push(Remedy::Settle(RefusedFate::Retried, retry));
        return remedies;
    }
    if end.record.batch_id.is_some_and(|batch| batch != BatchId::STRAY) {
        remedies.push(Remedy::Store(RefusedFate::Stray, Box::new(stray(end, error))));
    }
    // No batch takes anything: a script of ours is at fault, or the whole prefix is. The job waits in the longest tier and
    // comes again, as often as need be.
    if let (Some(job), Some(tier)) = (&end.job, tiers.checked_sub(1)) {
        let retry = Settlement::Retry { tier, job: Box::new(job.clone()), trace: end.trace };
        remedies.push(Remedy::Settle(RefusedFate::Parked, retry));
    }
    remedies
}

/// The end as a failure of the batch that belongs to nobody. `producer retry` finds the job there, and publishes it for
/// its own batch.
fn stray(end: &Ended, error: &StoreError) -> Ended {
    let batch = end.record.batch_id.map(|batch| batch.to_string()).unwrap_or_default();
    let detail = format!("its batch {batch} takes no results: {error}");
    let mut stray = failed(end, FailureKind::StoreUnavailable, detail);
    stray.record.batch_id = Some(BatchId::STRAY);
    stray
}

fn failed(end: &Ended, kind: FailureKind, detail: String) -> Ended {
    let fault = End::Failed(kind);
    let mut failed = Ended { stage: Some(Stage::Store), ..end.clone() };
    failed.record.report = None;
    (failed.record.outcome, failed.record.kind) = (fault.outcome(), fault.kind());
    failed.record.detail = Some(detail);
    failed
}

/// Counts a refused result and says what became of it.
pub(super) fn report(end: &Ended, error: &StoreError, fate: RefusedFate) {
    metrics::refused(fate);
    let left_out = match fate {
        // What is nowhere else is in the log, always.
        RefusedFate::Lost => 0,
        _ => match LOG.admit(Instant::now()) {
            Some(left_out) => left_out,
            None => return,
        },
    };
    let record = &end.record;
    let message = end.message.as_ref().filter(|_| fate == RefusedFate::Lost);
    tracing::error!(
        %error,
        file = record.path,
        job_id = record.job_id.map(tracing::field::display),
        batch_id = record.batch_id.map(tracing::field::display),
        trace_id = end.trace_id().map(tracing::field::display),
        stage = Stage::Store.label(),
        fate = fate.label(),
        message_text = message.map(|message| String::from_utf8_lossy(message).into_owned()),
        left_out = Some(left_out).filter(|count| *count > 0),
        "redis refuses a result for good: look at the key that the error names (redis-cli TYPE KEY); one that is not the \
         fleet's own is to be renamed or deleted, then `producer retry`"
    );
}

#[cfg(test)]
mod tests {
    use shared::job::{FileRef, Job, JobId, Priority, RelPath};
    use shared::record::Record;

    use super::*;

    fn end(attempt: Option<u16>, batch_id: BatchId, with_report: bool) -> Ended {
        let job = attempt.map(|attempt| Job {
            job_id: JobId::new(),
            batch_id,
            priority: Priority(1),
            file: FileRef { root: "r".into(), path: RelPath::new("a").unwrap() },
            attempt,
            force: false,
            submitted_at_ms: 0,
            seen: None,
        });
        let mut record = Record::new(b"r/a", End::Ok);
        record.batch_id = Some(batch_id);
        record.report = with_report.then(Box::default);
        Ended::new(record, job)
    }

    fn fates(end: &Ended, tiers: usize) -> Vec<&'static str> {
        let error =
            StoreError::Permanent { url: String::new(), subject: String::new(), detail: "WRONGTYPE".into() };
        let fate = |remedy| match remedy {
            Remedy::Store(fate, stored) => {
                assert!(stored.record.report.is_none());
                let stray = fate == RefusedFate::Stray;
                assert_eq!(stored.record.batch_id == Some(BatchId::STRAY), stray);
                fate.label()
            }
            Remedy::Settle(fate, settlement) => {
                let Settlement::Retry { tier, job, .. } = settlement else { panic!("{settlement:?}") };
                let parked = fate == RefusedFate::Parked;
                assert_eq!(job.attempt, end.job.as_ref().unwrap().attempt + u16::from(!parked));
                assert!(tier < tiers && (!parked || tier + 1 == tiers));
                fate.label()
            }
        };
        remedies(end, tiers, &error).into_iter().map(fate).collect()
    }

    #[test]
    fn every_job_has_a_remedy_that_keeps_it() {
        let batch = BatchId::new();
        let table: [(Ended, usize, &[&str]); 6] = [
            (end(Some(0), batch, true), 2, &["reduced", "retried"]),
            (end(Some(0), batch, false), 2, &["retried"]),
            (end(Some(2), batch, true), 2, &["reduced", "stray", "parked"]),
            (end(None, batch, false), 2, &["stray"]),
            (end(Some(2), BatchId::STRAY, false), 2, &["parked"]),
            (end(None, BatchId::STRAY, false), 2, &[]),
        ];
        for (end, tiers, expected) in table {
            assert_eq!(fates(&end, tiers), expected, "{end:?}");
        }
    }
}
