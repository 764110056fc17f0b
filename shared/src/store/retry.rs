//! Ends taken back, so that their jobs can be published again, and the batch's counters stay true all the while.
//!
//! ```text
//! ended ──withdraw──▶ unpublished ──published──▶ on its way ──▶ ended
//!   ▲                      │ ▲
//!   └───────restore────────┘ └─take over: by the next retry, when this one was killed
//! ```
//!
//! The end goes before the job is published: a worker that was faster than us would find the old end in place, and its own
//! would count as a repetition. Each arrow is one atomic script, so a crash leaves a job in one of these states.

use std::sync::LazyLock;
use std::time::Duration;

use redis::Script;
use uuid::Uuid;

use super::script::batch_script;
use super::{EndPlace, Store, StoreError, StoredEnd};
use crate::job::{BatchId, Job};

static WITHDRAW: LazyLock<Script> = batch_script!("withdraw.lua");
static RESTORE: LazyLock<Script> = batch_script!("restore.lua");
static TAKE_OVER: LazyLock<Script> = batch_script!("take_over.lua");
static PUBLISHED: LazyLock<Script> = batch_script!("published.lua");

/// Names one run of a retry: what it has taken back is its own, until another takes it over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryId(Uuid);

impl RetryId {
    /// A new one.
    #[must_use]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }
}

impl Default for RetryId {
    fn default() -> Self {
        Self::new()
    }
}

impl Store {
    /// Takes back ends of one batch. Returns for each whether it was taken: not if the job has another end by now, or none,
    /// because somebody else was first.
    ///
    /// # Errors
    /// When Redis fails; then some may have been taken back, and are left for [`Store::take_over`].
    pub async fn withdraw(
        &self,
        batch: BatchId,
        retry: RetryId,
        ends: &[(EndPlace, StoredEnd)],
    ) -> Result<Vec<bool>, StoreError> {
        let mut call = self.keys.call(&WITHDRAW, batch);
        call.arg(self.ttl_seconds()).arg(retry.0.to_string());
        for (place, end) in ends {
            let Some(job) = end.record.job_id else { continue };
            call.arg(job.as_bytes().as_slice()).arg(place.event());
            call.arg(end.record.outcome.code()).arg(end.record.kind.map_or("", |kind| kind.code()));
            call.arg(end.record.bytes.unwrap_or(0));
        }
        let mut connection = self.connection().await?;
        let flags: Vec<u8> = call.invoke_async(&mut connection).await.map_err(|error| self.error(&error))?;
        let mut flags = flags.into_iter();
        Ok(ends.iter().map(|(_, end)| end.record.job_id.is_some() && flags.next() == Some(1)).collect())
    }

    /// Gives back ends that this retry has withdrawn and whose jobs were not published.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn restore(
        &self,
        batch: BatchId,
        retry: RetryId,
        ends: &[StoredEnd],
    ) -> Result<u64, StoreError> {
        let mut call = self.keys.call(&RESTORE, batch);
        call.arg(self.ttl_seconds()).arg(retry.0.to_string());
        for end in ends {
            let Some(job) = end.record.job_id else { continue };
            call.arg(job.as_bytes().as_slice()).arg(end.record.outcome.code());
            call.arg(end.record.kind.map_or("", |kind| kind.code())).arg(end.record.bytes.unwrap_or(0));
        }
        let mut connection = self.connection().await?;
        call.invoke_async(&mut connection).await.map_err(|error| self.error(&error))
    }

    /// Notes that the broker has these jobs again.
    ///
    /// # Errors
    /// When Redis fails; then they are published once more by the next retry, which their ends survive.
    pub async fn published(&self, batch: BatchId, jobs: &[Job]) -> Result<(), StoreError> {
        if jobs.is_empty() {
            return Ok(());
        }
        let mut call = self.keys.call(&PUBLISHED, batch);
        call.arg(self.ttl_seconds());
        for job in jobs {
            call.arg(job.job_id.as_bytes().as_slice()).arg(super::open::encode(job)?);
        }
        let mut connection = self.connection().await?;
        call.invoke_async::<()>(&mut connection).await.map_err(|error| self.error(&error))
    }

    /// At most `limit` ends that another retry took back at least `age` ago and left unpublished. They are this one's now.
    ///
    /// # Errors
    /// When Redis fails or an end was written by a newer version.
    pub async fn take_over(
        &self,
        batch: BatchId,
        retry: RetryId,
        age: Duration,
        limit: usize,
    ) -> Result<Vec<StoredEnd>, StoreError> {
        let key = self.keys.withdrawn(batch);
        let mut call = self.keys.call(&TAKE_OVER, batch);
        call.arg(retry.0.to_string()).arg(age.as_secs()).arg(limit);
        let mut connection = self.connection().await?;
        let ends: Vec<Vec<u8>> =
            call.invoke_async(&mut connection).await.map_err(|error| self.error(&error))?;
        ends.iter().map(|end| StoredEnd::decode(&key, end)).collect()
    }
}
