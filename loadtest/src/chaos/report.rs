//! What a run found, for people and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::audit::Verdict;
use super::faults::Injected;
use super::scenario::Scenario;

/// Everything a run found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) scenario: Scenario,
    /// Versions, as the servers themselves say.
    pub(crate) servers: Vec<String>,
    pub(crate) seed: u64,
    pub(crate) minutes: f64,
    pub(crate) workers: usize,
    pub(crate) files: usize,
    pub(crate) seconds: f64,
    pub(crate) faults: Vec<Injected>,
    /// Sums over all workers; what one that was killed had counted in its last quarter of a second is missing.
    pub(crate) counters: BTreeMap<&'static str, f64>,
    pub(crate) verdict: Verdict,
    /// Where logs were kept, if anything was found.
    pub(crate) kept: Option<String>,
}

/// Recovery of one kind of fault.
#[derive(Default)]
struct Kind {
    times: u64,
    lasted: f64,
    recoveries: Vec<f64>,
    longest_pause: f64,
    notes: BTreeMap<String, u64>,
}

impl Report {
    /// The text for a terminal.
    pub(crate) fn text(&self) -> String {
        let mut text = self.table();
        let verdict = &self.verdict;
        let counters: Vec<String> =
            self.counters.iter().map(|(name, value)| format!("{value} {name}")).collect();
        let ends: Vec<String> = verdict.ends.iter().map(|(end, count)| format!("{count} {end}")).collect();
        let lines = [
            format!("workers counted: {}", counters.join(", ")),
            format!("ends: {}", ends.join(", ")),
            format!(
                "{} batches, {} jobs accepted, {} ended, {} of them retried, {} failures caused by faults",
                verdict.batches, verdict.accepted, verdict.ended, verdict.retried, verdict.by_faults
            ),
            format!("on {}", self.servers.join(", ")),
            format!(
                "lost {}, double-counted {}, hung {}, unexplained {}",
                verdict.lost, verdict.doubled, verdict.hung, verdict.unexplained
            ),
        ];
        // Writing to a String cannot fail.
        for line in lines {
            let _ = writeln!(text, "{line}");
        }
        for finding in &verdict.findings {
            let _ = writeln!(text, "FOUND {finding}");
        }
        if verdict.more_findings > 0 {
            let _ = writeln!(text, "FOUND {} more", verdict.more_findings);
        }
        if let Some(kept) = &self.kept {
            let _ = writeln!(text, "logs of the workers: {kept}");
        }
        let end = if verdict.passes() { "passed" } else { "FAILED" };
        let _ = write!(text, "chaos --seed {} {end} in {:.0} s", self.seed, self.seconds);
        text
    }

    fn table(&self) -> String {
        let mut kinds: BTreeMap<&str, Kind> = BTreeMap::new();
        for fault in &self.faults {
            let kind = kinds.entry(fault.planned.fault.kind()).or_default();
            kind.times += 1;
            kind.lasted += (fault.healed_ms - fault.began_ms) as f64 / 1000.0;
            kind.recoveries.extend(fault.recovery_seconds);
            kind.longest_pause = kind.longest_pause.max(fault.longest_pause_seconds);
            if let Some(note) = &fault.note {
                *kind.notes.entry(note.clone()).or_default() += 1;
            }
        }
        let mut text = format!(
            "{:<18} {:>5} {:>10} {:>12} {:>12} {:>12}\n",
            "FAULT", "TIMES", "LASTED", "RECOVERY", "LONGEST", "WITHOUT WORK"
        );
        for (name, mut kind) in kinds {
            kind.recoveries.sort_by(f64::total_cmp);
            let middle = kind.recoveries.get(kind.recoveries.len() / 2).copied();
            let longest = kind.recoveries.last().copied();
            let seconds = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.1} s"));
            let lasted = kind.lasted / kind.times as f64;
            let notes: Vec<String> =
                kind.notes.iter().map(|(note, count)| format!("{count} × {note}")).collect();
            let row = format!(
                "{name:<18} {:>5} {:>8.1} s {:>12} {:>12} {:>12}  {}",
                kind.times,
                lasted,
                seconds(middle),
                seconds(longest),
                seconds(Some(kind.longest_pause)),
                notes.join(", ")
            );
            let _ = writeln!(text, "{}", row.trim_end());
        }
        text
    }
}
