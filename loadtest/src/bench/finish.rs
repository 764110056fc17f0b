//! The end of a command: its run into a file, its text to the terminal.

use std::path::Path;

use crate::measure::{Run, Verdict};
use crate::rig::{RigError, io};

/// Writes the run where it was asked for; the text to print, and whether every bar was met.
pub(crate) fn finish(run: &Run, text: String, json: Option<&Path>) -> Result<(String, bool), RigError> {
    if let Some(path) = json {
        let bytes = serde_json::to_vec_pretty(run).map_err(|error| io("the run")(error.into()))?;
        std::fs::write(path, bytes).map_err(io(path.display().to_string()))?;
    }
    let mut lines = vec![text];
    lines.extend(run.verdicts.iter().map(line));
    let machine = &run.machine;
    lines.push(format!(
        "{} processors, {}; load before {:.2}; servers: {}",
        machine.processors, machine.processor, machine.load_before, machine.servers
    ));
    Ok((lines.join("\n"), run.passes()))
}

fn line(verdict: &Verdict) -> String {
    let Verdict { requirement, measured, comparison, bound, unit, phase, .. } = verdict;
    let word = if verdict.met { "met   " } else { "MISSED" };
    format!("{word} {requirement}: {measured:.3} {comparison} {bound} {unit} ({phase})")
}
