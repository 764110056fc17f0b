//! Counting starts without an end: how a job that kills its worker is told from one that only sat in its prefetch.

use redis::AsyncCommands;

use super::{Store, StoreError};
use crate::job::{BatchId, JobId};

impl Store {
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
