//! A comparison as a page.

use super::Comparison;
use super::judge::{Change, Difference};
use super::text::{about_noise, cells, outcome, side};
use crate::measure::{Latency, Run};
use crate::report::html::{self, Cell, escaped};
use crate::report::plot::{self, Chart};
use crate::report::{TOTAL, curve, curves, facts, words};

pub(super) fn page(comparison: &Comparison) -> String {
    let class = if comparison.regressions() == 0 { "good" } else { "bad" };
    let scenario = &comparison.a.first.scenario;
    let mut body = format!(
        "<h1>{}: A and B compared</h1>\n<p>{}</p>\n<p class=\"verdict {class}\">{}</p>\n",
        escaped(scenario),
        escaped(&comparison.a.first.about),
        escaped(&outcome(comparison)),
    );
    let notes = comparison.context.iter().cloned().chain(about_noise(comparison));
    body.extend(notes.map(|note| format!("<p>{}</p>\n", escaped(&note))));
    body.push_str(&html::section("What is compared", &sides(comparison)));
    body.push_str(&html::section("Figures", &figures(comparison)));
    let plots: String = charts(comparison).iter().map(plot::figure).collect();
    if !plots.is_empty() {
        body.push_str(&html::section("Plots", &format!("<div class=\"plots\">\n{plots}</div>\n")));
    }
    let title = format!("{scenario} compared – {}", words::when(&comparison.b.first.started_at));
    html::document(&title, &body)
}

fn sides(comparison: &Comparison) -> String {
    let mut rows =
        vec![vec![Cell::text("Runs"), Cell::text(side(&comparison.a)), Cell::text(side(&comparison.b))]];
    let (a, b) = (facts(&comparison.a.first), facts(&comparison.b.first));
    rows.extend(
        a.into_iter().zip(b).map(|((name, a), (_, b))| vec![Cell::text(name), Cell::text(a), Cell::text(b)]),
    );
    html::table("Where and when; of the first run of each side", &["", "A", "B"], &rows)
}

/// What changed, and everything else folded away.
fn figures(comparison: &Comparison) -> String {
    let (same, changed): (Vec<&Difference>, Vec<&Difference>) =
        comparison.differences.iter().partition(|difference| difference.change == Change::Same);
    let table = |caption: &str, differences: Vec<&Difference>| {
        let rows: Vec<Vec<Cell>> = differences.into_iter().map(row).collect();
        html::table(caption, &["phase", "figure", "A", "B", "change", "noise", "verdict"], &rows)
    };
    let summary = format!("What is the same ({})", same.len());
    let same = html::folded(&summary, &table("Within the noise or the tolerance", same));
    if changed.is_empty() {
        return format!("<p>Nothing changed beyond noise and tolerance.</p>\n{same}");
    }
    table("What changed; medians where a side is several runs", changed) + &same
}

fn row(difference: &Difference) -> Vec<Cell> {
    let [phase, figure, a, b, change, noise] = cells(difference);
    let word = difference.change.word();
    let last = match difference.change {
        Change::Worse | Change::Gone => Cell::verdict(word, false),
        Change::Better => Cell::verdict(word, true),
        _ => Cell::text(word),
    };
    let [a, b, change, noise] = [a, b, change, noise].map(Cell::number);
    vec![Cell::text(phase), Cell::text(figure), a, b, change, noise, last]
}

/// The latency of each phase that both sides have.
fn charts(comparison: &Comparison) -> Vec<Chart> {
    let phases = comparison.a.first.phases.iter();
    let charts = phases.filter_map(|phase| {
        let [a, b] = [&comparison.a.first, &comparison.b.first].map(|run| total(run, &phase.name));
        Some(curves(
            &format!("Latency by percentile, {}", phase.name),
            TOTAL,
            vec![curve("A", 0, a?), curve("B", 1, b?)],
        ))
    });
    charts.filter(Chart::is_drawn).collect()
}

fn total<'a>(run: &'a Run, phase: &str) -> Option<&'a Latency> {
    run.phases.iter().find(|other| other.name == phase)?.latency.get("all")?.get("total")
}
