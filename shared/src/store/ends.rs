//! Ends as they are stored, with the jobs behind them and their places: what failures are listed and retried by.

use redis::streams::{StreamId, StreamRangeReply};
use redis::{AsyncCommands, Pipeline};

use super::{Cursor, Store, StoreError, StoredEnd, page};
use crate::job::{BatchId, JobId};
use crate::outcome::Outcome;

/// Where in its batch an end stands. A job that ends anew has another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndPlace(String);

impl EndPlace {
    /// The cursor that goes on after this end.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        Cursor::after(self.0.clone())
    }

    /// Whether this end was stored later than another one.
    #[must_use]
    pub fn is_after(&self, other: &Self) -> bool {
        page::place(&self.0) > page::place(&other.0)
    }

    pub(super) fn event(&self) -> &str {
        &self.0
    }
}

impl Store {
    /// At most `limit` ends of this outcome after `cursor`, the oldest first, and the place up to which was looked: `None`
    /// at the end of the batch. There may be fewer, even none, before it.
    ///
    /// # Errors
    /// When Redis fails or an end was written by a newer version.
    pub async fn ends(
        &self,
        batch: BatchId,
        outcome: Outcome,
        cursor: &Cursor,
        limit: usize,
    ) -> Result<(Vec<(EndPlace, StoredEnd)>, Option<Cursor>), StoreError> {
        let key = self.keys.events(batch);
        let (entries, next) = match outcome {
            Outcome::Failed => self.failed_entries(batch, cursor, limit).await?,
            // Only failures have an index: the others are mostly what was asked for, or all there is.
            _ => {
                let mut connection = self.connection().await?;
                let reply: Result<StreamRangeReply, _> =
                    connection.xrange_count(&key, format!("({cursor}"), "+", limit).await;
                let entries = reply.map_err(|error| self.error(&error))?.ids;
                let next = entries.last().filter(|_| entries.len() == limit);
                let next = next.map(|entry| Cursor::after(entry.id.clone()));
                (entries, next)
            }
        };
        let ends = entries.iter().map(|entry| Ok((EndPlace(entry.id.clone()), page::read(&key, entry)?)));
        let mut ends = ends.collect::<Result<Vec<_>, StoreError>>()?;
        ends.retain(|(_, end)| end.record.outcome == outcome);
        Ok((ends, next))
    }

    /// The last end of a batch.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn last_end(&self, batch: BatchId) -> Result<Option<EndPlace>, StoreError> {
        let mut connection = self.connection().await?;
        let reply: Result<StreamRangeReply, _> =
            connection.xrevrange_count(self.keys.events(batch), "+", "-", 1).await;
        let last = reply.map_err(|error| self.error(&error))?.ids.pop();
        Ok(last.map(|entry| EndPlace(entry.id)))
    }

    /// The ends of these jobs, of those that have one in this batch.
    ///
    /// # Errors
    /// When Redis fails or an end was written by a newer version.
    pub async fn ends_of(
        &self,
        batch: BatchId,
        jobs: &[JobId],
    ) -> Result<Vec<(EndPlace, StoredEnd)>, StoreError> {
        let mut connection = self.connection().await?;
        let ids: Vec<&[u8]> = jobs.iter().map(|job| job.as_bytes().as_slice()).collect();
        let mut command = redis::cmd("HMGET");
        command.arg(self.keys.jobs(batch)).arg(ids);
        let events: Vec<Option<String>> =
            command.query_async(&mut connection).await.map_err(|error| self.error(&error))?;
        drop(connection);
        let events: Vec<String> = events.into_iter().flatten().collect();
        let key = self.keys.events(batch);
        let entries = self.entries(&key, &events).await?;
        entries.iter().map(|entry| Ok((EndPlace(entry.id.clone()), page::read(&key, entry)?))).collect()
    }

    /// The entries of at most `limit` failures after a cursor, of those that no retry takes back just now, and where to go on.
    pub(super) async fn failed_entries(
        &self,
        batch: BatchId,
        cursor: &Cursor,
        limit: usize,
    ) -> Result<(Vec<StreamId>, Option<Cursor>), StoreError> {
        let mut connection = self.connection().await?;
        let ids = self.failed_after(&mut connection, &self.keys.failures(batch), cursor, limit).await;
        let ids = ids.map_err(|error| self.error(&error))?;
        drop(connection);
        let next = ids.last().filter(|_| ids.len() == limit).map(|id| Cursor::after(id.clone()));
        Ok((self.entries(&self.keys.events(batch), &ids).await?, next))
    }

    /// The entries of these events, of those that are still there.
    async fn entries(&self, key: &str, events: &[String]) -> Result<Vec<StreamId>, StoreError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = Pipeline::new();
        for event in events {
            pipeline.xrange(key, event, event);
        }
        let mut connection = self.connection().await?;
        let replies: Vec<StreamRangeReply> =
            pipeline.query_async(&mut connection).await.map_err(|error| self.error(&error))?;
        Ok(replies.into_iter().flat_map(|reply| reply.ids).collect())
    }
}
