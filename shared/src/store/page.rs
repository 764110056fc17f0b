//! Reading a batch's ends in their order, a page at a time.

use std::fmt;
use std::str::FromStr;

use redis::AsyncCommands;
use redis::streams::{StreamId, StreamRangeReply};

use super::{Store, StoreError, StoredEnd};
use crate::job::BatchId;
use crate::record::Record;

/// A place in a batch's ends: after the end it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(String);

/// A text that is no cursor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a cursor: expected what an earlier page printed, such as 1700000000000-0")]
pub struct CursorError(String);

impl Cursor {
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
        let valid = text
            .split_once('-')
            .is_some_and(|(time, serial)| time.parse::<u64>().is_ok() && serial.parse::<u64>().is_ok());
        if valid { Ok(Self(text.to_owned())) } else { Err(CursorError(text.to_owned())) }
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
        let next = reply.ids.last().filter(|_| reply.ids.len() == limit).map(|entry| Cursor(entry.id.clone()));
        let ends: Vec<StoredEnd> = reply.ids.iter().map(|entry| read(&key, entry)).collect::<Result<_, _>>()?;
        let reports = self.reports_of(&ends.iter().map(|end| &end.record).collect::<Vec<_>>()).await?;
        let records = ends.into_iter().zip(reports).map(|(end, report)| Record {
            report: report.map(|report| report::Report { tags: end.tags, ..report }),
            ..end.record
        });
        Ok(Page { records: records.collect(), next })
    }
}

fn read(key: &str, entry: &StreamId) -> Result<StoredEnd, StoreError> {
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
