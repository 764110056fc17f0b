//! Jobs that the broker has accepted and that have no end yet, as they are kept in Redis: what `producer retry` publishes
//! again where messages are lost, and what `producer cancel` ends.
//!
//! A job is kept as a MessagePack array, not as the message it was: that is a third of the bytes, and it is there only until
//! the job ends.

use std::sync::LazyLock;

use redis::Script;
use serde::{Deserialize, Serialize};

use super::script::batch_script;
use super::{Store, StoreError};
use crate::job::{BatchId, FileRef, Job, JobId, Priority, RelPath, Seen};

static TAKE_LOST: LazyLock<Script> = batch_script!("take_lost.lua");

/// The first element. A later version may add elements at the end without another number.
const VERSION: u8 = 1;

/// Jobs looked at in one round trip.
const PAGE: usize = 500;

/// What of a job cannot be told from where it is kept. The order is that of the stored array.
#[derive(Serialize, Deserialize)]
struct OpenJob(u8, String, RelPath, u8, bool, i64, Option<(u64, i64)>);

/// A job's id and its stored form.
type Stored = (Vec<u8>, Vec<u8>);

/// Some jobs without an end.
#[derive(Debug, Default)]
pub struct OpenJobs {
    /// The jobs as they were submitted, each with whether a worker has started it.
    pub jobs: Vec<(Job, bool)>,
    /// Where the next page begins; `None` at the end. A job may be on two pages.
    pub next: Option<u64>,
}

/// The stored form of a job.
pub(super) fn encode(job: &Job) -> Result<Vec<u8>, StoreError> {
    let seen = job.seen.map(|seen| (seen.bytes, seen.modified_ns));
    let FileRef { root, path } = &job.file;
    let open =
        OpenJob(VERSION, root.clone(), path.clone(), job.priority.0, job.force, job.submitted_at_ms, seen);
    Ok(rmp_serde::to_vec(&open)?)
}

fn decode(key: &str, batch_id: BatchId, job_id: JobId, bytes: &[u8]) -> Result<Job, StoreError> {
    let unreadable = |detail: String| StoreError::Unreadable { key: key.to_owned(), detail };
    let OpenJob(version, root, path, level, force, submitted_at_ms, seen) =
        rmp_serde::from_slice(bytes).map_err(|error| unreadable(error.to_string()))?;
    if version != VERSION {
        return Err(unreadable(format!("it is of version {version}, this build reads version {VERSION}")));
    }
    let seen = seen.map(|(bytes, modified_ns)| Seen { bytes, modified_ns });
    let (file, priority) = (FileRef { root, path }, Priority(level));
    Ok(Job { job_id, batch_id, priority, file, attempt: 0, force, submitted_at_ms, seen })
}

impl Store {
    /// How many accepted jobs without an end are known by name.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn open_count(&self, batch: BatchId) -> Result<u64, StoreError> {
        let mut connection = self.connection().await?;
        let mut command = redis::cmd("HLEN");
        command.arg(self.keys.open(batch));
        command.query_async(&mut connection).await.map_err(|error| self.error(&error))
    }

    /// Some of the accepted jobs without an end, in no order. `place` is 0, or where the last page said to go on.
    ///
    /// # Errors
    /// When Redis fails or a job was written by a newer version.
    pub async fn open_jobs(&self, batch: BatchId, place: u64) -> Result<OpenJobs, StoreError> {
        let key = self.keys.open(batch);
        let mut connection = self.connection().await?;
        let mut command = redis::cmd("HSCAN");
        command.arg(&key).arg(place).arg("COUNT").arg(PAGE);
        let (next, found): (u64, Vec<Stored>) =
            command.query_async(&mut connection).await.map_err(|error| self.error(&error))?;
        let next = (next != 0).then_some(next);
        if found.is_empty() {
            return Ok(OpenJobs { jobs: Vec::new(), next });
        }
        let ids: Vec<&[u8]> = found.iter().map(|(id, _)| id.as_slice()).collect();
        let mut pipeline = redis::pipe();
        pipeline.cmd("HMGET").arg(self.keys.jobs(batch)).arg(&ids);
        pipeline.cmd("HMGET").arg(self.keys.starts(batch)).arg(&ids);
        let (ends, starts): (Vec<Option<String>>, Vec<Option<i64>>) =
            pipeline.query_async(&mut connection).await.map_err(|error| self.error(&error))?;
        let mut jobs = Vec::new();
        for (((id, bytes), end), starts) in found.iter().zip(ends).zip(starts) {
            // A worker of an older version does not remove what it has ended.
            if end.is_none() {
                let job = decode(&key, batch, job_id(&key, id)?, bytes)?;
                jobs.push((job, starts.is_some_and(|starts| starts > 0)));
            }
        }
        Ok(OpenJobs { jobs, next })
    }

    /// Takes jobs that are to be published again although they have no end; those of them that have an end by now, or are
    /// not known by name, are left out. Their starts are forgotten.
    ///
    /// # Errors
    /// When Redis fails or a job was written by a newer version.
    pub async fn take_lost(&self, batch: BatchId, jobs: &[JobId]) -> Result<Vec<Job>, StoreError> {
        let mut call = self.keys.call(&TAKE_LOST, batch);
        call.arg(self.ttl_seconds());
        for job in jobs {
            call.arg(job.as_bytes().as_slice());
        }
        let mut connection = self.connection().await?;
        let taken: Vec<Vec<u8>> =
            call.invoke_async(&mut connection).await.map_err(|error| self.error(&error))?;
        let key = self.keys.open(batch);
        let taken = jobs.iter().zip(taken).filter(|(_, bytes)| !bytes.is_empty());
        taken.map(|(job, bytes)| decode(&key, batch, *job, &bytes)).collect()
    }
}

fn job_id(key: &str, bytes: &[u8]) -> Result<JobId, StoreError> {
    let id = uuid::Uuid::from_slice(bytes).map_err(|error| StoreError::Unreadable {
        key: key.to_owned(),
        detail: format!("a field is no job id: {error}"),
    })?;
    id.to_string().parse().map_err(|error: uuid::Error| StoreError::Unreadable {
        key: key.to_owned(),
        detail: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_kept_whole_in_a_third_of_its_messages_bytes() {
        for path in [&b"Artist Name/Album Title (1999)/07 - A Song of Some Length.flac"[..], b"\xff\xfe.mp3"]
        {
            let job = Job {
                job_id: JobId::new(),
                batch_id: BatchId::new(),
                priority: Priority(2),
                file: FileRef { root: "music".to_owned(), path: RelPath::new(path).unwrap() },
                attempt: 0,
                force: true,
                submitted_at_ms: 1_700_000_000_000,
                seen: Some(Seen { bytes: 31_000_000, modified_ns: 1_699_999_999_123_456_789 }),
            };
            let bytes = encode(&job).unwrap();
            assert_eq!(decode("key", job.batch_id, job.job_id, &bytes).unwrap(), job);
            let (kept, message) = (bytes.len() - path.len(), job.encode().unwrap().len() - path.len());
            assert!(
                kept < 50 && kept * 3 < message,
                "{kept} bytes beside the path, the message has {message}"
            );
        }
    }

    #[test]
    fn another_version_is_refused_by_its_number() {
        let open = OpenJob(2, "r".into(), RelPath::new("a").unwrap(), 1, false, 0, None);
        let bytes = rmp_serde::to_vec(&open).unwrap();
        let error = decode("the key", BatchId::new(), JobId::new(), &bytes).unwrap_err().to_string();
        assert!(error.contains("the key") && error.contains("version 2"), "{error}");
    }
}
