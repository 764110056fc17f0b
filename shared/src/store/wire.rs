//! What is stored for one end, and its encoding: MessagePack with named fields, `schema` and `schema_version` first.

use report::Tags;
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::job::Job;
use crate::record::Record;

const SCHEMA: &str = "analysis.end";
/// Readers accept this version and the one before it (there is none yet).
const SCHEMA_VERSION: u16 = 1;

/// One end as it is stored: the record without its report, which all copies of the audio share, and what is the
/// file's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredEnd {
    schema: String,
    schema_version: u16,
    /// The record; its report is stored apart, under identity and profile.
    pub record: Record,
    /// The tags of this very file: copies of the same audio may be tagged differently.
    #[serde(default)]
    pub tags: Option<Tags>,
    /// The job as it was submitted, for a failure and a cancelled one: it can be submitted again.
    #[serde(default)]
    pub job: Option<Job>,
    /// The message as it came, for one that was not a job; cut at 4 KiB.
    #[serde(default, with = "serde_bytes")]
    pub message: Option<Vec<u8>>,
}

impl StoredEnd {
    pub(super) fn new(
        record: Record,
        tags: Option<Tags>,
        job: Option<Job>,
        message: Option<Vec<u8>>,
    ) -> Self {
        Self { schema: SCHEMA.to_owned(), schema_version: SCHEMA_VERSION, record, tags, job, message }
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>, StoreError> {
        Ok(rmp_serde::to_vec_named(self)?)
    }

    pub(super) fn decode(key: &str, bytes: &[u8]) -> Result<Self, StoreError> {
        let unreadable = |detail: String| StoreError::Unreadable { key: key.to_owned(), detail };
        #[derive(Deserialize)]
        struct Header {
            schema: String,
            schema_version: u16,
        }
        let header: Header = rmp_serde::from_slice(bytes).map_err(|error| unreadable(error.to_string()))?;
        if header.schema != SCHEMA || header.schema_version > SCHEMA_VERSION {
            return Err(unreadable(format!(
                "it is {} version {}, this build reads {SCHEMA} up to {SCHEMA_VERSION}",
                header.schema, header.schema_version
            )));
        }
        rmp_serde::from_slice(bytes).map_err(|error| unreadable(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{End, FailureKind};

    fn end() -> StoredEnd {
        let mut record = Record::new(b"music/a.flac", End::Failed(FailureKind::Corrupt));
        record.finished_at = "2026-01-02T03:04:05.678Z".into();
        record.detail = Some("no frames".into());
        StoredEnd::new(record, None, None, Some(vec![0, 255]))
    }

    #[test]
    fn the_golden_end_of_version_1_is_still_read_and_written() {
        let golden = include_bytes!("../../tests/golden/end-v1.msgpack");
        assert_eq!(StoredEnd::decode("key", golden).unwrap(), end());
        assert_eq!(end().encode().unwrap(), golden);
    }

    #[test]
    fn a_newer_version_is_refused_by_name() {
        let mut newer = end();
        newer.schema_version = 2;
        let error = StoredEnd::decode("key", &newer.encode().unwrap()).unwrap_err().to_string();
        assert!(error.contains("analysis.end version 2"), "{error}");
    }
}
