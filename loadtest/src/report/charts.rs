//! Which plots a run has: what is in its phases decides.

mod load;
mod time;

use std::collections::BTreeSet;

use super::plot::{Axis, Chart, STYLES, Scale, Series, Unit};
use crate::measure::{Latency, Phase, Run};

/// Roles in the order in which they are shown; others come behind, by name.
const ROLES: [&str; 6] = ["worker", "lanes", "producer", "rabbitmq", "redis", "loadtest"];

/// Levels in the order in which they are shown.
const LEVELS: [&str; 4] = ["all", "high", "normal", "low"];

/// Every plot that has something to show.
pub(super) fn charts(run: &Run) -> Vec<Chart> {
    let mut charts = time::latencies(run);
    charts.extend(percentiles(run));
    charts.extend(load::against_load(run));
    charts.extend(load::scaling(run));
    charts.extend(time::flow(run));
    charts.retain(Chart::is_drawn);
    charts
}

/// Names in their usual order, each with its style, which is the same in every plot of a page.
fn ordered<'a>(names: impl Iterator<Item = &'a String>, order: &[&str]) -> Vec<(usize, &'a str)> {
    let names: BTreeSet<&str> = names.map(String::as_str).collect();
    let place = |name: &str| order.iter().position(|known| *known == name);
    let (usual, others): (Vec<&str>, Vec<&str>) = names.into_iter().partition(|name| place(name).is_some());
    let mut styled: Vec<_> = usual.into_iter().filter_map(|name| Some((place(name)?, name))).collect();
    styled.sort_unstable();
    styled.extend(others.into_iter().enumerate().map(|(at, name)| (order.len() + at, name)));
    styled
}

/// Roles in their usual order.
pub(crate) fn role_order<'a>(names: impl Iterator<Item = &'a String>) -> Vec<&'a str> {
    styled_roles(names).into_iter().map(|(_, role)| role).collect()
}

fn styled_roles<'a>(names: impl Iterator<Item = &'a String>) -> Vec<(usize, &'a str)> {
    ordered(names, &ROLES)
}

fn styled_levels<'a>(names: impl Iterator<Item = &'a String>) -> Vec<(usize, &'a str)> {
    ordered(names, &LEVELS)
}

/// Total latency by percentile: of each phase, and by level where there is one phase.
fn percentiles(run: &Run) -> Vec<Chart> {
    let mut charts = Vec::new();
    if let [phase] = &run.phases[..] {
        let levels = styled_levels(phase.latency.keys());
        let lines = levels.into_iter().filter_map(|(style, level)| total(phase, level, level, style));
        charts.push(curves("Latency by percentile, by level", TOTAL, lines.collect()));
        let parts = ["wait", "service", "total"].iter().enumerate().filter_map(|(style, part)| {
            phase.latency.get("all")?.get(*part).map(|latency| curve(part, style, latency))
        });
        charts.push(curves("Latency by percentile, by part", PARTS, parts.collect()));
        return charts;
    }
    let lines: Vec<Series> = run
        .phases
        .iter()
        .enumerate()
        .filter_map(|(style, phase)| total(phase, "all", &phase.name, style))
        .collect();
    for (at, lines) in lines.chunks(STYLES).enumerate() {
        let title = if at == 0 { "Latency by percentile" } else { "Latency by percentile, further phases" };
        charts.push(curves(title, TOTAL, lines.to_vec()));
    }
    charts
}

fn total(phase: &Phase, level: &str, name: &str, style: usize) -> Option<Series> {
    Some(curve(name, style, phase.latency.get(level)?.get("total")?))
}

/// The percentiles of one latency as a line.
pub(crate) fn curve(name: &str, style: usize, latency: &Latency) -> Series {
    Series::new(name, style, latency.curve.clone())
}

/// What plots over percentiles show.
pub(crate) const TOTAL: &str = "Total latency, from the intended arrival to the stored end; each further nine is as wide as the one before";
const PARTS: &str =
    "Wait is from the intended arrival to the start, service on a lane, total up to the stored end";

/// Lines over percentiles.
pub(crate) fn curves(title: &str, about: &str, series: Vec<Series>) -> Chart {
    let scale = y_scale(&series);
    Chart {
        title: title.to_owned(),
        about: about.to_owned(),
        x: Axis::new("percentile", Scale::Nines, Unit::Percent),
        y: Axis::new("seconds", scale, Unit::Seconds),
        series,
        marks: Vec::new(),
    }
}

/// Values that lie this far apart are shown on a logarithmic axis: the small ones could not be told from zero.
const WIDE: f64 = 30.0;

fn y_scale(series: &[Series]) -> Scale {
    let values = series.iter().flat_map(|series| &series.points).map(|point| point.1);
    let (least, most) = values
        .filter(|value| value.is_finite() && *value > 0.0)
        .fold((f64::INFINITY, 0.0_f64), |(least, most), value| (least.min(value), most.max(value)));
    if most > least * WIDE { Scale::Log } else { Scale::Linear }
}
