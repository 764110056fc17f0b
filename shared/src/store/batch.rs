//! Batches: made by the producer, counted by the workers.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;
use std::time::Duration;

use redis::{AsyncCommands, Pipeline, Script, ScriptInvocation};

use super::script::batch_script;
use super::{Store, StoreError};
use crate::job::{BatchId, Job};
use crate::outcome::Outcome;

static CREATE: LazyLock<Script> = batch_script!("create.lua");
static ACCEPT: LazyLock<Script> = batch_script!("accept.lua");
static SEAL: LazyLock<Script> = batch_script!("seal.lua");

/// What makes a batch findable. Its producer passes it with every word of it, so that the batch is made anew where Redis has
/// lost it.
#[derive(Debug, Clone)]
pub struct BatchHead {
    /// Its id.
    pub batch_id: BatchId,
    /// What the user called it; `None` from anybody but its producer.
    pub label: Option<String>,
    /// When it was made, milliseconds since the Unix epoch.
    pub created_ms: i64,
}

/// What Redis answers to a count of accepted jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepting {
    /// The batch is cancelled: no more need be sent.
    pub cancelled: bool,
    /// Redis has lost data of the batch since the last count (FLUSHALL, or a restart without persistence).
    pub data_lost: bool,
}

/// A batch as it stands.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct BatchState {
    /// Its id.
    pub batch_id: BatchId,
    /// What the user called it.
    pub label: String,
    /// When it was made, milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// Jobs that the broker has accepted so far; 0 where nobody has counted them.
    pub accepted: u64,
    /// Whether a producer has counted its jobs. Otherwise another program has published them, or Redis has lost the count:
    /// then nobody knows how many there are.
    pub counted: bool,
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
    /// Whether Redis has lost data of this batch while it was enqueued: ends may be gone.
    pub data_lost: bool,
    /// The last sign of life by Redis' clock, milliseconds since the Unix epoch: jobs were accepted, held by a worker or
    /// ended. `None` in a batch of an older version.
    pub last_sign_ms: Option<i64>,
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

    /// Jobs that have neither an end nor a retry that has taken charge of them.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.accepted.saturating_sub(self.done() + self.retrying)
    }

    /// Time since the last sign of life; `now` is Redis' own ([`Store::clock`]).
    #[must_use]
    pub fn quiet(&self, now: Duration) -> Option<Duration> {
        let last = Duration::from_millis(self.last_sign_ms?.try_into().ok()?);
        Some(now.saturating_sub(last))
    }

    fn read(batch_id: BatchId, fields: &HashMap<String, String>) -> Self {
        let number = |name: &str| fields.get(name).and_then(|value| value.parse().ok()).unwrap_or(0);
        let time = |name: &str| fields.get(name).and_then(|value| value.parse().ok());
        let kinds = fields.iter().filter_map(|(name, value)| Some((name.strip_prefix("kind:")?, value)));
        Self {
            batch_id,
            label: fields.get("label").cloned().unwrap_or_default(),
            created_ms: time("created_ms").unwrap_or_else(|| batch_id.made_ms()),
            accepted: number("accepted"),
            counted: fields.contains_key("accepted"),
            sealed: number("sealed") == 1,
            outcomes: Outcome::ALL.iter().map(|o| (*o, number(&format!("outcome:{o}")))).collect(),
            kinds: kinds.map(|(kind, value)| (kind.to_owned(), value.parse().unwrap_or(0))).collect(),
            cached: number("cached"),
            audio_ms: number("audio_ms"),
            bytes: number("bytes"),
            cancelled: fields.contains_key("cancelled"),
            retrying: number("retrying"),
            data_lost: fields.contains_key("data_lost"),
            last_sign_ms: time("changed_ms").max(time("held_ms")),
        }
    }
}

