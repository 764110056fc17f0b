//! The jobs that this worker holds, and every lease it has on each.
//!
//! A job may be delivered while it is held: its connection was cut and it came again, or it was published twice. It is not
//! started a second time. The newer lease joins the older ones, and the end of the job settles them all: whichever is
//! alive then is the one that counts. Waiting instead would hold a second place in the window for nothing; and a start that
//! is counted although nothing died would in the end look like a job that kills its workers.

use std::collections::BTreeMap;

use shared::job::{BatchId, JobId};

use crate::held::HeldBatches;
use crate::task::{Settlement, Task, Ticket};

/// Jobs from their delivery to their completion.
#[derive(Debug, Default)]
pub(super) struct Leases {
    jobs: BTreeMap<JobId, Held>,
    batches: HeldBatches,
}

#[derive(Debug, Default)]
struct Held {
    /// The leases that came after the first.
    later: Vec<Ticket>,
    /// One of them may have been started elsewhere.
    redelivered: bool,
    /// The batch of the job.
    batch: Option<BatchId>,
}

/// Every lease on one job. They travel and are settled as one unit, so that no older lease is acknowledged before the
/// result of the job is stored.
#[derive(Debug)]
pub(super) struct JobLeases {
    newest: Ticket,
    older: Vec<Ticket>,
}

impl JobLeases {
    /// The lease on something that was delivered once.
    pub(super) const fn single(ticket: Ticket) -> Self {
        Self { newest: ticket, older: Vec::new() }
    }

    /// What the source is to do with each lease, the newest first. The newest lease carries out the settlement. The older
    /// ones go back with it, and are acknowledged in every other case: where the newest was lost, the broker has its job
    /// again, whatever becomes of the older ones.
    pub(super) fn settle(self, settlement: Settlement) -> Vec<(Ticket, Settlement)> {
        let of_older = match &settlement {
            Settlement::GiveBack => Settlement::GiveBack,
            _ => Settlement::Ack,
        };
        let older = self.older.into_iter().map(|ticket| (ticket, of_older.clone()));
        std::iter::once((self.newest, settlement)).chain(older).collect()
    }
}

impl Leases {
    /// None so far. `batches` is kept up with them.
    pub(super) fn new(batches: HeldBatches) -> Self {
        Self { jobs: BTreeMap::new(), batches }
    }

    /// Notes a task, and hands it back if it is to be worked on.
    pub(super) fn admit(&mut self, task: Task) -> Option<Task> {
        let Some(job_id) = task.work.job_id() else { return Some(task) };
        match self.jobs.get_mut(&job_id) {
            Some(held) => {
                let trace_id = task.work.trace_id().map(tracing::field::display);
                tracing::info!(%job_id, trace_id, "delivered again while it is here: not started twice");
                held.redelivered |= task.redelivered;
                held.later.push(task.ticket);
                None
            }
            None => {
                let batch = task.work.batch_id();
                batch.inspect(|batch| self.batches.add(*batch));
                self.jobs.insert(job_id, Held { batch, ..Held::default() });
                Some(task)
            }
        }
    }

    /// Whether a job is here.
    pub(super) fn holds(&self, job_id: Option<JobId>) -> bool {
        job_id.is_some_and(|job_id| self.jobs.contains_key(&job_id))
    }

    /// Whether a later lease may have been started elsewhere.
    pub(super) fn was_redelivered(&self, job_id: Option<JobId>) -> bool {
        job_id.and_then(|job_id| self.jobs.get(&job_id)).is_some_and(|held| held.redelivered)
    }

    /// Takes a job out, with all its leases; `ticket` is the one it was admitted with.
    pub(super) fn release(&mut self, job_id: Option<JobId>, ticket: Ticket) -> JobLeases {
        let held = job_id.and_then(|job_id| self.jobs.remove(&job_id)).unwrap_or_default();
        held.batch.inspect(|batch| self.batches.remove(*batch));
        let mut later = held.later;
        match later.pop() {
            None => JobLeases::single(ticket),
            Some(newest) => JobLeases { newest, older: std::iter::once(ticket).chain(later).collect() },
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::job::{BatchId, FileRef, Job, Priority, RelPath};
    use tokio::time::Instant;

    use super::*;
    use crate::task::{DeadLetter, Work};

    fn job() -> Job {
        Job {
            job_id: JobId::new(),
            batch_id: BatchId::new(),
            priority: Priority(1),
            file: FileRef { root: "r".into(), path: RelPath::new("a").unwrap() },
            attempt: 0,
            force: false,
            submitted_at_ms: 0,
            seen: None,
        }
    }

    fn task(job: &Job, tag: u64, redelivered: bool) -> Task {
        let letter = DeadLetter { job: job.clone(), reason: String::new(), revivals: 0, trace: None };
        Task {
            ticket: Ticket { stream: 0, epoch: 0, tag },
            level: Priority(1),
            redelivered,
            received: Instant::now(),
            work: Work::Dead(Box::new(letter)),
        }
    }

    #[test]
    fn a_job_that_comes_again_is_worked_on_once_and_all_its_leases_are_settled() {
        let retry = |job: &Job| Settlement::Retry { tier: 0, job: Box::new(job.clone()), trace: None };
        for (follows, settlement) in [
            (Settlement::Ack, None),
            (Settlement::GiveBack, Some(Settlement::GiveBack)),
            (Settlement::Ack, Some(Settlement::Ack)),
        ] {
            let (mut leases, job) = (Leases::default(), job());
            let settlement = settlement.unwrap_or_else(|| retry(&job));
            assert!(leases.admit(task(&job, 1, false)).is_some());
            assert!(!leases.was_redelivered(Some(job.job_id)));
            assert!(leases.admit(task(&job, 2, true)).is_none());
            assert!(leases.admit(task(&job, 3, false)).is_none());
            assert!(leases.was_redelivered(Some(job.job_id)));
            let ticket = Ticket { stream: 0, epoch: 0, tag: 1 };
            let all = leases.release(Some(job.job_id), ticket).settle(settlement.clone());
            let settled: Vec<_> =
                all.into_iter().map(|(ticket, settlement)| (ticket.tag, settlement)).collect();
            assert_eq!(settled, [(3, settlement), (1, follows.clone()), (2, follows)]);
            assert!(!leases.holds(Some(job.job_id)));
            assert!(leases.admit(task(&job, 4, true)).is_some(), "it is a new one now");
        }
    }
}
