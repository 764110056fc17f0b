//! What a local run came to.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::path::Path;
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
    pub(super) fn summary(&self, scanned: &Scanned, out: Option<&Path>, interrupted: bool) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _infallible = self.write_summary(&mut text, scanned, out, interrupted);
        text
    }

    fn write_summary(
        &self,
        text: &mut impl Write,
        scanned: &Scanned,
        out: Option<&Path>,
        interrupted: bool,
    ) -> fmt::Result {
        let seconds = self.begun.elapsed().as_secs_f64();
        let scan = scanned.summary();
        let done = self.done();
        let unchanged = scanned.unchanged.load(Ordering::Relaxed);
        match () {
            () if interrupted && done == 0 => {}
            () if self.nothing_to_do(scanned) => writeln!(text, "no audio files found")?,
            () if done == 0 => writeln!(text, "nothing left to do")?,
            () => {
                let (per_hour, real_time) = (done as f64 / seconds * 3600.0, self.audio_seconds / seconds);
                let (files, ends) = (files(done), self.ends());
                writeln!(
                    text,
                    "{files} in {seconds:.1} s ({per_hour:.0} files/h, {real_time:.0} × real time): {ends}"
                )?;
            }
        }
        if unchanged > 0 {
            let failed = match scanned.unchanged_failed.load(Ordering::Relaxed) {
                0 => String::new(),
                failed => format!(" ({failed} of them failed then, and would again)"),
            };
            writeln!(
                text,
                "{} unchanged since the earlier run, not analysed again{failed}",
                files(unchanged)
            )?;
        }
        left_out(text, &scan)?;
        how_to_go_on(text, scanned, out, (done, interrupted))
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

/// Where the results are, and what became of the rest of an interrupted run.
fn how_to_go_on(
    text: &mut impl Write,
    scanned: &Scanned,
    out: Option<&Path>,
    (done, interrupted): (u64, bool),
) -> fmt::Result {
    let name = out.map(|path| printable(&path.to_string_lossy()));
    if interrupted {
        let found = scanned.found.load(Ordering::Relaxed);
        let more = if scanned.complete.load(Ordering::Acquire) { "" } else { " and more" };
        writeln!(text, "interrupted: {done} of {found}{more} files are done")?;
        match &name {
            Some(name) => writeln!(text, "to go on: the same command again; it adds to {name}")?,
            None => writeln!(text, "with --out FILE the same command would go on where it was interrupted")?,
        }
    } else if let Some(name) = name.filter(|_| done > 0) {
        writeln!(text, "results: {name}")?;
    }
    Ok(())
}

fn files(count: u64) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
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
        let other = if total == 1 { "other file" } else { "other files" };
        writeln!(out, "{total} {other} left out ({}); --all-files takes them", named.join(", "))?;
    }
    if scan.hidden > 0 {
        writeln!(out, "hidden files and folders left out (their names begin with a dot): {}", scan.hidden)?;
    }
    if scan.links > 0 {
        writeln!(out, "links not followed (--no-follow): {}", scan.links)?;
    }
    if scan.repeated_links > 0 {
        let links = scan.repeated_links;
        writeln!(out, "links that lead to what was found anyway, or back to a folder around them: {links}")?;
    }
    Ok(())
}
