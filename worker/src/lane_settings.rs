//! From settings to lanes: what both front ends derive alike.

use std::path::PathBuf;

use analysis::Features;
use shared::settings::{OWN_BYTES, WorkerSettings};

use crate::lanes::{EngineOptions, LaneSettings, child, this_program};

/// The lanes that these settings ask for, with the folders that they may read.
///
/// # Errors
/// What is wrong, naming the variable.
pub(crate) fn of(settings: &WorkerSettings, readable: Vec<PathBuf>) -> Result<LaneSettings, String> {
    let features: Features =
        settings.analysis.features.parse().map_err(|error| format!("ANALYSIS_FEATURES: {error}"))?;
    Ok(LaneSettings {
        lanes: settings.analysis.lanes,
        timeout: settings.analysis.timeout,
        max_memory_bytes: settings.resources.memory_bytes,
        parent_memory_bytes: OWN_BYTES + settings.resources.cache_bytes,
        nice: settings.resources.nice.into(),
        affinity: settings.resources.affinity.clone(),
        readable: Some(readable),
        confinement: settings.analysis.confinement,
        engine: EngineOptions {
            max_file_bytes: settings.analysis.max_file_bytes,
            features,
            rehearsal: settings.analysis.rehearsal,
        },
        program: this_program().map_err(|error| format!("cannot find this program: {error}"))?,
        args: vec![child::COMMAND.into()],
    })
}
