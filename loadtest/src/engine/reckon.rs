//! From what was seen to what is written down. Pure.

use std::collections::BTreeMap;

use shared::job::{Levels, Priority};

use super::audit::{Ended, Sent, audit, first_ends, strangers};
use super::observe::{Glance, by_then};
use super::phase::Measured;
use super::plan::Segment;
use super::proc::by_role;
use super::timeline::timeline;
use crate::measure::{Histogram, Jobs, Latency, Phase, Usage};

/// Beside the levels: all jobs.
pub(super) const ALL: &str = "all";

/// The phases of a plan, one for each of its segments.
pub(crate) fn reckon(measured: &Measured, levels: Levels) -> Vec<Phase> {
    let mut phases: Vec<Phase> =
        measured.plan.segments.iter().map(|segment| phase(measured, segment, levels)).collect();
    let strangers = strangers(&measured.sent, &measured.ends);
    if let Some(first) = phases.first_mut() {
        // Ends that belong to no job: a second one under another name.
        first.jobs.doubled += strangers;
    }
    phases
}

/// A job and its end.
type Pair<'a> = (&'a Sent, &'a Ended);

fn phase(measured: &Measured, segment: &Segment, levels: Levels) -> Phase {
    let ours = |at: f64| (segment.begins..segment.ends).contains(&at);
    let sent = || measured.sent.iter().filter(|sent| ours(sent.intended));
    let (jobs, unfinished) = audit(sent(), &measured.ends, measured.broken_off);
    let first = first_ends(&measured.ends);
    let pairs: Vec<Pair<'_>> = sent().filter_map(|sent| Some((sent, *first.get(&sent.job)?))).collect();
    // Of a batch that another program published, all ends are ours.
    let followed = measured.ends.iter().filter(|_| measured.sent.is_empty()).map(|end| end.at);
    let last = pairs.iter().map(|(_, end)| end.at).chain(followed).fold(segment.begins, f64::max);
    let seconds = last - segment.begins;
    let share = jobs.ended as f64 / measured.state.done().max(1) as f64;
    let mut figures = figures(&jobs, segment, &pairs, seconds);
    figures.insert("unfinished_jobs".to_owned(), unfinished as f64);
    figures.insert("clock_offset_seconds".to_owned(), measured.clock_offset);
    figures.extend(publishing(sent(), segment));
    Phase {
        name: segment.name.clone(),
        workers: measured.shape.workers,
        lanes: measured.shape.lanes(),
        offered_per_second: segment.rate,
        began_seconds: measured.began + segment.begins,
        seconds,
        audio_seconds: measured.state.audio_ms as f64 / 1000.0 * share,
        bytes: (measured.state.bytes as f64 * share).round() as u64,
        latency: latencies(sent(), &pairs, levels),
        timeline: timeline(measured, segment, levels),
        usage: usage(&measured.glances, segment.begins, last),
        jobs,
        figures,
    }
}

fn figures(jobs: &Jobs, segment: &Segment, pairs: &[Pair<'_>], seconds: f64) -> BTreeMap<String, f64> {
    let per_second = if seconds > 0.0 { jobs.ended as f64 / seconds } else { 0.0 };
    let mut figures = BTreeMap::from([("files_per_second".to_owned(), per_second)]);
    if let Some(rate) = segment.rate {
        let in_time = pairs.iter().filter(|(_, end)| end.at <= segment.ends).count() as f64;
        figures.insert("achieved_share".to_owned(), per_second / rate);
        // Of what arrived, how much had its end when the last was due.
        figures.insert("done_in_time_share".to_owned(), in_time / jobs.offered.max(1) as f64);
        figures.insert("completed_share".to_owned(), jobs.ended as f64 / jobs.offered.max(1) as f64);
    }
    figures
}

/// How fast the broker confirmed.
fn publishing<'a>(sent: impl Iterator<Item = &'a Sent>, segment: &Segment) -> Option<(String, f64)> {
    let accepted: Vec<f64> = sent.filter_map(Sent::accepted).collect();
    let last = accepted.iter().copied().fold(0.0, f64::max) - segment.begins;
    (last > 0.0).then(|| ("publish_per_second".to_owned(), accepted.len() as f64 / last))
}

fn latencies<'a>(
    sent: impl Iterator<Item = &'a Sent>,
    pairs: &[Pair<'_>],
    levels: Levels,
) -> BTreeMap<String, BTreeMap<String, Latency>> {
    let mut parts: BTreeMap<(&str, &str), Histogram> = BTreeMap::new();
    let mut record = |level: Priority, part: &'static str, seconds: f64| {
        parts.entry((levels.name(level), part)).or_insert_with(Histogram::new).record(seconds);
    };
    for (sent, end) in pairs {
        let total = end.at - sent.intended;
        record(sent.level, "total", total);
        record(sent.level, "service", end.service);
        record(sent.level, "wait", total - end.service);
    }
    for sent in sent {
        if let Some(at) = sent.accepted() {
            record(sent.level, "confirm", at - sent.intended);
        }
    }
    let mut latencies: BTreeMap<String, BTreeMap<String, Latency>> = BTreeMap::new();
    let mut all: BTreeMap<&str, Histogram> = BTreeMap::new();
    for ((_, part), histogram) in &parts {
        all.entry(part).or_insert_with(Histogram::new).add(histogram);
    }
    let all = all.into_iter().map(|(part, histogram)| ((ALL, part), histogram));
    for ((level, part), histogram) in parts.into_iter().chain(all) {
        latencies.entry(level.to_owned()).or_default().insert(part.to_owned(), histogram.summary());
    }
    latencies
}

fn usage(glances: &[Glance], from: f64, to: f64) -> BTreeMap<String, Usage> {
    let (Some(begin), Some(last)) = (by_then(glances, from), glances.last()) else { return BTreeMap::new() };
    // The first look at or after the last end, which is the last one for the last segment.
    let end = glances.iter().find(|glance| glance.at >= to).unwrap_or(last);
    let before = by_role(&begin.processes);
    let mut usage: BTreeMap<String, Usage> = BTreeMap::new();
    for glance in glances.iter().filter(|glance| (begin.at..=end.at).contains(&glance.at)) {
        for (role, (bytes, processes)) in by_role(&glance.processes) {
            let role_usage = usage.entry(role.to_owned()).or_default();
            role_usage.peak_rss_bytes = role_usage.peak_rss_bytes.max(bytes);
            role_usage.processes = role_usage.processes.max(processes);
        }
    }
    for (role, role_usage) in &mut usage {
        let cpu = |glance: &Glance| glance.cpu.get(role.as_str()).copied().unwrap_or(0.0);
        role_usage.cpu_seconds = cpu(end) - cpu(begin);
        role_usage.begin_rss_bytes = before.get(role.as_str()).map_or(0, |(bytes, _)| *bytes);
    }
    usage
}

#[cfg(test)]
mod tests;
