//! The end of a message that was purged.

use shared::broker::lapin::message::Delivery;
use shared::broker::owner;
use shared::job::{Job, JobError, Levels};
use shared::outcome;
use shared::record::Record;
use shared::store::Finished;

pub(super) struct End {
    pub(super) finished: Finished,
    pub(super) is_job: bool,
}

pub(super) fn end(message: &Delivery, queue: &str, levels: Levels) -> End {
    let (mut finished, is_job) = match Job::decode(&message.data) {
        Ok(job) => (cancelled(job, queue, levels), true),
        Err(error) => (unreadable(message, &error), false),
    };
    (finished.record.job_id, finished.record.batch_id) = (Some(finished.job_id), Some(finished.batch_id));
    End { finished, is_job }
}

fn cancelled(job: Job, queue: &str, levels: Levels) -> Finished {
    let mut record = Record::new(&job.file.to_bytes(), outcome::End::Cancelled);
    record.detail = Some(format!("purged from the queue {queue}"));
    // The tries that were made before it waited there.
    record.attempts = job.attempt;
    record.priority = Some(levels.name(job.priority).to_owned());
    let (job_id, batch_id, job) = (job.job_id, job.batch_id, Some(Job { attempt: 0, ..job }));
    Finished { job_id, batch_id, record, job, message: None }
}

/// What never was a job ends as it would at a worker.
fn unreadable(message: &Delivery, error: &JobError) -> Finished {
    let (job_id, batch_id) = owner(message);
    let mut record = Record::new(b"", outcome::End::Failed(error.kind()));
    record.detail = Some(error.to_string());
    Finished { job_id, batch_id, record, job: None, message: Some(message.data.clone()) }
}
