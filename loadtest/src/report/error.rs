//! Why there is no report, no comparison, no README.

use std::io;
use std::path::{Path, PathBuf};

use crate::requirements::RequirementsError;
use crate::rig::RigError;

/// The causes. Each names its file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReportError {
    /// There is nothing to report: the run could not be held.
    #[error(transparent)]
    Held(#[from] RigError),
    #[error(transparent)]
    Requirements(#[from] RequirementsError),
    #[error("cannot read {}: {cause}", path.display())]
    Read { path: PathBuf, cause: io::Error },
    #[error("cannot write {}: {cause}", path.display())]
    Write { path: PathBuf, cause: io::Error },
    #[error("{} is not the JSON of a run: {cause}", path.display())]
    NoRun { path: PathBuf, cause: serde_json::Error },
    #[error("{} is JSON, but of '{schema}' and not of '{wanted}'", path.display())]
    OtherSchema { path: PathBuf, schema: String, wanted: &'static str },
    #[error(
        "{} has version {version} of the form of a run; this program reads versions up to {newest}: use a newer one",
        path.display()
    )]
    LaterVersion { path: PathBuf, version: u32, newest: u32 },
    /// The report of a run that cannot be written down.
    #[error("cannot write the run as JSON: {0}")]
    Encode(serde_json::Error),
    #[error("runs of different scenarios cannot be compared: '{a}' and '{b}'")]
    OtherScenario { a: String, b: String },
    #[error("runs of different forms cannot be compared: version {a} and version {b}")]
    OtherVersion { a: u32, b: u32 },
    #[error("there is no run in {}", path.display())]
    NoRuns { path: PathBuf },
    #[error("{} has no block between {begin} and {end}", path.display())]
    NoBlock { path: PathBuf, begin: &'static str, end: &'static str },
    #[error("{} has {what}: hold the scenario again, with its usual arguments and servers of its own", path.display())]
    NotInRun { path: PathBuf, what: String },
    #[error("{} differs from the runs: write it anew with loadtest readme, without --check", path.display())]
    Differs { path: PathBuf },
}

impl ReportError {
    /// 2 for what the arguments are to blame for, 1 for what happened.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Held(error) => error.exit_code(),
            Self::Write { .. } | Self::Encode(_) | Self::Differs { .. } => 1,
            _ => 2,
        }
    }
}

/// Attaches the path to an error of reading.
pub(crate) fn reading(path: &Path) -> impl FnOnce(io::Error) -> ReportError {
    move |cause| ReportError::Read { path: path.to_owned(), cause }
}

/// Attaches the path to an error of writing.
pub(crate) fn writing(path: &Path) -> impl FnOnce(io::Error) -> ReportError {
    move |cause| ReportError::Write { path: path.to_owned(), cause }
}
