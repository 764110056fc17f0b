//! The end of a scenario: a short table for people, and the record as JSON. Reports and requirements from a file come with
//! `report`; this stands in for them.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;

use super::Held;
use crate::measure::{Phase, Run, Verdict};
use crate::rig::{RigError, io};

/// Where the outcome goes besides the terminal.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Outputs {
    /// Write everything measured as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write a report with plots
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Hold the outcome against the requirements in this file
    #[arg(long, value_name = "FILE")]
    pub(crate) requirements: Option<PathBuf>,
}

/// Writes it down. The verdicts that the scenario brought stay.
pub(crate) fn finish(run: Run, outputs: &Outputs) -> Held {
    if outputs.html.is_some() || outputs.requirements.is_some() {
        return Err(RigError::Refused("--html and --requirements are not there yet".to_owned()));
    }
    if let Some(path) = &outputs.json {
        let named = || path.display().to_string();
        let json = serde_json::to_vec_pretty(&run).map_err(|error| io(named())(error.into()))?;
        std::fs::write(path, json).map_err(io(named()))?;
    }
    let passes = run.passes();
    Ok((text(&run), passes))
}

fn text(run: &Run) -> String {
    let mut text = format!(
        "{:<28} {:>7} {:>9} {:>9} {:>11} {:>8} {:>9} {:>9} {:>9}\n",
        "PHASE", "LANES", "ENDED", "FILES/S", "FILES/H", "× REAL", "P50", "P99", "MAX"
    );
    // Writing to a String cannot fail.
    for phase in &run.phases {
        let _ = writeln!(text, "{}", row(phase));
    }
    let missed: Vec<&Verdict> = run.verdicts.iter().filter(|verdict| !verdict.met).collect();
    for verdict in &missed {
        let Verdict { phase, about, measured, comparison, bound, unit, .. } = verdict;
        let _ = writeln!(
            text,
            "MISSED {phase}: {about}: {measured:.3} {unit}, asked for {comparison} {bound} {unit}"
        );
    }
    let sum = |count: fn(&Phase) -> u64| run.phases.iter().map(count).sum::<u64>();
    let _ = write!(
        text,
        "lost {}, doubled {}, refused {}; {} of {} requirements met",
        sum(|phase| phase.jobs.lost),
        sum(|phase| phase.jobs.doubled),
        sum(|phase| phase.jobs.refused),
        run.verdicts.len() - missed.len(),
        run.verdicts.len()
    );
    text
}

fn row(phase: &Phase) -> String {
    let total = phase.latency.get("all").and_then(|parts| parts.get("total")).cloned().unwrap_or_default();
    let real = if phase.seconds > 0.0 { phase.audio_seconds / phase.seconds } else { 0.0 };
    format!(
        "{:<28} {:>7} {:>9} {:>9.1} {:>11.0} {:>8.0} {:>8.3}s {:>8.3}s {:>8.3}s",
        phase.name,
        format!("{}×{}", phase.workers, phase.lanes / phase.workers.max(1)),
        phase.jobs.ended,
        phase.files_per_hour() / 3600.0,
        phase.files_per_hour(),
        real,
        total.p50,
        total.p99,
        total.max
    )
}
