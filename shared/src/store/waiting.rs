//! Jobs of a batch that wait for a retry, and why: for whoever watches a batch in which nothing moves.
//!
//! A worker notes in the batch, for each kind of passing failure, the cause that it met last. How many jobs wait is told by the
//! notes of retries on their way ([`super::SentRetry`]).

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use redis::{AsyncCommands, Script};

use super::{Store, StoreError};
use crate::job::{BatchId, Job};

static NOTE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("note_retry_reason.lua")));

/// What the name of a field begins with that holds a cause.
const FIELD: &str = "retry_kind:";

/// Notes of retries that are read for one answer: some 200 bytes each. Of a fleet with more, those of a batch are counted in part.
const READ_AT_MOST: usize = 10_000;

/// Notes that one command reads.
const READ_AT_ONCE: usize = 1000;

/// What of a batch waits for a retry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WaitingRetries {
    /// Jobs, or some of them where `is_all` is not set.
    pub jobs: u64,
    /// Whether all notes were read.
    pub is_all: bool,
    /// The cause of each kind of failure, as it was met last.
    pub causes: BTreeMap<String, String>,
}

impl Store {
    /// Notes causes, by the code of their kind. A batch that is not there is left alone.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn note_retry_causes(
        &self,
        batch: BatchId,
        causes: &BTreeMap<&str, String>,
    ) -> Result<(), StoreError> {
        let mut call = NOTE.key(self.keys.batch(batch));
        for (kind, cause) in causes {
            call.arg(*kind).arg(cause);
        }
        let mut connection = self.connection().await?;
        call.invoke_async::<()>(&mut connection).await.map_err(|error| self.error(&error))
    }

    /// What of a batch waits for a retry.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn waiting_retries(&self, batch: BatchId) -> Result<WaitingRetries, StoreError> {
        if self.noted_retries().await? == 0 {
            return Ok(WaitingRetries { is_all: true, ..WaitingRetries::default() });
        }
        let mut connection = self.connection().await?;
        let (mut waiting, mut read, mut cursor) = (WaitingRetries::default(), 0, 0_u64);
        loop {
            let mut command = redis::cmd("HSCAN");
            command.arg(self.keys.retries()).arg(cursor).arg("COUNT").arg(READ_AT_ONCE);
            let (next, notes): (u64, HashMap<Vec<u8>, Vec<u8>>) =
                command.query_async(&mut connection).await.map_err(|error| self.error(&error))?;
            let is_ours = |message: &&Vec<u8>| Job::decode(message).is_ok_and(|job| job.batch_id == batch);
            waiting.jobs += notes.values().filter(is_ours).count() as u64;
            read += notes.len();
            cursor = next;
            if cursor == 0 || read >= READ_AT_MOST {
                break;
            }
        }
        waiting.is_all = cursor == 0;
        if waiting.jobs > 0 {
            let fields: HashMap<String, Vec<u8>> =
                connection.hgetall(self.keys.batch(batch)).await.map_err(|error| self.error(&error))?;
            let causes = fields.iter().filter_map(|(name, cause)| {
                Some((name.strip_prefix(FIELD)?.to_owned(), String::from_utf8_lossy(cause).into_owned()))
            });
            waiting.causes = causes.collect();
        }
        Ok(waiting)
    }
}
