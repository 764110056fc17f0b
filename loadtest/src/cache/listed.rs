//! Many files that count as unchanged: how long a run over them takes, and what remembering them costs.

use std::path::Path;
use std::time::{Duration, Instant};

use redis::AsyncCommands;
use shared::job::{BatchId, FileRef, Job, JobId, Priority, RelPath, Seen, unix_nanos};
use shared::outcome::{End, NotApplicable};
use shared::record::Record;
use shared::store::{Finished, Store};

use super::files;
use super::rig::{ROOT, Rig};
use crate::rig::{RigError, io};

/// Ends stored at a time.
const TOGETHER: usize = 1000;

/// What a run over unchanged files costs.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) files: u32,
    pub(super) wall: Duration,
    /// Files that were enqueued nevertheless.
    pub(super) changed: u64,
    /// Redis memory of all that is remembered, bytes.
    pub(super) bytes: u64,
}

/// Makes the files, remembers them, and runs over them.
pub(super) async fn measure(rig: &Rig, count: u32) -> Result<Listed, RigError> {
    let folder = rig.media.join("listed");
    std::fs::create_dir_all(&folder).map_err(io(folder.display().to_string()))?;
    let names = files::list(&folder, count)?;
    let store = rig.store()?;
    remember(&store, &folder, &names).await?;
    let begun = Instant::now();
    let numbers = rig.enqueue(&folder, &["--changed"]).await?;
    let wall = begun.elapsed();
    Ok(Listed { files: count, wall, changed: numbers.accepted, bytes: forget(rig).await? })
}

/// Stores an end for each, as a worker would.
async fn remember(store: &Store, folder: &Path, names: &[String]) -> Result<(), RigError> {
    let analyser =
        store.analyser().await?.ok_or_else(|| RigError::NotReady("no analyser is known".to_owned()))?;
    let batch = BatchId::new();
    for names in names.chunks(TOGETHER) {
        let ends: Result<Vec<Finished>, RigError> =
            names.iter().map(|name| ended(batch, folder, name, &analyser)).collect();
        store.finish(&ends?).await?;
    }
    Ok(())
}

fn ended(batch_id: BatchId, folder: &Path, name: &str, analyser: &str) -> Result<Finished, RigError> {
    let path = folder.join(name);
    let state = path.metadata().and_then(|metadata| Ok((metadata.len(), metadata.modified()?)));
    let (bytes, modified) = state.map_err(io(path.display().to_string()))?;
    let below =
        RelPath::new(format!("listed/{name}")).map_err(|error| RigError::NotReady(error.to_string()))?;
    let file = FileRef { root: ROOT.to_owned(), path: below };
    let mut record = Record::new(&file.to_bytes(), End::NotApplicable(NotApplicable::TooShort));
    record.analyser = Some(analyser.to_owned());
    let job = Job {
        job_id: JobId::new(),
        batch_id,
        priority: Priority(1),
        file,
        attempt: 0,
        force: false,
        submitted_at_ms: 0,
        seen: Some(Seen { bytes, modified_ns: unix_nanos(modified) }),
    };
    Ok(Finished { job_id: job.job_id, batch_id, record, job: Some(job), message: None })
}

/// Deletes what is remembered; how much memory came back.
async fn forget(rig: &Rig) -> Result<u64, RigError> {
    let mut redis = redis::Client::open(&*rig.servers.redis)?.get_multiplexed_async_connection().await?;
    let keys: Vec<String> = redis.keys("*:seen:*").await?;
    let before = used(&mut redis).await?;
    for keys in keys.chunks(TOGETHER) {
        let _: () = redis.del(keys).await?;
    }
    Ok(before.saturating_sub(used(&mut redis).await?))
}

/// Redis memory in use, bytes.
pub(super) async fn redis_memory(rig: &Rig) -> Result<u64, RigError> {
    used(&mut redis::Client::open(&*rig.servers.redis)?.get_multiplexed_async_connection().await?).await
}

async fn used(redis: &mut redis::aio::MultiplexedConnection) -> Result<u64, RigError> {
    let text: String = redis::cmd("INFO").arg("memory").query_async(redis).await?;
    let line = text.lines().find_map(|line| line.strip_prefix("used_memory:"));
    Ok(line.and_then(|value| value.trim().parse().ok()).unwrap_or(0))
}
