//! Runs, read back from their files.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::error::{ReportError, reading};
use crate::measure::{Run, SCHEMA, SCHEMA_VERSION};

/// What is looked at before the rest is believed.
#[derive(Deserialize)]
struct Head {
    schema: String,
    schema_version: u32,
}

/// Reads the JSON of a run.
pub(crate) fn read(path: &Path) -> Result<Run, ReportError> {
    let bytes = fs::read(path).map_err(reading(path))?;
    let no_run = |cause| ReportError::NoRun { path: path.to_owned(), cause };
    let head: Head = serde_json::from_slice(&bytes).map_err(no_run)?;
    if head.schema != SCHEMA {
        return Err(ReportError::OtherSchema { path: path.to_owned(), schema: head.schema, wanted: SCHEMA });
    }
    if head.schema_version > SCHEMA_VERSION {
        let (version, newest) = (head.schema_version, SCHEMA_VERSION);
        return Err(ReportError::LaterVersion { path: path.to_owned(), version, newest });
    }
    serde_json::from_slice(&bytes).map_err(no_run)
}
