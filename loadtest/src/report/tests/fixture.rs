//! Runs, made by hand.

use std::collections::BTreeMap;

use crate::measure::{
    Corpus, Histogram, Jobs, Latency, Machine, Moment, Phase, Run, SCHEMA, SCHEMA_VERSION, Usage,
};

/// A run without phases.
pub(crate) fn run(scenario: &str, phases: Vec<Phase>) -> Run {
    Run {
        schema: SCHEMA.to_owned(),
        schema_version: SCHEMA_VERSION,
        scenario: scenario.to_owned(),
        about: "What it does".to_owned(),
        command: ["loadtest", scenario].map(str::to_owned).to_vec(),
        started_at: "2026-01-02T03:04:05Z".to_owned(),
        seed: 1,
        machine: Machine {
            system: "Linux 6.1, Debian 12".to_owned(),
            processor: "A processor".to_owned(),
            processors: 2,
            memory_bytes: 16_000_000_000,
            load_before: 0.1,
            servers: "private, on this machine".to_owned(),
        },
        versions: map([("loadtest", "0.1.0 release")]),
        settings: map([("ANALYSIS_MAX_WORKERS", "4")]),
        corpus: Corpus {
            files: 120,
            bytes: 12_000_000,
            audio_seconds: 1200.0,
            about: "FLAC of 100 KB".to_owned(),
        },
        phases,
        verdicts: Vec::new(),
    }
}

fn map<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// A minute at so many files a second, each of which takes `latency` seconds in the middle; `unrest` is the part by which the
/// seconds differ, in waves of ten seconds.
pub(crate) fn phase(name: &str, pace: u64, latency: f64, unrest: f64) -> Phase {
    let timeline: Vec<Moment> = (1..=60).map(|second| moment(second, pace, latency, unrest)).collect();
    let ended: u64 = timeline.iter().map(|moment| moment.ended).sum();
    let mut histogram = Histogram::new();
    (0..1000).for_each(|n| histogram.record(latency * (0.5 + f64::from(n) / 1000.0)));
    let total = histogram.summary();
    Phase {
        name: name.to_owned(),
        workers: 1,
        lanes: 4,
        offered_per_second: Some(pace as f64),
        began_seconds: 0.0,
        seconds: 60.0,
        jobs: Jobs {
            offered: ended,
            accepted: ended,
            ended,
            outcomes: [("ok".to_owned(), ended)].into(),
            ..Jobs::default()
        },
        audio_seconds: 600.0,
        bytes: 6_000_000,
        latency: ["all", "high", "low"].map(|level| (level.to_owned(), parts(&total))).into(),
        timeline,
        usage: [("lanes", 90.0), ("worker", 1.0)].map(|(role, cpu)| (role.to_owned(), usage(cpu))).into(),
        figures: BTreeMap::from([("efficiency".to_owned(), 0.9)]),
    }
}

fn parts(total: &Latency) -> BTreeMap<String, Latency> {
    ["wait", "service", "total"].map(|part| (part.to_owned(), total.clone())).into()
}

fn usage(cpu_seconds: f64) -> Usage {
    Usage { processes: 1, cpu_seconds, peak_rss_bytes: 50_000_000, begin_rss_bytes: 40_000_000 }
}

fn moment(second: u32, pace: u64, latency: f64, unrest: f64) -> Moment {
    let wave = 1.0 + unrest * f64::from(second / 6 % 3) - unrest;
    let ended = (pace as f64 * wave).round() as u64;
    let seconds = [latency * wave, 1.5 * latency * wave, 2.0 * latency * wave];
    Moment {
        workers: None,
        at_seconds: f64::from(second),
        offered: pace,
        accepted: pace,
        ended,
        depth: [("high", 1), ("low", 7)].map(|(level, depth)| (level.to_owned(), depth)).into(),
        latency: ["all", "high"].map(|level| (level.to_owned(), seconds)).into(),
        cpu_percent: [("lanes".to_owned(), 150.0 * wave)].into(),
        rss_bytes: [("lanes".to_owned(), 50_000_000)].into(),
    }
}
