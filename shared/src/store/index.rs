//! The list of all batches. It is not in the slot of any batch, so no script can keep it: what writes a batch writes its
//! entry too, and the workers remove the entries of batches that have expired.

use redis::{AsyncCommands, Pipeline};

use super::{Store, StoreError};
use crate::job::BatchId;

/// Entries looked at in one round trip.
const LOOKED_AT: usize = 100;

/// An idle fleet without workers keeps the list so much longer than `RESULT_TTL`: as long as a batch that misses ends.
const KEPT_LONGER_SECONDS: u64 = 30 * 24 * 3600;

/// A place in the list of batches; the default is its beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IndexPlace(u64);

impl Store {
    /// Adds the writing of a batch's entry, where it has none.
    pub(super) fn add_to_index(&self, pipeline: &mut Pipeline, batch: BatchId, created_ms: i64) {
        let key = self.keys.batches();
        pipeline.cmd("ZADD").arg(&key).arg("NX").arg(created_ms).arg(batch.to_string()).ignore();
        pipeline.expire(&key, (self.ttl_seconds() + KEPT_LONGER_SECONDS) as i64).ignore();
    }

    pub(super) async fn index(&self, batch: BatchId, created_ms: i64) -> Result<(), StoreError> {
        let mut pipeline = Pipeline::new();
        self.add_to_index(&mut pipeline, batch, created_ms);
        let mut connection = self.connection().await?;
        pipeline.query_async::<()>(&mut connection).await.map_err(|error| self.error(&error))
    }

    /// Looks at some entries of the list of batches: those whose batch is not there, and where to go on.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn expired_batches(&self, place: IndexPlace) -> Result<(Vec<BatchId>, IndexPlace), StoreError> {
        let mut command = redis::cmd("ZSCAN");
        command.arg(self.keys.batches()).arg(place.0).arg("COUNT").arg(LOOKED_AT);
        let mut connection = self.connection().await?;
        let (next, entries): (u64, Vec<(String, f64)>) =
            command.query_async(&mut connection).await.map_err(|error| self.error(&error))?;
        let ids: Vec<BatchId> = entries.iter().filter_map(|(name, _)| name.parse().ok()).collect();
        let mut pipeline = Pipeline::new();
        for id in &ids {
            pipeline.exists(self.keys.batch(*id));
        }
        let mut exist: Vec<bool> = Vec::new();
        if !ids.is_empty() {
            exist = pipeline.query_async(&mut connection).await.map_err(|error| self.error(&error))?;
        }
        let expired = ids.into_iter().zip(exist).filter(|(_, exists)| !exists).map(|(id, _)| id);
        Ok((expired.collect(), IndexPlace(next)))
    }

    /// Removes batches from the list of batches. A batch that is being made may have its entry before its hash, so remove
    /// only those that were not there at two looks, some seconds apart.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn forget_batches(&self, batches: &[BatchId]) -> Result<(), StoreError> {
        if batches.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = batches.iter().map(ToString::to_string).collect();
        let mut connection = self.connection().await?;
        connection.zrem(self.keys.batches(), names).await.map_err(|error| self.error(&error))
    }
}
