//! What follows from an end: store it, or try again later. A pure function, so that the table below is all there is.

use shared::job::Job;
use shared::outcome::End;

use crate::task::{Completion, Ended, Settlement};

/// The decision on a task that was worked on. A transient failure goes through the retry tiers first; without a job (the
/// local mode) or without a tier left it is an end like any other.
#[must_use]
pub fn decide(ended: Ended, tiers: usize) -> Completion {
    let End::Failed(kind) = ended.record.end() else { return Completion::Store(Box::new(ended)) };
    match &ended.job {
        Some(job) if kind.is_transient() && usize::from(job.attempt) < tiers => {
            Completion::Settle(retry(job))
        }
        _ => Completion::Store(Box::new(ended)),
    }
}

fn retry(job: &Job) -> Settlement {
    Settlement::Retry { tier: usize::from(job.attempt), job: Box::new(job.next_attempt()) }
}

#[cfg(test)]
mod tests {
    use shared::job::{BatchId, FileRef, JobId, Priority, RelPath};
    use shared::outcome::{FailureKind, NotApplicable};
    use shared::record::Record;

    use super::*;

    fn job(attempt: u16) -> Job {
        Job {
            job_id: JobId::new(),
            batch_id: BatchId::new(),
            priority: Priority(1),
            file: FileRef { root: "r".into(), path: RelPath::new("a").unwrap() },
            attempt,
            force: false,
            submitted_at_ms: 0,
        }
    }

    fn decision(end: End, job: Option<Job>, tiers: usize) -> &'static str {
        let ended = Ended { record: Record::new(b"r/a", end), job, message: None };
        match decide(ended, tiers) {
            Completion::Store(_) => "store",
            Completion::Settle(Settlement::Retry { tier: 0, job }) if job.attempt == 1 => "first tier",
            Completion::Settle(Settlement::Retry { tier: 3, job }) if job.attempt == 4 => "fourth tier",
            Completion::Settle(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_table() {
        use FailureKind::{Corrupt, Io, RootUnavailable, StoreUnavailable, Timeout};
        let table = [
            (End::Ok, Some(job(0)), 4, "store"),
            (End::Partial, Some(job(0)), 4, "store"),
            (End::NotApplicable(NotApplicable::Silence), Some(job(0)), 4, "store"),
            (End::Failed(Corrupt), Some(job(0)), 4, "store"),
            (End::Failed(Timeout), Some(job(0)), 4, "store"),
            (End::Failed(Io), Some(job(0)), 4, "first tier"),
            (End::Failed(RootUnavailable), Some(job(3)), 4, "fourth tier"),
            (End::Failed(StoreUnavailable), Some(job(4)), 4, "store"),
            (End::Failed(Io), Some(job(0)), 0, "store"),
            (End::Failed(Io), None, 4, "store"),
        ];
        for (end, job, tiers, expected) in table {
            assert_eq!(decision(end, job, tiers), expected, "{end:?}");
        }
    }
}
