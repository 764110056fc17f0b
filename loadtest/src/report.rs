//! What a run says of itself: judged by the requirements, as a table on the terminal, as JSON, and as a page that opens
//! without a network. It measures nothing.

mod arguments;
mod charts;
mod error;
pub(crate) mod html;
mod page;
pub(crate) mod plot;
mod read;
mod rows;
mod table;
pub(crate) mod words;

#[cfg(test)]
pub(crate) mod tests;

use std::fs;

pub(crate) use arguments::{Outputs, Report};
pub(crate) use charts::{TOTAL, curve, curves, role_order};
pub(crate) use error::{ReportError, reading, writing};
pub(crate) use page::facts;
pub(crate) use read::read;
pub(crate) use table::Look;

use crate::measure::Run;
use crate::requirements::Requirements;

/// Judges a run, writes what is asked for, and returns the text for the terminal and whether every requirement is met. What a
/// scenario has judged by itself stays, unless the file asks for something of the same name.
pub(crate) fn finish(mut run: Run, outputs: &Outputs) -> Result<(String, bool), ReportError> {
    // JSON has no word for a figure that is no number; without it the requirement says that it was not measured.
    for phase in &mut run.phases {
        phase.figures.retain(|_, value| value.is_finite());
    }
    let verdicts = Requirements::load(outputs.requirements.as_deref())?.judge(&run);
    run.verdicts.retain(|own| verdicts.iter().all(|asked| asked.requirement != own.requirement));
    run.verdicts.splice(..0, verdicts);
    let mut written = Vec::new();
    if let Some(path) = &outputs.json {
        let mut text = serde_json::to_string_pretty(&run).map_err(ReportError::Encode)?;
        text.push('\n');
        fs::write(path, text).map_err(writing(path))?;
        written.push(format!("measurements: {}", path.display()));
    }
    if let Some(path) = &outputs.html {
        fs::write(path, page::page(&run)).map_err(writing(path))?;
        written.push(format!("report: {}", path.display()));
    }
    Ok((table::text(&run, &written, &Look::of_terminal()), run.passes()))
}

/// `loadtest report`: a run that was measured before, judged by the requirements of today.
pub(crate) fn run(arguments: &Report) -> Result<(String, bool), ReportError> {
    finish(read(&arguments.run)?, &arguments.outputs)
}
