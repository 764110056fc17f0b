//! Counting starts without an end: how a job that kills its worker is told from one that only sat in its prefetch. And
//! by the same word to Redis: whether the job is wanted still.

use std::sync::LazyLock;

use redis::{AsyncCommands, Script};

use super::{Store, StoreError};
use crate::job::{BatchId, JobId};

static START: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("start.lua")));

/// What Redis says of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Go on. The job has had so many starts since it last ended, this one included.
    Counted(u64),
    /// The batch is cancelled: nothing was counted, and nothing is to be done but to say so.
    Cancelled,
}

/// What is known of a job that the broker has given up on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// It has an end.
    pub ended: bool,
    /// Starts since it last ended.
    pub starts: u64,
}

impl Store {
    /// Looks a job up without changing anything.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn history(&self, batch: BatchId, job: JobId) -> Result<History, StoreError> {
        let mut connection = self.connection().await?;
        let id = job.as_bytes().as_slice();
        let (ended, starts): (bool, Option<i64>) = redis::pipe()
            .hexists(self.keys.jobs(batch), id)
            .hget(self.keys.starts(batch), id)
            .query_async(&mut connection)
            .await
            .map_err(|error| self.error(&error))?;
        // Taken back more often than counted, as when Redis was away for the count: none.
        Ok(History { ended, starts: starts.unwrap_or(0).try_into().unwrap_or(0) })
    }

    /// Counts a start of the job, if it is to start.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn started(&self, batch: BatchId, job: JobId) -> Result<Start, StoreError> {
        let mut connection = self.connection().await?;
        let mut call = START.key(self.keys.starts(batch));
        call.key(self.keys.batch(batch)).key(self.keys.spared(batch)).arg(job.as_bytes().as_slice());
        let starts: i64 = call.invoke_async(&mut connection).await.map_err(|error| self.error(&error))?;
        Ok(u64::try_from(starts).map_or(Start::Cancelled, Start::Counted))
    }

    /// Takes a start back: the job was interrupted by us, not by its own doing.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn unstarted(&self, batch: BatchId, job: JobId) -> Result<(), StoreError> {
        let mut connection = self.connection().await?;
        connection
            .hincr(self.keys.starts(batch), job.as_bytes().as_slice(), -1)
            .await
            .map_err(|error| self.error(&error))
    }
}
