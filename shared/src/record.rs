//! One record per file: what became of it. The same in every front end, whichever way the file went.

use std::path::{Path, PathBuf};

use report::Report;
use serde::{Deserialize, Serialize};

use crate::job::{BatchId, JobId};
use crate::outcome::{End, Kind, Outcome};

mod csv;
mod nanoseconds;
mod parts;
mod playlist;
mod table;
mod writer;

pub use crate::printable::printable;
pub use csv::{CsvState, read_csv};
pub use parts::Part;
pub use playlist::{DONE, DONE_FAILED, Locate};
pub use writer::{Format, RecordWriter};

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Record {
    /// The file: as it was given (`worker analyze`), or `root/relative/path` (the fleet). Bytes that are not UTF-8 are
    /// replaced; then `path_hex` has the true name.
    pub path: String,
    /// The bytes of the path in hexadecimal, only where they are not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_hex: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// What kind of failure, or why there is nothing to analyse.
    #[serde(default)]
    pub kind: Option<Kind>,
    /// The cause in words.
    #[serde(default)]
    pub detail: Option<String>,
    /// The job, where one was submitted.
    #[serde(default)]
    pub job_id: Option<JobId>,
    /// Its batch.
    #[serde(default)]
    pub batch_id: Option<BatchId>,
    /// The level it was submitted at.
    #[serde(default)]
    pub priority: Option<String>,
    /// BLAKE3 of the audio payload, in hexadecimal.
    #[serde(default)]
    pub identity: Option<String>,
    /// The features that were asked for: the report is kept under identity and profile.
    #[serde(default)]
    pub profile: Option<String>,
    /// Eight digits that stand for the analyser that answered: its features and their versions. Another one may answer
    /// otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analyser: Option<String>,
    /// Whether the report was known already, and nothing was decoded.
    #[serde(default)]
    pub cached: bool,
    /// Names of the parts that were computed anew, where the report was known and only these were of an older analyser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recomputed: Option<String>,
    /// Tries that were made, this one included.
    #[serde(default)]
    pub attempts: u16,
    /// Wall time of the last try, seconds.
    #[serde(default)]
    pub elapsed_seconds: f64,
    /// When it ended, RFC 3339 in UTC.
    #[serde(default)]
    pub finished_at: String,
    /// Who did it (`WORKER_NAME`).
    #[serde(default)]
    pub worker: Option<String>,
    /// Size of the file, bytes.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// When the file was last modified, nanoseconds since the Unix epoch. In JSON it is written as a text, because many programs
    /// round numbers beyond 2^53; in MessagePack it is a number. Both are read in both.
    #[serde(default, with = "nanoseconds")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "nanoseconds::schema"))]
    pub modified_ns: Option<i64>,
    /// What was found in it.
    #[serde(default)]
    pub report: Option<Box<Report>>,
}

impl Record {
    /// The record of a file that ended in `end` now; everything else is unknown yet.
    #[must_use]
    pub fn new(path: &[u8], end: End) -> Self {
        let utf8 = std::str::from_utf8(path).is_ok();
        Self {
            path: String::from_utf8_lossy(path).into_owned(),
            path_hex: (!utf8).then(|| hex(path)),
            outcome: end.outcome(),
            kind: end.kind(),
            detail: None,
            job_id: None,
            batch_id: None,
            priority: None,
            identity: None,
            profile: None,
            analyser: None,
            cached: false,
            recomputed: None,
            attempts: 1,
            elapsed_seconds: 0.0,
            finished_at: jiff::Timestamp::now()
                .round(jiff::Unit::Millisecond)
                .unwrap_or_default()
                .to_string(),
            worker: None,
            bytes: None,
            modified_ns: None,
            report: None,
        }
    }

    /// The end as one value.
    #[must_use]
    pub const fn end(&self) -> End {
        End::of(self.outcome, self.kind)
    }

