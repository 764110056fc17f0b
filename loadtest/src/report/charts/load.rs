//! Plots over phases: what more load and more lanes do.

use super::{Axis, Chart, Scale, Series, Unit, y_scale};
use crate::measure::{Phase, Run};

/// What was asked for and what came of it, where phases differ in the load.
pub(super) fn against_load(run: &Run) -> Vec<Chart> {
    let mut phases: Vec<(f64, &Phase)> =
        run.phases.iter().filter_map(|phase| Some((phase.offered_per_second?, phase))).collect();
    phases.sort_by(|a, b| a.0.total_cmp(&b.0));
    phases.dedup_by(|a, b| a.0 == b.0);
    let [(_, _), .., (most, _)] = phases[..] else { return Vec::new() };
    let line = |of: fn(&Phase) -> Option<f64>| -> Vec<(f64, f64)> {
        phases.iter().map(|(offered, phase)| (*offered, of(phase).unwrap_or(f64::NAN))).collect()
    };
    let pace = vec![
        Series::reference("all that is offered", vec![(0.0, 0.0), (most, most)]),
        Series::new("ended", 0, line(|phase| Some(per_second(phase)))),
    ];
    let latency = vec![
        Series::new("median", 0, line(|phase| total(phase, 50.0))),
        Series::new("99th percentile", 1, line(|phase| total(phase, 99.0))),
    ];
    let scale = y_scale(&latency);
    let x = || Axis::new("files/s offered", Scale::Linear, Unit::Plain);
    vec![
        chart(
            "Throughput against offered load",
            "Below the faint line the fleet falls behind",
            x(),
            Axis::new("files/s ended", Scale::Linear, Unit::Plain),
            pace,
        ),
        chart(
            "Latency against offered load",
            "Total latency, from the intended arrival",
            x(),
            Axis::new("seconds", scale, Unit::Seconds),
            latency,
        ),
    ]
}

/// What each further lane brings, where phases say so.
pub(super) fn scaling(run: &Run) -> Vec<Chart> {
    let mut phases: Vec<(f64, f64, &Phase)> = run
        .phases
        .iter()
        .filter_map(|phase| Some((f64::from(phase.lanes), *phase.figures.get("efficiency")?, phase)))
        .collect();
    phases.sort_by(|a, b| a.0.total_cmp(&b.0));
    let Some((most, ..)) = phases.last().copied() else { return Vec::new() };
    let efficiency = phases.iter().map(|(lanes, efficiency, _)| (*lanes, 100.0 * efficiency)).collect();
    let pace: Vec<(f64, f64)> = phases.iter().map(|(lanes, _, phase)| (*lanes, per_second(phase))).collect();
    // The line that the first one would go on with.
    let each = pace.first().map_or(0.0, |(lanes, pace)| if *lanes > 0.0 { pace / lanes } else { 0.0 });
    let efficiency = vec![
        Series::reference("ideal", vec![(0.0, 100.0), (most, 100.0)]),
        Series::new("efficiency", 0, efficiency),
    ];
    let pace = vec![
        Series::reference("ideal", vec![(0.0, 0.0), (most, each * most)]),
        Series::new("ended", 2, pace),
    ];
    let x = || Axis::new("lanes", Scale::Linear, Unit::Plain);
    vec![
        chart(
            "Scaling efficiency",
            "Throughput of so many lanes, of as many times that of the fewest",
            x(),
            Axis::new("efficiency", Scale::Linear, Unit::Percent),
            efficiency,
        ),
        chart(
            "Throughput by lanes",
            "Files that come to an end",
            x(),
            Axis::new("files/s", Scale::Linear, Unit::Plain),
            pace,
        ),
    ]
}

fn per_second(phase: &Phase) -> f64 {
    phase.files_per_hour() / 3600.0
}

fn total(phase: &Phase, percent: f64) -> Option<f64> {
    let latency = phase.latency.get("all")?.get("total")?;
    Some(if percent > 50.0 { latency.p99 } else { latency.p50 })
}

fn chart(title: &str, about: &str, x: Axis, y: Axis, series: Vec<Series>) -> Chart {
    Chart { title: title.to_owned(), about: about.to_owned(), x, y, series, marks: Vec::new() }
}
