//! How many ends of a batch are really there, beside how many were counted: a Redis that evicts drops the one and keeps the other.

use redis::AsyncCommands;

use super::{Store, StoreError};
use crate::job::BatchId;

impl Store {
    /// How many ends of this batch can be read. Fewer than [`BatchState::done`](super::BatchState::done) says, where Redis
    /// has evicted them or somebody deleted them.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn stored_ends(&self, batch: BatchId) -> Result<u64, StoreError> {
        let mut connection = self.connection().await?;
        connection.xlen(self.keys.events(batch)).await.map_err(|error| self.error(&error))
    }
}
