//! Reading a batch's ends in their order, a page at a time.

use std::fmt;
use std::str::FromStr;

use redis::streams::{StreamId, StreamRangeReply};
use redis::{AsyncCommands, RedisResult};

use super::link::Connection;
use super::{Store, StoreError, StoredEnd};
use crate::job::BatchId;
use crate::record::Record;

/// Failures looked at in one round trip.
const SEARCHED: isize = 1000;

/// A place in a batch's ends: after the end it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(String);

/// A text that is no cursor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a cursor: expected what an earlier page printed, such as 1700000000000-0")]
pub struct CursorError(String);

impl Cursor {
    /// After this event.
    pub(super) const fn after(event: String) -> Self {
        Self(event)
    }

    /// Before the first end.
    #[must_use]
    pub fn start() -> Self {
        Self("0-0".to_owned())
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if place(text).is_some() { Ok(Self(text.to_owned())) } else { Err(CursorError(text.to_owned())) }
    }
}

/// Some ends of a batch.
#[derive(Debug, Clone)]
pub struct Page {
    /// The records, with their reports and tags.
    pub records: Vec<Record>,
    /// Where the next page begins; `None` when this one was not full.
    pub next: Option<Cursor>,
}

impl Store {
    /// At most `limit` ends after `cursor`, the oldest first.
    ///
    /// # Errors
    /// When Redis fails or an end was written by a newer version.
    pub async fn page(&self, batch: BatchId, cursor: &Cursor, limit: usize) -> Result<Page, StoreError> {
        let key = self.keys.events(batch);
        let mut connection = self.connection().await?;
        let after = format!("({cursor}");
        let reply: StreamRangeReply =
            connection.xrange_count(&key, after, "+", limit).await.map_err(|error| self.error(&error))?;
        drop(connection);
        let next = reply.ids.last().filter(|_| reply.ids.len() == limit);
        let next = next.map(|entry| Cursor(entry.id.clone()));
        self.fill(&key, &reply.ids, next).await
    }

    /// At most `limit` ends that are failures, after `cursor`, the oldest first; the others are not read. The cursor may
    /// come from [`Store::page`] too.
    ///
    /// # Errors
    /// As [`Store::page`].
    pub async fn failures(&self, batch: BatchId, cursor: &Cursor, limit: usize) -> Result<Page, StoreError> {
        let (entries, next) = self.failed_entries(batch, cursor, limit).await?;
        self.fill(&self.keys.events(batch), &entries, next).await
    }

    /// The events of the failures after a cursor.
    pub(super) async fn failed_after(
        &self,
        connection: &mut Connection,
        key: &str,
        cursor: &Cursor,
        limit: usize,
    ) -> RedisResult<Vec<String>> {
        let rank: Option<isize> = connection.zrank(key, &cursor.0).await?;
        if let Some(rank) = rank {
            return connection.zrange(key, rank + 1, rank + limit as isize).await;
        }
        let mut from = 0;
        // Not the place of a failure: the index is by rank, so the place is looked for.
        loop {
            let ids: Vec<String> = connection.zrange(key, from, from + SEARCHED - 1).await?;
            let past = ids.iter().position(|id| place(id) > place(&cursor.0)).map(|past| past as isize);
            from += past.unwrap_or(ids.len() as isize);
            if past.is_some() || (ids.len() as isize) < SEARCHED {
                return connection.zrange(key, from, from + limit as isize - 1).await;
            }
        }
    }

    /// The entries as records, with their reports.
    async fn fill(&self, key: &str, entries: &[StreamId], next: Option<Cursor>) -> Result<Page, StoreError> {
        let ends: Vec<StoredEnd> = entries.iter().map(|entry| read(key, entry)).collect::<Result<_, _>>()?;
        let reports = self.reports_of(&ends.iter().map(|end| &end.record).collect::<Vec<_>>()).await?;
        let records = ends.into_iter().zip(reports).map(|(end, report)| Record {
            report: report.map(|mut report| {
                report.tags = end.tags;
                report
            }),
            ..end.record
        });
        Ok(Page { records: records.collect(), next })
    }
}

/// Time and serial of an event.
pub(super) fn place(id: &str) -> Option<(u64, u64)> {
    let (time, serial) = id.split_once('-')?;
    Some((time.parse().ok()?, serial.parse().ok()?))
}

pub(super) fn read(key: &str, entry: &StreamId) -> Result<StoredEnd, StoreError> {
    let bytes: Option<Vec<u8>> = entry.get("end");
    let bytes = bytes.ok_or_else(|| StoreError::Unreadable {
        key: format!("{key} {}", entry.id),
        detail: "the entry has no field 'end'".to_owned(),
    })?;
    StoredEnd::decode(key, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_two_numbers() {
        assert_eq!("17-2".parse::<Cursor>().unwrap().to_string(), "17-2");
        for text in ["", "17", "-", "a-b", "1-2-3", "(1-2"] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}
