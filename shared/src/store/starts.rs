//! Counting starts without an end: how a job that kills its worker is told from one that only sat in its prefetch. And
//! by the same word to Redis: whether the job is wanted still.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use redis::Script;

use super::script::batch_script;
use super::{Store, StoreError};
use crate::job::{BatchId, JobId};

static START: LazyLock<Script> = batch_script!("start.lua");
static UNSTART: LazyLock<Script> = batch_script!("unstart.lua");

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
        // An older version may have taken it back more often than counted: none.
        Ok(History { ended, starts: starts.unwrap_or(0).try_into().unwrap_or(0) })
    }

    /// Counts a start of each of these jobs that is to start, in one round trip a batch; the answers are in their order.
    ///
    /// # Errors
    /// When Redis fails; some may be counted then.
    pub async fn started(&self, jobs: &[(BatchId, JobId)]) -> Result<Vec<Start>, StoreError> {
        let mut batches: BTreeMap<BatchId, Vec<usize>> = BTreeMap::new();
        for (place, (batch, _)) in jobs.iter().enumerate() {
            batches.entry(*batch).or_default().push(place);
        }
        let mut starts = vec![Start::Cancelled; jobs.len()];
        let mut connection = self.connection().await?;
        for (batch, places) in batches {
            let mut call = self.keys.call(&START, batch);
            call.arg(self.ttl_seconds());
            for place in &places {
                call.arg(jobs[*place].1.as_bytes().as_slice());
            }
            let counts: Vec<i64> =
                call.invoke_async(&mut connection).await.map_err(|error| self.error(&error))?;
            for (place, count) in places.into_iter().zip(counts) {
                starts[place] = u64::try_from(count).map_or(Start::Cancelled, Start::Counted);
            }
        }
        Ok(starts)
    }

    /// Takes a start back: the job was interrupted by us, not by its own doing.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn unstarted(&self, batch: BatchId, job: JobId) -> Result<(), StoreError> {
        let mut call = self.keys.call(&UNSTART, batch);
        call.arg(job.as_bytes().as_slice());
        let mut connection = self.connection().await?;
        call.invoke_async::<()>(&mut connection).await.map_err(|error| self.error(&error))
    }
}
