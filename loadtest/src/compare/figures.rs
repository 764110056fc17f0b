//! The figures of a phase that are compared, and in which direction each is better.

use super::noise::{self, rates};
use crate::measure::{Latency, Phase};
use crate::report::plot::Unit;
use crate::report::role_order;

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Better {
    Higher,
    Lower,
    /// A change is shown and not judged.
    Unknown,
}

/// A figure of one phase of one run.
#[derive(Debug, Clone)]
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) better: Better,
    pub(super) unit: Unit,
    pub(super) value: f64,
    /// By how much it might be off, as estimated from the phase's time line.
    pub(super) estimate: Option<f64>,
    /// A count of which none is too few to matter.
    pub(super) exact: bool,
    /// Shown also where it did not change.
    pub(super) headline: bool,
}

/// Every figure of a phase.
pub(super) fn figures(phase: &Phase) -> Vec<Figure> {
    let pace = noise::relative(&rates(phase));
    let mut figures = vec![Figure {
        estimate: pace.map(|part| part * phase.files_per_hour()),
        headline: true,
        ..figure("files/h", Better::Higher, Unit::Plain, phase.files_per_hour())
    }];
    if phase.jobs.offered > 0 {
        let part = 100.0 * phase.jobs.ended as f64 / phase.jobs.offered as f64;
        figures.push(figure("ended of offered", Better::Higher, Unit::Percent, part));
    }
    for (name, count) in [("lost", phase.jobs.lost), ("doubled", phase.jobs.doubled)] {
        // Counted, and so known without noise.
        figures.push(Figure {
            exact: true,
            estimate: Some(0.0),
            ..figure(name, Better::Lower, Unit::Plain, count as f64)
        });
    }
    figures.extend(latencies(phase));
    figures.extend(usage(phase, pace));
    let own = phase.figures.iter();
    figures.extend(
        own.map(|(name, value)| figure(&name.replace('_', " "), direction(name), unit(name), *value)),
    );
    figures
}

fn figure(name: &str, better: Better, unit: Unit, value: f64) -> Figure {
    let (name, estimate) = (name.to_owned(), None);
    Figure { name, better, unit, value, estimate, exact: false, headline: false }
}

fn latencies(phase: &Phase) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (level, parts) in &phase.latency {
        for (part, latency) in parts.iter().filter(|(_, latency)| latency.count > 0) {
            // Of the levels the total only: three times as many figures would find three times as much by chance.
            if level == "all" || part == "total" {
                figures.extend(percentiles(phase, level, part, latency));
            }
        }
    }
    figures
}

fn percentiles(phase: &Phase, level: &str, part: &str, latency: &Latency) -> [Figure; 2] {
    [("median", latency.p50, 0), ("p99", latency.p99, 1)].map(|(name, value, at)| {
        // The time line has total latencies; their unrest is taken for that of wait and service, too.
        let seconds: Vec<f64> =
            phase.timeline.iter().filter_map(|moment| Some(moment.latency.get(level)?[at])).collect();
        Figure {
            estimate: noise::relative(&seconds).map(|part| part * value),
            headline: level == "all" && part == "total",
            ..figure(&format!("{part} {name}, {level}"), Better::Lower, Unit::Seconds, value)
        }
    })
}

fn usage(phase: &Phase, pace: Option<f64>) -> Vec<Figure> {
    let mut figures = Vec::new();
    // What the tool itself takes is no figure of the fleet.
    for role in role_order(phase.usage.keys()).into_iter().filter(|role| *role != "loadtest") {
        let usage = &phase.usage[role];
        if phase.jobs.ended > 0 {
            let value = usage.cpu_seconds / phase.jobs.ended as f64;
            let percent: Vec<f64> =
                phase.timeline.iter().filter_map(|moment| moment.cpu_percent.get(role).copied()).collect();
            let part = noise::relative(&percent).zip(pace).map(|(a, b)| a.hypot(b));
            let name = format!("CPU per file, {role}");
            let estimate = part.map(|part| part * value);
            figures.push(Figure { estimate, ..figure(&name, Better::Lower, Unit::Seconds, value) });
        }
        let peak = usage.peak_rss_bytes as f64;
        figures.push(figure(&format!("memory at most, {role}"), Better::Lower, Unit::Bytes, peak));
    }
    figures
}

/// Of a scenario's own figures the name says which way is better; where it does not, nobody judges.
fn direction(name: &str) -> Better {
    let ends = |words: &[&str]| words.iter().any(|word| name.ends_with(word));
    // A difference of clocks, a width of an estimate, a slope about zero: neither way is better, or it would be chance.
    if ends(&["offset_seconds", "half_width", "bytes_per_hour"]) {
        Better::Unknown
    } else if ends(&["per_second", "per_hour", "_share", "efficiency", "utilisation", "speedup"]) {
        Better::Higher
    } else if ends(&["_bytes", "_seconds", "_micros", "unfinished_jobs"]) {
        Better::Lower
    } else {
        Better::Unknown
    }
}

fn unit(name: &str) -> Unit {
    if name.ends_with("_bytes") {
        Unit::Bytes
    } else if name.ends_with("_seconds") {
        Unit::Seconds
    } else {
        Unit::Plain
    }
}
