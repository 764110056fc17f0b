//! What happened between each two looks: the moments of a phase.

use std::collections::{BTreeMap, HashMap};

use shared::job::Levels;

use super::audit::Sent;
use super::observe::{Glance, LATE};
use super::phase::Measured;
use super::plan::Segment;
use super::proc::by_role;
use super::reckon::ALL;
use crate::measure::{Histogram, Moment};

/// The moments of a segment. Ends of jobs of the segment before are among them: it is about when, not about whose.
pub(super) fn timeline(measured: &Measured, segment: &Segment, levels: Levels) -> Vec<Moment> {
    let glances = within(measured, segment);
    let Some(first) = glances.first() else { return Vec::new() };
    let mut moments: Vec<Moment> = glances.windows(2).map(|pair| moment(measured, pair)).collect();
    let mut totals: Vec<BTreeMap<&str, Histogram>> = vec![BTreeMap::new(); moments.len()];
    // The interval that a moment falls into: its beginning belongs to the one before, where there is one.
    let place = |at: f64| {
        let after = glances.partition_point(|glance| glance.at < at);
        let begins = if first.at > 0.0 { at > first.at } else { at >= 0.0 };
        (begins && after < glances.len()).then(|| after.saturating_sub(1))
    };
    for sent in &measured.sent {
        if let Some(moment) = place(sent.intended).and_then(|place| moments.get_mut(place)) {
            moment.offered += 1;
        }
        if let Some(moment) = sent.accepted().and_then(place).and_then(|place| moments.get_mut(place)) {
            moment.accepted += 1;
        }
    }
    let jobs: HashMap<_, &Sent> = measured.sent.iter().map(|sent| (sent.job, sent)).collect();
    for end in &measured.ends {
        let (Some(sent), Some(place)) = (jobs.get(&end.job), place(end.at.max(0.0))) else { continue };
        moments[place].ended += 1;
        for level in [ALL, levels.name(sent.level)] {
            totals[place].entry(level).or_insert_with(Histogram::new).record(end.at - sent.intended);
        }
    }
    for (moment, totals) in moments.iter_mut().zip(totals) {
        moment.latency = totals.into_iter().map(|(level, it)| (level.to_owned(), three(&it))).collect();
    }
    moments
}

/// The looks from the beginning of a segment to that of the next.
fn within<'a>(measured: &'a Measured, segment: &Segment) -> &'a [Glance] {
    let glances = &measured.glances;
    let from = glances.partition_point(|glance| glance.at < segment.begins);
    // The last segment has the tail: nothing comes behind it.
    let is_last = measured.plan.segments.last() == Some(segment);
    let until = if is_last { f64::INFINITY } else { segment.ends + LATE };
    let to = glances.partition_point(|glance| glance.at <= until);
    glances.get(from..to.max(from)).unwrap_or_default()
}

fn moment(measured: &Measured, pair: &[Glance]) -> Moment {
    let (from, to) = (&pair[0], &pair[1]);
    let span = (to.at - from.at).max(0.001);
    let before = |role: &str| from.cpu.get(role).copied().unwrap_or(0.0);
    let percent =
        |(role, seconds): (&&str, &f64)| ((*role).to_owned(), (seconds - before(role)) / span * 100.0);
    Moment {
        at_seconds: measured.began + to.at,
        depth: to.depth.clone(),
        cpu_percent: to.cpu.iter().map(percent).collect(),
        rss_bytes: by_role(&to.processes)
            .into_iter()
            .map(|(role, (bytes, _))| (role.to_owned(), bytes))
            .collect(),
        ..Moment::default()
    }
}

fn three(histogram: &Histogram) -> [f64; 3] {
    [50.0, 99.0, 100.0].map(|percent| histogram.percentile(percent))
}
