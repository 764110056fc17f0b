//! The end of a command that measures in rounds: its own table, and the judgement below it.

use crate::measure::Run;
use crate::report::{self, Outputs, ReportError};

/// Writes the run where it was asked for; the text to print, and whether every requirement is met.
pub(crate) fn finish(run: Run, text: &str, outputs: &Outputs) -> Result<(String, bool), ReportError> {
    let (judged, fine) = report::finish(run, outputs)?;
    Ok((format!("{text}\n\n{judged}"), fine))
}
