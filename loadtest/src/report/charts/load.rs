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

/// What each further lane brings, where phases say so. Phases whose names begin alike, up to the last comma, are one line.
pub(super) fn scaling(run: &Run) -> Vec<Chart> {
    let mut lines: Vec<(&str, Vec<Step>)> = Vec::new();
    for phase in &run.phases {
        let Some(efficiency) = phase.figures.get("efficiency") else { continue };
        let name = phase.name.rsplit_once(", ").map_or("all steps", |(series, _)| series);
        let step =
            Step { lanes: f64::from(phase.lanes), percent: 100.0 * efficiency, pace: per_second(phase) };
        match lines.iter_mut().find(|(known, _)| *known == name) {
            Some((_, steps)) => steps.push(step),
            None => lines.push((name, vec![step])),
        }
    }
    lines.iter_mut().for_each(|(_, steps)| steps.sort_by(|a, b| a.lanes.total_cmp(&b.lanes)));
    let steps = || lines.iter().flat_map(|(_, steps)| steps);
    let most = steps().map(|step| step.lanes).fold(1.0, f64::max);
    let series = |of: fn(&Step) -> f64| -> Vec<Series> {
        let line = |steps: &[Step]| steps.iter().map(|step| (step.lanes, of(step))).collect();
        lines
            .iter()
            .enumerate()
            .map(|(style, (name, steps))| Series::new(*name, style, line(steps)))
            .collect()
    };
    let mut efficiency = series(|step| step.percent);
    efficiency.push(Series::reference("nothing lost", vec![(1.0, 100.0), (most, 100.0)]));
    let plain = |label: &str, unit| Axis::new(label, Scale::Linear, unit);
    let lanes = |scale| Axis::new("lanes", scale, Unit::Plain);
    let pace = series(|step| step.pace);
    vec![
        chart(
            "Scaling efficiency",
            "Pace of a lane, of that of a lane in the first step",
            lanes(Scale::Doublings),
            plain("efficiency", Unit::Percent),
            efficiency,
        ),
        chart(
            "Throughput by lanes",
            "Files that come to an end",
            lanes(Scale::Linear),
            plain("files/s", Unit::Plain),
            pace,
        ),
    ]
}

/// A phase of a scale.
struct Step {
    lanes: f64,
    percent: f64,
    pace: f64,
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
