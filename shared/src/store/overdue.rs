//! Retries on their way through the broker, so that one which does not come back is noticed and sent again.
//!
//! A retry waits in a queue of the broker until its time has come, and the broker itself moves it back to its level. Nothing
//! that AMQP has to say shows that the broker no longer does so: RabbitMQ 3.10 counts a message whose time has passed as
//! gone from the retry queue, although it never arrives. Hence this note of each retry, kept from its publishing until a
//! worker is given the job again.
//!
//! A sorted set (jobs by the time at which they are due, by Redis' own clock) and a hash (their messages), in one slot of a
//! cluster. Both are empty, and so are not there, while no job waits for a retry.

use std::sync::LazyLock;
use std::time::Duration;

use redis::{AsyncCommands, Script};

use super::{Store, StoreError};
use crate::job::{Job, JobId};

static NOTE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("note_retries.lua")));
static TAKE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("take_overdue.lua")));

/// A script takes a few thousand arguments, and holds Redis up while it runs.
const AT_ONCE: usize = 250;

/// A retry that was sent to the broker.
#[derive(Debug, Clone, PartialEq)]
pub struct SentRetry {
    /// The job with its attempt counted.
    pub job: Job,
    /// When it is due.
    pub delay: Duration,
}

impl Store {
    /// Notes retries that were sent, and forgets those of jobs that a worker was given again.
    ///
    /// # Errors
    /// When Redis fails; some may be noted then.
    pub async fn note_retries(&self, sent: &[SentRetry], returned: &[JobId]) -> Result<(), StoreError> {
        let mut connection = self.connection().await?;
        let (mut sent, mut returned) = (sent.chunks(AT_ONCE), returned.chunks(AT_ONCE));
        loop {
            let (sent, returned) = (sent.next().unwrap_or_default(), returned.next().unwrap_or_default());
            if sent.is_empty() && returned.is_empty() {
                return Ok(());
            }
            let mut call = NOTE.key(self.keys.retries_due());
            call.key(self.keys.retries()).arg(returned.len());
            for job in returned {
                call.arg(job.as_bytes().as_slice());
            }
            for SentRetry { job, delay } in sent {
                let keep = self.ttl_seconds().saturating_add(delay.as_secs() + 1);
                call.arg(job.job_id.as_bytes().as_slice()).arg(delay.as_millis() as u64);
                call.arg(job.encode()?).arg(keep);
            }
            call.invoke_async::<()>(&mut connection).await.map_err(|error| self.error(&error))?;
        }
    }

    /// How many retries are on their way. One command, for a question that is asked all the time.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn noted_retries(&self) -> Result<u64, StoreError> {
        let mut connection = self.connection().await?;
        connection.zcard(self.keys.retries_due()).await.map_err(|error| self.error(&error))
    }

    /// Retries that have been due for `overdue` and more, at most `limit`. Whoever asks has charge of them for as long
    /// again; then they are overdue once more, unless a worker has been given the job meanwhile.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn take_overdue_retries(
        &self,
        overdue: Duration,
        limit: usize,
    ) -> Result<Vec<Job>, StoreError> {
        let mut call = TAKE.key(self.keys.retries_due());
        call.key(self.keys.retries()).arg(overdue.as_millis() as u64).arg(limit);
        let mut connection = self.connection().await?;
        let messages: Vec<Vec<u8>> =
            call.invoke_async(&mut connection).await.map_err(|error| self.error(&error))?;
        let read = |message: &Vec<u8>| {
            let read = Job::decode(message);
            // A newer worker's, most likely: those like it will send it.
            read.map_err(|error| tracing::warn!(%error, "a note of a retry cannot be read")).ok()
        };
        Ok(messages.iter().filter_map(read).collect())
    }
}
