//! The end of a message that was purged.

use shared::broker::lapin::message::Delivery;
use shared::broker::lapin::types::ShortString;
use shared::job::{BatchId, Job, JobError, JobId, Levels};
use shared::outcome::{self, FailureKind};
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

/// What never was a job ends as it would at a worker: under the names in its properties, or one made of its bytes.
fn unreadable(message: &Delivery, error: &JobError) -> Finished {
    let id = |property: &Option<ShortString>| property.as_ref().map(|id| id.as_str().to_owned());
    let job_id = id(message.properties.message_id()).and_then(|id| id.parse::<JobId>().ok());
    let batch_id = id(message.properties.correlation_id()).and_then(|id| id.parse::<BatchId>().ok());
    let mut hash = [0; 16];
    hash.copy_from_slice(&blake3::hash(&message.data).as_bytes()[..16]);
    let kind = match error {
        JobError::NewerVersion { .. } => FailureKind::UnsupportedVersion,
        JobError::TooLarge(_) | JobError::Malformed(_) | JobError::OtherSchema(_) => {
            FailureKind::UnreadableMessage
        }
    };
    let mut record = Record::new(b"", outcome::End::Failed(kind));
    record.detail = Some(error.to_string());
    Finished {
        job_id: job_id.unwrap_or_else(|| JobId::from_hash(hash)),
        batch_id: batch_id.unwrap_or(BatchId::STRAY),
        record,
        job: None,
        message: Some(message.data.clone()),
    }
}
