//! Requirement, bound, measured, verdict: on a terminal.

use std::io::IsTerminal;

use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, Table, presets};
use shared::record::printable;

use super::rows::{Row, rows};
use super::words;
use crate::measure::{Latency, Phase, Run, Verdict};
use crate::requirements::was_measured;

/// How a table is drawn.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Look {
    pub(crate) colour: bool,
    /// Columns; `None` is as wide as the terminal, or as the text where there is none.
    pub(crate) width: Option<u16>,
}

impl Look {
    /// Of standard output.
    pub(crate) fn of_terminal() -> Self {
        // https://no-color.org: set and not empty.
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { colour: wanted && std::io::stdout().is_terminal(), width: None }
    }

    /// An empty table that looks so.
    pub(crate) fn table<const N: usize>(&self, header: [&str; N], right: &[usize]) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        if let Some(width) = self.width {
            table.set_width(width);
        }
        table.set_header(header);
        for column in right {
            if let Some(column) = table.column_mut(*column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }

    /// A word that is good or bad.
    pub(crate) fn cell(&self, text: &str, good: bool) -> Cell {
        let cell = Cell::new(text);
        match (self.colour, good) {
            (false, _) => cell,
            (true, true) => cell.fg(Color::Green),
            (true, false) => cell.fg(Color::Red),
        }
    }
}

/// The whole text: the table, what was written where, and the verdict in a sentence.
pub(super) fn text(run: &Run, written: &[String], look: &Look) -> String {
    let mut lines = Vec::new();
    // What the engine did not run has a table of its own.
    let phases: Vec<&Phase> = run.phases.iter().filter(|phase| !phase.timeline.is_empty()).collect();
    if !phases.is_empty() {
        lines.extend([phase_table(&phases, look), String::new()]);
    }
    if !run.verdicts.is_empty() {
        lines.push(requirement_table(&run.verdicts, look));
        lines.push(String::new());
    }
    let unmeasured = run.verdicts.iter().filter(|verdict| !was_measured(verdict));
    lines.extend(unmeasured.map(|verdict| printable(&format!("{}: {}", verdict.requirement, verdict.about))));
    lines.extend(written.iter().map(|line| printable(line)));
    lines.push(printable(&format!("{}: {}", run.scenario, outcome(run))));
    lines.join("\n")
}

/// The verdict in a sentence.
pub(super) fn outcome(run: &Run) -> String {
    let (asked, missed) = (run.verdicts.len(), run.verdicts.iter().filter(|verdict| !verdict.met).count());
    match (asked, missed) {
        (0, _) => "no requirement is asked of this scenario".to_owned(),
        (1, 0) => "passed: the one requirement is met".to_owned(),
        (_, 0) => format!("passed: all {asked} requirements are met"),
        (1, _) => "FAILED: the one requirement is not met".to_owned(),
        (_, 1) => format!("FAILED: 1 of {asked} requirements is not met"),
        _ => format!("FAILED: {missed} of {asked} requirements are not met"),
    }
}

fn requirement_table(verdicts: &[Verdict], look: &Look) -> String {
    let mut table = look.table(["set", "requirement", "phase", "bound", "measured", "verdict"], &[3, 4]);
    for row in rows(verdicts) {
        let Row { verdict, .. } = row;
        table.add_row([
            Cell::new(printable(&verdict.set)),
            Cell::new(printable(&verdict.requirement)),
            Cell::new(printable(&row.phase())),
            Cell::new(printable(&words::bound(verdict))),
            Cell::new(printable(&words::measured(verdict))),
            look.cell(words::judged(verdict), verdict.met),
        ]);
    }
    table.trim_fmt()
}

/// What was done, phase by phase.
fn phase_table(phases: &[&Phase], look: &Look) -> String {
    let heads = ["phase", "lanes", "ended", "files/s", "files/h", "× real time", "median", "p99", "longest"];
    let mut table = look.table(heads, &[1, 2, 3, 4, 5, 6, 7, 8]);
    for phase in phases {
        let total = phase.latency.get("all").and_then(|parts| parts.get("total"));
        let latency =
            |of: fn(&Latency) -> f64| total.map_or_else(|| "–".to_owned(), |total| words::seconds(of(total)));
        let times = if phase.seconds > 0.0 { phase.audio_seconds / phase.seconds } else { 0.0 };
        table.add_row([
            printable(&phase.name),
            format!("{} × {}", phase.workers, phase.lanes / phase.workers.max(1)),
            words::number(phase.jobs.ended as f64),
            words::number(phase.files_per_hour() / 3600.0),
            words::number(phase.files_per_hour()),
            words::number(times),
            latency(|total| total.p50),
            latency(|total| total.p99),
            latency(|total| total.max),
        ]);
    }
    table.trim_fmt()
}
