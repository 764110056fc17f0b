//! Batches: made by the producer, counted by the workers.

use std::collections::{BTreeMap, HashMap};

use redis::{AsyncCommands, Pipeline};

use super::{Store, StoreError};
use crate::job::BatchId;
use crate::outcome::Outcome;

/// A batch as it stands.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct BatchState {
    /// Its id.
    pub batch_id: BatchId,
    /// What the user called it.
    pub label: String,
    /// When it was made, milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// Jobs that the broker has accepted so far.
    pub accepted: u64,
    /// Whether the producer is done: `accepted` is final.
    pub sealed: bool,
    /// Ends so far by outcome; every outcome is there.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Ends so far by kind, those that occurred.
    pub kinds: BTreeMap<String, u64>,
    /// Ends answered from the cache.
    pub cached: u64,
    /// Audio behind the ends, milliseconds.
    pub audio_ms: u64,
    /// Bytes of the files behind the ends.
    pub bytes: u64,
    /// Whether it was cancelled: what had not started by then ends as such.
    pub cancelled: bool,
    /// Jobs whose ends a retry took back and which are not known to be in the queue yet.
    pub retrying: u64,
}

impl BatchState {
    /// Jobs that have ended.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.outcomes.values().sum()
    }

    /// Jobs that failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.outcomes.get(&Outcome::Failed).copied().unwrap_or(0)
    }

    /// Jobs that nobody wanted any more.
    #[must_use]
    pub fn unwanted(&self) -> u64 {
        self.outcomes.get(&Outcome::Cancelled).copied().unwrap_or(0)
    }

    /// Whether every job has its end.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.sealed && self.done() >= self.accepted
    }

    fn read(batch_id: BatchId, fields: &HashMap<String, String>) -> Self {
        let number = |name: &str| fields.get(name).and_then(|value| value.parse().ok()).unwrap_or(0);
        let kinds = fields.iter().filter_map(|(name, value)| Some((name.strip_prefix("kind:")?, value)));
        Self {
            batch_id,
            label: fields.get("label").cloned().unwrap_or_default(),
            created_ms: fields.get("created_ms").and_then(|value| value.parse().ok()).unwrap_or(0),
            accepted: number("accepted"),
            sealed: number("sealed") == 1,
            outcomes: Outcome::ALL.iter().map(|o| (*o, number(&format!("outcome:{o}")))).collect(),
            kinds: kinds.map(|(kind, value)| (kind.to_owned(), value.parse().unwrap_or(0))).collect(),
            cached: number("cached"),
            audio_ms: number("audio_ms"),
            bytes: number("bytes"),
            cancelled: fields.contains_key("cancelled"),
            retrying: number("retrying"),
        }
    }
}

impl Store {
    /// Makes a batch; call it before the first job is published, so that no end comes before its batch.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn create_batch(&self, batch: BatchId, label: &str, created_ms: i64) -> Result<(), StoreError> {
        let key = self.keys.batch(batch);
        let mut pipeline = Pipeline::new();
        pipeline.hset_multiple(&key, &[("label", label), ("created_ms", &created_ms.to_string())]).ignore();
        pipeline.expire(&key, self.ttl_seconds() as i64).ignore();
        pipeline.zadd(self.keys.batches(), batch.to_string(), created_ms).ignore();
        self.run(&pipeline).await
    }

    /// Counts jobs that the broker has accepted. Returns whether the batch is cancelled: no more need be sent.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn count_accepted(&self, batch: BatchId, jobs: u64) -> Result<bool, StoreError> {
        let key = self.keys.batch(batch);
        let mut pipeline = Pipeline::new();
        pipeline.hincr(&key, "accepted", jobs).ignore();
        pipeline.expire(&key, self.ttl_seconds() as i64).ignore();
        pipeline.hexists(&key, "cancelled");
        let mut connection = self.connection().await?;
        let (cancelled,): (bool,) =
            pipeline.query_async(&mut connection).await.map_err(|error| self.error(&error))?;
        Ok(cancelled)
    }

    /// Says that no more jobs will come, and how many there are.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn seal_batch(&self, batch: BatchId, accepted: u64) -> Result<(), StoreError> {
        let key = self.keys.batch(batch);
        let mut pipeline = Pipeline::new();
        pipeline.hset_multiple(&key, &[("accepted", accepted), ("sealed", 1)]).ignore();
        pipeline.expire(&key, self.ttl_seconds() as i64).ignore();
        self.run(&pipeline).await
    }

    /// How a batch stands; `None` when it is unknown or has expired.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn batch(&self, batch: BatchId) -> Result<Option<BatchState>, StoreError> {
        Ok(self.batch_states(&[batch]).await?.pop())
    }

    /// The newest batches first, `limit` at most. Batches that have expired are forgotten on the way.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn batches(&self, limit: usize) -> Result<Vec<BatchState>, StoreError> {
        let mut connection = self.connection().await?;
        let last = isize::try_from(limit).unwrap_or(isize::MAX).saturating_sub(1);
        let names: Vec<String> =
            connection.zrevrange(self.keys.batches(), 0, last).await.map_err(|error| self.error(&error))?;
        drop(connection);
        let ids: Vec<BatchId> = names.iter().filter_map(|name| name.parse().ok()).collect();
        let states = self.batch_states(&ids).await?;
        let expired = ids.iter().filter(|id| !states.iter().any(|state| state.batch_id == **id));
        let mut pipeline = Pipeline::new();
        for id in expired {
            pipeline.zrem(self.keys.batches(), id.to_string()).ignore();
        }
        if !pipeline.is_empty() {
            self.run(&pipeline).await?;
        }
        Ok(states)
    }

    /// The batch of messages that name none: made when the first of them ends.
    pub(super) fn create_stray_batch(&self, pipeline: &mut Pipeline) {
        let (key, now) = (self.keys.batch(BatchId::STRAY), jiff::Timestamp::now().as_millisecond());
        pipeline.hset_nx(&key, "label", "messages without a batch").ignore();
        pipeline.hset_nx(&key, "created_ms", now).ignore();
        pipeline.zadd(self.keys.batches(), BatchId::STRAY.to_string(), now).ignore();
    }

    async fn batch_states(&self, ids: &[BatchId]) -> Result<Vec<BatchState>, StoreError> {
        let mut pipeline = Pipeline::new();
        for id in ids {
            pipeline.hgetall(self.keys.batch(*id));
        }
        if pipeline.is_empty() {
            return Ok(Vec::new());
        }
        let mut connection = self.connection().await?;
        let hashes: Vec<HashMap<String, String>> =
            pipeline.query_async(&mut connection).await.map_err(|error| self.error(&error))?;
        let known = ids.iter().zip(&hashes).filter(|(_, fields)| fields.contains_key("created_ms"));
        Ok(known.map(|(id, fields)| BatchState::read(*id, fields)).collect())
    }

    async fn run(&self, pipeline: &Pipeline) -> Result<(), StoreError> {
        let mut connection = self.connection().await?;
        pipeline.query_async::<()>(&mut connection).await.map_err(|error| self.error(&error))
    }
}
