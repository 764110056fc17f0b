//! Ends with the times at which Redis stored them, without their reports: what latencies are measured by.

use std::time::Duration;

use redis::AsyncCommands;
use redis::streams::StreamRangeReply;

use super::page::{place, read};
use super::{Cursor, Store, StoreError};
use crate::job::BatchId;
use crate::record::Record;

/// One end and when it was stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Timed {
    /// By Redis' own clock, since the Unix epoch; cut to the millisecond.
    pub stored_at: Duration,
    /// The record, without its report.
    pub record: Record,
}

impl Store {
    /// At most `limit` ends after `cursor`, the oldest first, and where to go on: `None` when these were fewer.
    ///
    /// # Errors
    /// As [`Store::page`].
    pub async fn timed(
        &self,
        batch: BatchId,
        cursor: &Cursor,
        limit: usize,
    ) -> Result<(Vec<Timed>, Option<Cursor>), StoreError> {
        let key = self.keys.events(batch);
        let mut connection = self.connection().await?;
        let after = format!("({cursor}");
        let reply: StreamRangeReply =
            connection.xrange_count(&key, after, "+", limit).await.map_err(|error| self.error(&error))?;
        drop(connection);
        let timed = reply.ids.iter().map(|entry| {
            let (milliseconds, _) = place(&entry.id).unwrap_or_default();
            let stored_at = Duration::from_millis(milliseconds);
            Ok(Timed { stored_at, record: read(&key, entry)?.record })
        });
        let timed = timed.collect::<Result<_, StoreError>>()?;
        let last = reply.ids.last().filter(|_| reply.ids.len() == limit);
        Ok((timed, last.map(|entry| Cursor::after(entry.id.clone()))))
    }

    /// The time of Redis' own clock, since the Unix epoch.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn clock(&self) -> Result<Duration, StoreError> {
        let mut connection = self.connection().await?;
        let (seconds, micros): (u64, u64) =
            redis::cmd("TIME").query_async(&mut connection).await.map_err(|error| self.error(&error))?;
        Ok(Duration::from_secs(seconds) + Duration::from_micros(micros))
    }
}
