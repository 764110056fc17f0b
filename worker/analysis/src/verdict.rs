use crate::Identity;
use report::{Report, Tags};
use serde::{Deserialize, Serialize};

/// How far an analysis got.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All that the container announces was decoded and measured.
    Complete,
    /// Some of the audio is missing or damaged; the report describes the rest.
    Partial {
        /// Share of the announced audio that was decoded, 0 to 1.
        decoded_fraction: f64,
        /// What is wrong, for a person.
        detail: String,
    },
    /// The file is fine, but there is nothing to measure. The report holds what can still be said.
    NotApplicable {
        /// Why.
        reason: NotApplicable,
    },
}

/// Why there is nothing to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotApplicable {
    /// No sample exceeds the silence threshold.
    Silence,
    /// The audio is shorter than one loudness block of 400 ms.
    TooShort,
}

/// The end of a successful [`analyze`](crate::analyze).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// How far it got.
    pub verdict: Verdict,
    /// Who the audio is; the same as [`identify`](crate::identify) finds.
    pub identity: Identity,
    /// What was measured.
    pub report: Report,
}

/// The end of a successful [`identify`](crate::identify).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identified {
    /// Who the audio is.
    pub identity: Identity,
    /// What the file says of itself now. `None` if tags were not asked for or cannot be read.
    pub tags: Option<Tags>,
}

/// Why a file has no analysis.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is fine, perhaps, but its container or codec is none that this build reads.
    #[error("unsupported: {detail}")]
    Unsupported {
        /// What it is, as far as its bytes tell.
        detail: String,
    },
    /// The file is damaged beyond use, empty, or no audio at all.
    #[error("corrupt: {detail}")]
    Corrupt {
        /// What is wrong.
        detail: String,
    },
    /// The audio exceeds one of [`Limits`](crate::Limits).
    #[error("too large: {detail}")]
    TooLarge {
        /// Which limit, and by what.
        detail: String,
    },
    /// The file could not be read.
    #[error("read failed: {0}")]
    Io(#[from] std::io::Error),
}
