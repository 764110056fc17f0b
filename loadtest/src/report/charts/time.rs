//! Plots over the time of a run.

use super::{Axis, Chart, Scale, Series, Unit, styled_levels, styled_roles, y_scale};
use crate::measure::{Moment, Run};

/// Points of a line; more cannot be told apart at the width of a page.
const MOST_POINTS: usize = 240;

/// What becomes of neighbours that share a point.
#[derive(Clone, Copy)]
enum Keep {
    /// For rates: the mean is the truth.
    Mean,
    /// For depths, sizes and latencies: a peak must stay to be seen.
    Largest,
}

/// Per level: median, 99th percentile and longest total latency.
pub(super) fn latencies(run: &Run) -> Vec<Chart> {
    let levels = styled_levels(moments(run).flat_map(|moment| moment.latency.keys()));
    let line = |level: &str, at: usize, name: &str| {
        let points = over_time(run, Keep::Largest, |moment, _| Some(moment.latency.get(level)?[at]));
        Series::new(name, at, points)
    };
    let chart = |(_, level): &(usize, &str)| {
        let names = ["median", "99th percentile", "longest"];
        let series: Vec<Series> = names.iter().enumerate().map(|(at, name)| line(level, at, name)).collect();
        let scale = y_scale(&series);
        let about = "Total latency of what ended in each second, from its intended arrival";
        chart(
            run,
            &format!("Latency over time, {level}"),
            about,
            Axis::new("seconds", scale, Unit::Seconds),
            series,
        )
    };
    levels.iter().map(chart).collect()
}

/// Rates, depths, processor and memory.
pub(super) fn flow(run: &Run) -> Vec<Chart> {
    let rate = |style: usize, name: &str, of: fn(&Moment) -> u64| {
        let points = over_time(run, Keep::Mean, |moment, seconds| Some(of(moment) as f64 / seconds));
        Series::new(name, style, points)
    };
    let rates = vec![
        rate(0, "offered", |moment| moment.offered),
        rate(1, "accepted", |moment| moment.accepted),
        rate(2, "ended", |moment| moment.ended),
    ];
    let plain = |label: &str, unit| Axis::new(label, Scale::Linear, unit);
    vec![
        chart(
            run,
            "Throughput over time",
            "Files that were to arrive, were accepted, came to an end",
            plain("files/s", Unit::Plain),
            rates,
        ),
        chart(
            run,
            "Depth by level",
            "Messages that wait in RabbitMQ",
            plain("messages", Unit::Plain),
            depths(run),
        ),
        chart(run, "Workers", "Processes that take work", plain("workers", Unit::Plain), workers(run)),
        chart(
            run,
            "Processor by role",
            "100 % is one processor",
            plain("processor", Unit::Percent),
            by_role(run, Keep::Mean, |moment| &moment.cpu_percent, |percent| *percent),
        ),
        chart(
            run,
            "Memory by role",
            "Resident memory of all processes of a role",
            plain("resident", Unit::Bytes),
            by_role(run, Keep::Largest, |moment| &moment.rss_bytes, |bytes| *bytes as f64),
        ),
    ]
}

fn workers(run: &Run) -> Vec<Series> {
    vec![Series::new("workers", 0, over_time(run, Keep::Largest, |moment, _| moment.workers.map(f64::from)))]
}

fn depths(run: &Run) -> Vec<Series> {
    let levels = styled_levels(moments(run).flat_map(|moment| moment.depth.keys()));
    let line = |(style, level): (usize, &str)| {
        let points = over_time(run, Keep::Largest, |moment, _| Some(*moment.depth.get(level)? as f64));
        Series::new(level, style, points)
    };
    levels.into_iter().map(line).collect()
}

fn by_role<T>(
    run: &Run,
    keep: Keep,
    of: fn(&Moment) -> &std::collections::BTreeMap<String, T>,
    number: fn(&T) -> f64,
) -> Vec<Series> {
    let roles = styled_roles(moments(run).flat_map(|moment| of(moment).keys()));
    let line = |(style, role): (usize, &str)| {
        let points = over_time(run, keep, |moment, _| of(moment).get(role).map(number));
        Series::new(role, style, points)
    };
    roles.into_iter().map(line).collect()
}

fn chart(run: &Run, title: &str, about: &str, y: Axis, series: Vec<Series>) -> Chart {
    // One phase begins where the run does, which needs no mark.
    let marks = if run.phases.len() > 1 {
        let phases = run.phases.iter().filter(|phase| !phase.timeline.is_empty());
        phases.map(|phase| (phase.began_seconds, phase.name.clone())).collect()
    } else {
        Vec::new()
    };
    let x = Axis::new("since the start", Scale::Linear, Unit::Clock);
    Chart { title: title.to_owned(), about: about.to_owned(), x, y, series, marks }
}

fn moments(run: &Run) -> impl Iterator<Item = &Moment> {
    run.phases.iter().flat_map(|phase| &phase.timeline)
}

/// A line over all phases, broken between them and where there is no value. `of` also gets the seconds of the interval.
fn over_time(run: &Run, keep: Keep, of: impl Fn(&Moment, f64) -> Option<f64>) -> Vec<(f64, f64)> {
    let glances = moments(run).count();
    let together = glances.div_ceil(MOST_POINTS).max(1);
    let mut line = Vec::new();
    for phase in &run.phases {
        let mut before = phase.began_seconds;
        let mut points = Vec::with_capacity(phase.timeline.len());
        for moment in &phase.timeline {
            let seconds = moment.at_seconds - before;
            before = moment.at_seconds;
            let value = if seconds > 0.0 { of(moment, seconds) } else { None };
            points.push((moment.at_seconds, value.unwrap_or(f64::NAN)));
        }
        line.extend(points.chunks(together).map(|points| joined(points, keep)));
        line.push((before, f64::NAN));
    }
    line
}

fn joined(points: &[(f64, f64)], keep: Keep) -> (f64, f64) {
    let at = points.last().map_or(0.0, |point| point.0);
    let values: Vec<f64> = points.iter().map(|point| point.1).filter(|value| value.is_finite()).collect();
    let value = match keep {
        _ if values.is_empty() => f64::NAN,
        Keep::Mean => values.iter().sum::<f64>() / values.len() as f64,
        Keep::Largest => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    };
    (at, value)
}
