//! Cancelling a batch: the mark that workers meet when they start a job, and the list by which they learn of the batches
//! whose running jobs are to end, too.

use std::sync::LazyLock;

use redis::Script;

use super::script::batch_script;
use super::{Store, StoreError};
use crate::job::{BatchId, JobId};

static CANCEL: LazyLock<Script> = batch_script!("cancel.lua");
static CLOSE: LazyLock<Script> = batch_script!("close.lua");
static RECALL: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("recall.lua")));
static CANCELLED: LazyLock<Script> = batch_script!("cancelled.lua");

/// Workers look every second or so; nobody cancels so many batches in the meantime.
const KEPT: u32 = 1000;

/// What a cancellation met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// No such batch.
    Unknown,
    /// Every job had ended: nothing was changed.
    Complete,
    /// What has not started ends as cancelled.
    Marked,
    /// The same, of a batch that its producer has not closed. It is closed now, with as many jobs as were counted as
    /// accepted; there may be more.
    Closed,
}

/// A place in the list of recalled batches; the default is its beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecallPlace(u64);

impl Store {
    /// Cancels what of the batch has not started; with `running`, what runs, too. Doing it again changes nothing, but that
    /// jobs retried in between are meant as well.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn cancel_batch(&self, batch: BatchId, running: bool) -> Result<Cancelled, StoreError> {
        let mut connection = self.connection().await?;
        let mut call = self.keys.call(&CANCEL, batch);
        call.arg(self.ttl_seconds());
        let answer: u8 = call.invoke_async(&mut connection).await.map_err(|error| self.error(&error))?;
        let cancelled = match answer {
            0 => return Ok(Cancelled::Unknown),
            1 => return Ok(Cancelled::Complete),
            2 => Cancelled::Marked,
            _ => Cancelled::Closed,
        };
        if running {
            drop(connection);
            self.recall(batch).await?;
        }
        Ok(cancelled)
    }

    /// Closes a cancelled batch without its jobs that have no end and are not known by name. Where one of them ends after
    /// all, its end is added. Returns how many were left out.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn close_cancelled(&self, batch: BatchId) -> Result<u64, StoreError> {
        let mut call = self.keys.call(&CLOSE, batch);
        call.arg(self.ttl_seconds());
        let mut connection = self.connection().await?;
        call.invoke_async(&mut connection).await.map_err(|error| self.error(&error))
    }

    /// After the mark: who reads the list finds the mark.
    async fn recall(&self, batch: BatchId) -> Result<(), StoreError> {
        let mut call = RECALL.key(self.keys.cancelled());
        call.arg(self.ttl_seconds()).arg(batch.to_string()).arg(KEPT);
        let mut connection = self.connection().await?;
        call.invoke_async::<()>(&mut connection).await.map_err(|error| self.error(&error))
    }

    /// The batches whose running jobs were cancelled since a place, and the place from which to go on. A batch may have been
    /// cancelled long ago, or have jobs that were retried since: [`Store::are_cancelled`] tells.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn recalls(&self, since: RecallPlace) -> Result<(Vec<BatchId>, RecallPlace), StoreError> {
        let key = self.keys.cancelled();
        let mut pipeline = redis::Pipeline::new();
        pipeline.zrevrange_withscores(&key, 0, 0);
        pipeline.zrangebyscore(&key, format!("({}", since.0), "+inf");
        let mut connection = self.connection().await?;
        let (last, batches): (Vec<(String, u64)>, Vec<String>) =
            pipeline.query_async(&mut connection).await.map_err(|error| self.error(&error))?;
        // A list that was lost begins anew, and so does who reads it.
        let last = last.first().map_or(0, |(_, place)| *place);
        Ok((batches.iter().filter_map(|batch| batch.parse().ok()).collect(), RecallPlace(last)))
    }

    /// For each of these jobs whether it is cancelled: its batch is, and it was not retried since.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn are_cancelled(&self, batch: BatchId, jobs: &[JobId]) -> Result<Vec<bool>, StoreError> {
        let mut connection = self.connection().await?;
        let mut call = self.keys.call(&CANCELLED, batch);
        for job in jobs {
            call.arg(job.as_bytes().as_slice());
        }
        let flags: Vec<u8> = call.invoke_async(&mut connection).await.map_err(|error| self.error(&error))?;
        Ok(flags.into_iter().map(|flag| flag == 1).collect())
    }
}
