//! Storing ends: one pipeline for a whole flush, one atomic script per batch in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use redis::{Pipeline, RedisResult, Script};

use super::link::Connection;
use super::reports::KEEP_REPORT;
use super::script::batch_script;
use super::{Store, StoreError, StoredEnd, fault};
use crate::job::{BatchId, Job, JobId};
use crate::outcome::Outcome;
use crate::record::Record;

static SCRIPT: LazyLock<Script> = batch_script!("finish.lua");

/// Of a message that was not a job, this much is kept to look at.
const MAX_KEPT_MESSAGE: usize = 4096;

/// The end of one job, to be stored.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Whose end it is.
    pub job_id: JobId,
    /// The batch that counts it.
    pub batch_id: BatchId,
    /// The record, with its report.
    pub record: Record,
    /// The job as submitted; `None` where the message was none.
    pub job: Option<Job>,
    /// The message's bytes, where they were not a job.
    pub message: Option<Vec<u8>>,
}

impl Store {
    /// Stores reports and ends, in one round trip. Repeating the call with the same ends changes nothing, so after an error
    /// it is simply called again. Returns for each end whether it is the one that is stored: a job that was worked on twice
    /// has two, and keeps the first.
    ///
    /// # Errors
    /// When any part failed; some of the ends may be stored then.
    pub async fn finish(&self, ends: &[Finished]) -> Result<Vec<bool>, StoreError> {
        if ends.is_empty() {
            return Ok(Vec::new());
        }
        let mut batches: BTreeMap<BatchId, Vec<usize>> = BTreeMap::new();
        for (place, end) in ends.iter().enumerate() {
            batches.entry(end.batch_id).or_default().push(place);
        }
        let gone = self.extend_known(ends).await?;
        let mut pipeline = self.finish_pipeline(ends, &batches, &gone)?;
        let stored_by = pipeline.len();
        for batch in batches.keys() {
            // Whoever made the batch has written its entry, unless that was another program or Redis has lost it.
            self.add_to_index(&mut pipeline, *batch, batch.made_ms());
        }
        // After the ends: a file that counts as unchanged has one.
        self.set_seen(&mut pipeline, ends);
        let mut connection = self.connection().await?;
        let mut answers = run(&pipeline, &mut connection).await;
        if let Err(error) = &answers
            && fault::is_permanent_from(error, stored_by)
        {
            // No fault of these ends, which are stored: storing them again returns the answers that were lost.
            tracing::warn!(%error, "the list of batches, or what `enqueue --changed` goes by, cannot be written");
            pipeline = self.finish_pipeline(ends, &batches, &gone)?;
            answers = run(&pipeline, &mut connection).await;
        }
        drop(connection);
        let answers = match answers {
            Ok(answers) => answers,
            Err(error) => return Err(self.confirmed(self.error_in(&error, &pipeline)).await),
        };
        let mut stored = vec![false; ends.len()];
        for (places, flags) in batches.values().zip(answers) {
            for (place, flag) in places.iter().zip(flags) {
                stored[*place] = flag == 1;
            }
        }
        Ok(stored)
    }

    fn finish_pipeline(
        &self,
        ends: &[Finished],
        batches: &BTreeMap<BatchId, Vec<usize>>,
        gone: &BTreeSet<usize>,
    ) -> Result<Pipeline, StoreError> {
        let mut pipeline = Pipeline::new();
        // Reports first: an end that is there has its report.
        self.set_known(&mut pipeline, ends, gone)?;
        for (batch, places) in batches {
            if *batch == BatchId::STRAY {
                self.name_stray_batch(&mut pipeline);
            }
            let mut call = self.keys.call(&SCRIPT, *batch);
            call.arg(self.ttl_seconds()).arg(batch.made_ms());
            for end in places.iter().map(|place| &ends[*place]) {
                let record = &end.record;
                let seconds = record.report.as_ref().map_or(0.0, |report| report.audio.duration_seconds);
                call.arg(end.job_id.as_bytes().as_slice())
                    .arg(record.outcome.code())
                    .arg(record.kind.map_or("", |kind| kind.code()))
                    .arg(u8::from(record.cached))
                    .arg((seconds * 1000.0).round() as u64)
                    .arg(record.bytes.unwrap_or(0))
                    .arg(end.stored().encode()?);
            }
            pipeline.invoke_script(&call);
        }
        Ok(pipeline)
    }
}

/// Sends a pipeline, and once more with the scripts if they were forgotten: by a restart, or a failover.
async fn run(pipeline: &Pipeline, connection: &mut Connection) -> RedisResult<Vec<Vec<u8>>> {
    match pipeline.query_async(connection).await {
        Err(error) if fault::lacks_script(&error) => {
            SCRIPT.load_async(connection).await?;
            KEEP_REPORT.load_async(connection).await?;
            pipeline.query_async(connection).await
        }
        other => other,
    }
}

impl Finished {
    fn stored(&self) -> StoredEnd {
        let mut record = self.record.clone();
        let tags = record.report.take().and_then(|report| report.tags);
        let replayable = matches!(record.outcome, Outcome::Failed | Outcome::Cancelled);
        let mut message = self.message.clone();
        if let Some(message) = &mut message {
            message.truncate(MAX_KEPT_MESSAGE);
        }
        StoredEnd::new(record, tags, self.job.clone().filter(|_| replayable), message)
    }
}
