//! What is said of the piece as a whole, once everything that hears it has finished.

use super::bench::note;
use crate::traces::Traces;
use crate::{Feature, Features, descriptors, similarity, structure};
use report::Report;
use std::time::Instant;

/// Adds the parts that are made from others, and takes out those that were measured for their sake alone.
///
/// What those cost stays in the timings, and their versions beside them: it was spent, and the result depends on them.
pub(super) fn describe(asked: Features, traces: &Traces, report: &mut Report) {
    let needed = asked.with_ingredients();
    if needed.contains(Feature::Descriptors) {
        let started = Instant::now();
        report.descriptors = descriptors::describe(report, traces);
        note(report, "descriptors", descriptors::VERSION, started.elapsed());
    }
    if needed.contains(Feature::Structure) {
        let started = Instant::now();
        report.structure = structure::describe(report, traces);
        note(report, "structure", structure::VERSION, started.elapsed());
    }
    if needed.contains(Feature::Similarity) {
        let started = Instant::now();
        report.similarity = similarity::describe(report);
        note(report, "similarity", similarity::VERSION, started.elapsed());
    }
    leave_out(asked, report);
}

fn leave_out(asked: Features, report: &mut Report) {
    if !asked.contains(Feature::Loudness) {
        report.loudness = None;
    }
    if !asked.contains(Feature::Key) {
        (report.key, report.key_absence) = (None, None);
    }
    if !asked.contains(Feature::Tempo) {
        (report.tempo, report.tempo_absence) = (None, None);
    }
    if !asked.contains(Feature::Spectral) {
        report.spectral = None;
    }
    if !asked.contains(Feature::Descriptors) {
        report.descriptors = None;
    }
}
