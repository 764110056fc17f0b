//! The load scenarios: each says what arrives when and on which workers, and what it asks of the outcome. How it is done and
//! measured is the engine's.

mod autoscale;
mod burst;
mod calibrate;
mod memory;
mod read_ahead;
mod scalability;
mod slope;
mod soak;
mod sustained;
mod throughput;
mod tuning;
mod variable;
mod verdict;

pub(crate) use autoscale::Autoscale;
pub(crate) use burst::Burst;
pub(crate) use memory::Memory;
pub(crate) use read_ahead::ReadAhead;
pub(crate) use scalability::Scalability;
pub(crate) use soak::Soak;
pub(crate) use sustained::Sustained;
pub(crate) use throughput::Throughput;
pub(crate) use tuning::Tuning;
pub(crate) use variable::Variable;

use std::sync::PoisonError;

use crate::engine::Site;
use crate::measure::{Corpus, Phase, Run, SCHEMA, SCHEMA_VERSION};
use crate::report::ReportError;
use crate::rig::RigError;

/// A scenario held: the text to print, and whether it passed.
pub(crate) type Held = Result<(String, bool), ReportError>;

/// Measures two sides, in every other round the second one first, so that what changes meanwhile falls on both.
async fn in_turn<S>(
    sides: [S; 2],
    round: u8,
    mut measure: impl AsyncFnMut(S) -> Result<Phase, RigError>,
) -> Result<[Phase; 2], RigError> {
    let [a, b] = sides;
    if round.is_multiple_of(2) {
        let b = measure(b).await?;
        return Ok([measure(a).await?, b]);
    }
    Ok([measure(a).await?, measure(b).await?])
}

/// Of a plan of one segment.
fn only(phases: Vec<Phase>) -> Result<Phase, RigError> {
    let none = || RigError::NotReady("a plan of one segment gave no phase".to_owned());
    phases.into_iter().next().ok_or_else(none)
}

/// The record of a run, with what every one of them asks for: no job lost, none doubled, none left unfinished.
fn record(
    site: &Site,
    scenario: &str,
    about: &str,
    corpus: Corpus,
    profile: Option<String>,
    phases: Vec<Phase>,
) -> Run {
    site.live.clear();
    let mut versions = site.versions.clone();
    versions.extend(profile.map(|profile| ("analysis".to_owned(), profile)));
    Run {
        schema: SCHEMA.to_owned(),
        schema_version: SCHEMA_VERSION,
        scenario: scenario.to_owned(),
        about: about.to_owned(),
        command: std::env::args().collect(),
        started_at: site.started_at.clone(),
        seed: site.common.seed,
        machine: site.machine.clone(),
        versions,
        settings: site.settings.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        corpus,
        verdicts: phases.iter().flat_map(verdict::kept).collect(),
        phases,
    }
}
