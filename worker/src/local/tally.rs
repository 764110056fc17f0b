//! What a local run came to.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::atomic::Ordering;
use std::time::Instant;

use shared::outcome::Outcome;
use shared::printable::printable;
use shared::record::Record;
use shared::scan::Summary;

use crate::source::folder::Scanned;

/// Counts as records are written.
#[derive(Debug)]
pub(super) struct Tally {
    begun: Instant,
    outcomes: BTreeMap<Outcome, u64>,
    kinds: BTreeMap<(Outcome, &'static str), u64>,
    audio_seconds: f64,
}

impl Default for Tally {
    fn default() -> Self {
        Self { begun: Instant::now(), outcomes: BTreeMap::new(), kinds: BTreeMap::new(), audio_seconds: 0.0 }
    }
}

impl Tally {
    pub(super) fn count(&mut self, record: &Record) {
        *self.outcomes.entry(record.outcome).or_default() += 1;
        if let Some(kind) = record.kind {
            *self.kinds.entry((record.outcome, kind.code())).or_default() += 1;
        }
        self.audio_seconds += record.report.as_ref().map_or(0.0, |report| report.audio.duration_seconds);
    }

    pub(super) fn done(&self) -> u64 {
        self.outcomes.values().sum()
    }

    pub(super) fn failed(&self) -> u64 {
        self.outcomes.get(&Outcome::Failed).copied().unwrap_or(0)
    }

    /// Not one file, not even an unchanged one: most likely not what the user meant.
    pub(super) fn nothing_to_do(&self, scanned: &Scanned) -> bool {
        self.done() == 0 && scanned.unchanged.load(Ordering::Relaxed) == 0
    }

    /// A few lines for the user.
    pub(super) fn summary(&self, scanned: &Scanned) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _infallible = self.write_summary(&mut text, scanned);
        text
    }

    fn write_summary(&self, out: &mut impl Write, scanned: &Scanned) -> fmt::Result {
        let seconds = self.begun.elapsed().as_secs_f64();
        let scan = scanned.summary();
        if self.nothing_to_do(scanned) {
            writeln!(out, "no audio files found")?;
        } else {
            let done = self.done();
            let per_hour = done as f64 / seconds * 3600.0;
            let real_time = self.audio_seconds / seconds;
            writeln!(
                out,
                "{done} files in {seconds:.1} s ({per_hour:.0} files/h, {real_time:.0} × real time): {}",
                self.ends()
            )?;
        }
        let unchanged = scanned.unchanged.load(Ordering::Relaxed);
        if unchanged > 0 {
            writeln!(out, "{unchanged} files unchanged since the earlier run, not analysed again")?;
        }
        left_out(out, &scan)
    }

    /// `13 ok, 3 not_applicable (2 silence, 1 too_short), 9 failed (5 corrupt, 4 unsupported)`
    fn ends(&self) -> String {
        let text = self.outcomes.iter().map(|(outcome, count)| {
            let kinds = self.kinds.iter().filter(|((of, _), _)| of == outcome);
            let kinds: Vec<String> = kinds.map(|((_, kind), count)| format!("{count} {kind}")).collect();
            match kinds.as_slice() {
                [] => format!("{count} {outcome}"),
                kinds => format!("{count} {outcome} ({})", kinds.join(", ")),
            }
        });
        text.collect::<Vec<_>>().join(", ")
    }
}

/// What a folder held besides: a run that skipped everything must not look like one that did everything.
fn left_out(out: &mut impl Write, scan: &Summary) -> fmt::Result {
    let total: u64 = scan.ignored_by_extension.values().sum();
    if total > 0 {
        let mut most: Vec<_> = scan.ignored_by_extension.iter().collect();
        most.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let name = |extension: &str| {
            if extension.is_empty() {
                "no extension".to_owned()
            } else {
                format!(".{}", printable(extension))
            }
        };
        let named: Vec<String> =
            most.iter().take(5).map(|(ext, count)| format!("{count} {}", name(ext))).collect();
        writeln!(out, "{total} other files left out ({}); --all-files takes them", named.join(", "))?;
    }
    if scan.links > 0 {
        writeln!(out, "{} links not followed (--no-follow)", scan.links)?;
    }
    if scan.repeated_links > 0 {
        let links = scan.repeated_links;
        writeln!(out, "links that lead to what was found anyway, or back to a folder around them: {links}")?;
    }
    Ok(())
}
