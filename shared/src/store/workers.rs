//! Which workers there are. Each announces itself in Redis again and again, and is forgotten when it no longer does.
//!
//! One sorted set: an announcement as JSON, scored by the time at which Redis heard it last. Redis' own clock decides what
//! has expired, so the clocks of the hosts need not agree. The set expires with the last announcement.

use std::sync::LazyLock;
use std::time::Duration;

use redis::Script;
use serde::{Deserialize, Serialize};

use super::{Store, StoreError};

static ANNOUNCE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("announce_worker.lua")));
static LIST: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("list_workers.lua")));

/// A worker that has not announced itself for so long counts as gone. Three announcements may be lost in this time.
pub const ANNOUNCEMENT_COUNTS_FOR: Duration = Duration::from_secs(60);

/// What a worker says of itself. A later version may say more; what is missing here reads as nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkerAnnouncement {
    /// `WORKER_NAME`.
    pub name: String,
    /// Version of the program.
    pub version: String,
    /// Files that it analyses at the same time.
    pub lanes: usize,
    /// Jobs of one level that it holds at most, the running ones included.
    pub holds_at_most: usize,
    /// Names of the levels from which it takes jobs, the highest first.
    pub levels: Vec<String>,
    /// Names of the media roots that it can read now.
    pub roots: Vec<String>,
    /// Names of its media roots that are away now.
    pub roots_away: Vec<String>,
}

/// A worker that has announced itself lately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeenWorker {
    /// What it says of itself.
    #[serde(flatten)]
    pub worker: WorkerAnnouncement,
    /// How long ago Redis heard it, whole seconds.
    pub seen_seconds_ago: u64,
}

impl Store {
    /// Says that a worker is there; `before` is what it said last, where that differs.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn announce_worker(
        &self,
        worker: &WorkerAnnouncement,
        before: Option<&WorkerAnnouncement>,
    ) -> Result<(), StoreError> {
        let before = before.map_or_else(String::new, json);
        let mut call = ANNOUNCE.key(self.keys.workers());
        call.arg(json(worker)).arg(before).arg(ANNOUNCEMENT_COUNTS_FOR.as_millis() as u64);
        let mut connection = self.connection().await?;
        call.invoke_async::<()>(&mut connection).await.map_err(|error| self.error(&error))
    }

    /// Says that a worker takes no more jobs; `last` is what it said last.
    ///
    /// # Errors
    /// When Redis fails; the announcement expires then.
    pub async fn withdraw_worker(&self, last: &WorkerAnnouncement) -> Result<(), StoreError> {
        let mut pipeline = redis::Pipeline::new();
        pipeline.zrem(self.keys.workers(), json(last)).ignore();
        let mut connection = self.connection().await?;
        pipeline.query_async::<()>(&mut connection).await.map_err(|error| self.error(&error))
    }

    /// The workers that have announced themselves lately, by name. It writes nothing, so a replica can answer as well.
    ///
    /// # Errors
    /// When Redis fails, or an announcement is none.
    pub async fn workers(&self) -> Result<Vec<SeenWorker>, StoreError> {
        let mut call = LIST.key(self.keys.workers());
        call.arg(ANNOUNCEMENT_COUNTS_FOR.as_millis() as u64);
        let mut connection = self.connection().await?;
        let list: Vec<String> =
            call.invoke_async(&mut connection).await.map_err(|error| self.error(&error))?;
        drop(connection);
        let mut workers = Vec::new();
        for pair in list.chunks_exact(2) {
            let worker = serde_json::from_str(&pair[0]).map_err(|error| StoreError::Unreadable {
                key: self.keys.workers(),
                detail: format!("an announcement is not readable: {error}"),
            })?;
            let age_ms: u64 = pair[1].parse().unwrap_or(0);
            workers.push(SeenWorker { worker, seen_seconds_ago: age_ms / 1000 });
        }
        Ok(newest_by_name(workers))
    }
}

/// A worker that was started anew with other settings is one worker.
fn newest_by_name(mut workers: Vec<SeenWorker>) -> Vec<SeenWorker> {
    workers
        .sort_by(|a, b| a.worker.name.cmp(&b.worker.name).then(a.seen_seconds_ago.cmp(&b.seen_seconds_ago)));
    workers.dedup_by(|later, first| later.worker.name == first.worker.name);
    workers
}

fn json(worker: &WorkerAnnouncement) -> String {
    // Texts and numbers alone: there is nothing in it that JSON could refuse.
    serde_json::to_string(worker).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_was_started_anew_is_listed_once() {
        let seen = |name: &str, lanes, seen_seconds_ago| SeenWorker {
            worker: WorkerAnnouncement { name: name.to_owned(), lanes, ..WorkerAnnouncement::default() },
            seen_seconds_ago,
        };
        let workers = vec![seen("b", 1, 7), seen("a", 4, 30), seen("a", 8, 2)];
        assert_eq!(newest_by_name(workers), [seen("a", 8, 2), seen("b", 1, 7)]);
    }

    #[test]
    fn an_announcement_of_another_version_is_read() {
        let known: WorkerAnnouncement =
            serde_json::from_str(r#"{"name":"w","levels":["low"],"added_later":[1]}"#).unwrap();
        assert_eq!((known.name.as_str(), known.lanes, known.levels.len()), ("w", 0, 1));
    }
}
