//! The message: which file, of which batch, at which level.
//!
//! Encoded as MessagePack with named fields, `schema` and `schema_version` first. A reader ignores fields that it
//! does not know and refuses a newer major version. It knows nothing of how a message travels (`broker`).

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

mod path;
mod priority;
mod trace;
mod wire;

#[cfg(feature = "schema")]
pub(crate) use path::MAX_BYTES as MAX_PATH_BYTES;
pub use path::{RelPath, RelPathError};
pub use priority::{Levels, LevelsError, Priority, UnknownLevel};
pub use trace::{TraceContext, TraceId};
pub use wire::{JobError, MAX_MESSAGE_BYTES};

/// The major version of the job message that this build writes.
pub const SCHEMA_VERSION: u16 = 1;

/// The `schema` field of a job message, and its AMQP `type`.
pub const SCHEMA: &str = "analysis.job";

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id; ids sort by the time of their making (UUID version 7).
            #[must_use]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// The id that belongs to these bytes and no others (UUID version 8 from their first 16).
            #[must_use]
            pub const fn from_hash(hash: [u8; 16]) -> Self {
                Self(uuid::Builder::from_custom_bytes(hash).into_uuid())
            }

            /// The 16 bytes of the id.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

uuid_id! {
    /// One submitted file. The same job published or delivered twice has one end.
    JobId
}

uuid_id! {
    /// One call of `producer enqueue`.
    BatchId
}

impl BatchId {
    /// The batch of messages that do not say which batch they belong to (garbage published straight to a queue).
    pub const STRAY: Self = Self(Uuid::nil());

    /// When the batch was made, milliseconds since the Unix epoch: as its id says (UUID version 7), unless the id says
    /// nothing of it or lies in the future; then now.
    #[must_use]
    pub fn made_ms(&self) -> i64 {
        let now = unix_nanos(SystemTime::now()) / 1_000_000;
        // Version 7 alone: the times of other versions begin in 1582, and anybody may have written the id.
        let made = self.0.get_timestamp().filter(|_| self.0.get_version_num() == 7);
        let made = made.map(|made| made.to_unix());
        let made = made.and_then(|(seconds, nanos)| {
            i64::try_from(seconds).ok()?.checked_mul(1000)?.checked_add(i64::from(nanos) / 1_000_000)
        });
        made.filter(|made| (1..=now).contains(made)).unwrap_or(now)
    }
}

/// A file by the name of its media root and the path below it, so that hosts may mount it at different places.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FileRef {
    /// Name of the media root (`MEDIA_ROOTS`).
    pub root: String,
    /// Path below the root.
    pub path: RelPath,
}

impl FileRef {
    /// `root/relative/path` as bytes: how a record names the file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.root.as_bytes(), b"/", self.path.as_bytes()].concat()
    }
}

impl fmt::Display for FileRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.root, self.path)
    }
}

/// A file's size and time of last change, as whoever submitted it saw them. Only he can compare them later: another host's
/// mount may round times otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Seen {
    /// Size, bytes.
    pub bytes: u64,
    /// Last modification, nanoseconds since the Unix epoch.
    pub modified_ns: i64,
}

/// A file that was changed so shortly ago may change again without another time: the coarsest file system (FAT) counts in
/// steps of 2 s.
const SETTLES_WITHIN: Duration = Duration::from_secs(3);

impl Seen {
    /// Whether a later change would show: the last one is not of this very moment.
    #[must_use]
    pub fn is_settled(self, now: SystemTime) -> bool {
        unix_nanos(now).abs_diff(self.modified_ns) > unix_nanos(UNIX_EPOCH + SETTLES_WITHIN).unsigned_abs()
    }
}

/// Nanoseconds since the Unix epoch, negative before it; beyond the year 2262 the last one that fits.
#[must_use]
pub fn unix_nanos(time: SystemTime) -> i64 {
    let nanos = |span: Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => nanos(after),
        Err(before) => -nanos(before.duration()),
    }
}

/// One file to analyse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Job {
    /// Identity of the job: idempotence is by it.
    pub job_id: JobId,
    /// The batch that counts it.
    pub batch_id: BatchId,
    /// Level it was submitted at; 0 is the highest.
    pub priority: Priority,
    /// The file.
    pub file: FileRef,
    /// Retries already made after transient failures; 0 as submitted.
    #[serde(default)]
    pub attempt: u16,
    /// Analyse even when the cache knows the audio.
    #[serde(default)]
    pub force: bool,
    /// When the producer made it, milliseconds since the Unix epoch.
    #[serde(default)]
    pub submitted_at_ms: i64,
    /// The file as the producer saw it, where that says in which state it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
}

impl Job {
    /// The message for the next try after a transient failure.
    #[must_use]
    pub fn next_attempt(&self) -> Self {
        Self { attempt: self.attempt.saturating_add(1), ..self.clone() }
    }

    /// The trace of a job that was given none: the batch is the trace, the job the parent span. `None` only where an id
    /// is nothing.
    #[must_use]
    pub fn own_trace(&self) -> Option<TraceContext> {
        let span = self.job_id.as_bytes()[8..].try_into().unwrap_or_default();
        TraceContext::new(*self.batch_id.as_bytes(), span, true)
    }
}