impl Store {
    /// Makes a batch; call it before the first job is published, so that no end comes before its batch.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn create_batch(&self, batch: BatchId, label: &str, created_ms: i64) -> Result<(), StoreError> {
        let mut call = self.keys.call(&CREATE, batch);
        call.arg(self.ttl_seconds()).arg(created_ms).arg(label);
        let mut connection = self.connection().await?;
        call.invoke_async::<()>(&mut connection).await.map_err(|error| self.error(&error))?;
        drop(connection);
        // Only now: the list of batches may be on another server of a cluster, and names no batch that is not there.
        self.index(batch, created_ms).await
    }

    /// Counts jobs that the broker has accepted and that are not known by name. Returns whether the batch is cancelled: no
    /// more need be sent.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn count_accepted(&self, batch: BatchId, jobs: u64) -> Result<bool, StoreError> {
        let head = BatchHead { batch_id: batch, label: None, created_ms: batch.made_ms() };
        Ok(self.accept(&head, &[], jobs).await?.cancelled)
    }

    /// Counts jobs that the broker has accepted: `jobs` are kept until they end, so that they can be published again where
    /// their messages are lost; of `others` only the number is known. Makes the batch anew where it is gone.
    ///
    /// # Errors
    /// When Redis fails; the jobs may be counted then.
    pub async fn accept(&self, head: &BatchHead, jobs: &[Job], others: u64) -> Result<Accepting, StoreError> {
        let mut call = self.head_call(&ACCEPT, head);
        call.arg(jobs.len() as u64 + others);
        for job in jobs {
            call.arg(job.job_id.as_bytes().as_slice()).arg(super::open::encode(job)?);
        }
        let mut connection = self.connection().await?;
        let (cancelled, data_lost): (bool, bool) =
            call.invoke_async(&mut connection).await.map_err(|error| self.error(&error))?;
        drop(connection);
        if data_lost {
            self.index(head.batch_id, head.created_ms).await?;
        }
        Ok(Accepting { cancelled, data_lost })
    }

    /// Says that no more jobs will come, and how many there are.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn seal_batch(&self, batch: BatchId, accepted: u64) -> Result<(), StoreError> {
        let head = BatchHead { batch_id: batch, label: None, created_ms: batch.made_ms() };
        self.seal(&head, accepted).await.map(drop)
    }

    /// The same by the producer of the batch, which makes it anew where it is gone. Returns whether Redis has lost data of
    /// the batch since it was made.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn seal(&self, head: &BatchHead, accepted: u64) -> Result<bool, StoreError> {
        let mut call = self.head_call(&SEAL, head);
        call.arg(accepted);
        let mut connection = self.connection().await?;
        let data_lost = call.invoke_async(&mut connection).await.map_err(|error| self.error(&error))?;
        drop(connection);
        self.index(head.batch_id, head.created_ms).await?;
        Ok(data_lost)
    }

    fn head_call<'a>(&self, script: &'a Script, head: &BatchHead) -> ScriptInvocation<'a> {
        let mut call = self.keys.call(script, head.batch_id);
        call.arg(self.ttl_seconds()).arg(head.created_ms);
        call.arg(u8::from(head.label.is_some())).arg(head.label.as_deref().unwrap_or_default());
        call
    }

    /// How a batch stands; `None` when it is unknown or has expired.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn batch(&self, batch: BatchId) -> Result<Option<BatchState>, StoreError> {
        Ok(self.batch_states(&[batch]).await?.pop())
    }

    /// The newest batches first, of the `limit` newest those that have not expired.
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
        self.batch_states(&ids).await
    }

    /// The batch of messages that name none: it has a label that says so.
    pub(super) fn name_stray_batch(&self, pipeline: &mut Pipeline) {
        pipeline.hset_nx(self.keys.batch(BatchId::STRAY), "label", "messages without a batch").ignore();
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
        let known = ids.iter().zip(&hashes).filter(|(_, fields)| !fields.is_empty());
        Ok(known.map(|(id, fields)| BatchState::read(*id, fields)).collect())
    }
}
