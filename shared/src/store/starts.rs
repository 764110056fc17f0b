//! Counting starts without an end: how a job that kills its worker is told from one that only sat in its prefetch.

use redis::AsyncCommands;

use super::{Store, StoreError};
use crate::job::{BatchId, JobId};

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

    /// Counts a start of the job and returns how many it has had since it last ended, this one included.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn started(&self, batch: BatchId, job: JobId) -> Result<u64, StoreError> {
        let mut connection = self.connection().await?;
        connection
            .hincr(self.keys.starts(batch), job.as_bytes().as_slice(), 1)
            .await
            .map_err(|error| self.error(&error))
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