    /// Whether it was made with a report that is not there: Redis keeps reports apart from ends, and this one was evicted or
    /// deleted, has expired, or cannot be read.
    #[must_use]
    pub const fn lacks_its_report(&self) -> bool {
        let made_with_one = match self.outcome {
            Outcome::Ok | Outcome::Partial | Outcome::NotApplicable => true,
            Outcome::Failed | Outcome::Cancelled => false,
        };
        made_with_one && self.identity.is_some() && self.profile.is_some() && self.report.is_none()
    }

    /// The path's true bytes.
    #[must_use]
    pub fn path_bytes(&self) -> Vec<u8> {
        self.path_hex.as_deref().and_then(unhex).unwrap_or_else(|| self.path.clone().into_bytes())
    }

    /// The path's true bytes as a path.
    #[must_use]
    pub fn to_path(&self) -> PathBuf {
        use std::os::unix::ffi::OsStrExt;
        Path::new(std::ffi::OsStr::from_bytes(&self.path_bytes())).to_owned()
    }

    /// `kind: detail`, whichever are there: the reason in one line.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        match (self.kind, self.detail.as_deref()) {
            (None, detail) => detail.map(str::to_owned),
            (Some(kind), None) => Some(kind.code().to_owned()),
            (Some(kind), Some(detail)) => Some(format!("{}: {detail}", kind.code())),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{FailureKind, NotApplicable};

    #[test]
    fn a_name_that_is_not_utf8_survives_json() {
        let record = Record::new(b"music/\xff\xfe.mp3", End::Ok);
        let back: Record = serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
        assert_eq!(back.path_bytes(), b"music/\xff\xfe.mp3");
        assert_eq!(back, record);
    }

    #[test]
    fn a_time_is_a_text_in_json_and_a_number_in_messagepack_and_both_are_read() {
        let record = Record { modified_ns: Some(1_796_030_560_557_107_420), ..Record::new(b"a", End::Ok) };
        let json = serde_json::to_value(&record).unwrap();
        assert_eq!(json["modified_ns"], "1796030560557107420");
        assert_eq!(serde_json::from_value::<Record>(json.clone()).unwrap(), record);
        // As versions before this one wrote it, and a record without one.
        let mut old = json;
        old["modified_ns"] = serde_json::json!(1_796_030_560_557_107_420_i64);
        assert_eq!(serde_json::from_value::<Record>(old.clone()).unwrap(), record);
        old["modified_ns"] = serde_json::Value::Null;
        assert_eq!(serde_json::from_value::<Record>(old.clone()).unwrap().modified_ns, None);
        old["modified_ns"] = "yesterday".into();
        assert!(serde_json::from_value::<Record>(old).is_err());
        let packed = rmp_serde::to_vec_named(&record).unwrap();
        let name = b"modified_ns";
        let at = packed.windows(name.len()).position(|window| window == name).unwrap() + name.len();
        assert_eq!(packed[at], 0xcf, "a number of 64 bits");
        assert_eq!(rmp_serde::from_slice::<Record>(&packed).unwrap(), record);
    }

    #[test]
    fn every_end_survives_the_two_fields_it_is_stored_in() {
        let failures = FailureKind::ALL.iter().map(|kind| End::Failed(*kind));
        let reasons = NotApplicable::ALL.iter().map(|reason| End::NotApplicable(*reason));
        for end in failures.chain(reasons).chain([End::Ok, End::Partial, End::Cancelled]) {
            let packed = rmp_serde::to_vec_named(&Record::new(b"a", end)).unwrap();
            assert_eq!(rmp_serde::from_slice::<Record>(&packed).unwrap().end(), end);
        }
    }

    #[test]
    fn the_reason_is_kind_and_detail() {
        let mut record = Record::new(b"a", End::Failed(FailureKind::Corrupt));
        assert_eq!(record.reason().as_deref(), Some("corrupt"));
        record.detail = Some("no frames".into());
        assert_eq!(record.reason().as_deref(), Some("corrupt: no frames"));
        assert_eq!(Record::new(b"a", End::Ok).reason(), None);
    }
}
