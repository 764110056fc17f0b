//! The figures of the phases as tables.

use crate::measure::{Latency, Phase, Run};
use crate::report::charts::role_order;
use crate::report::html::{self, Cell};
use crate::report::words;

pub(super) fn tables(run: &Run) -> String {
    let mut html = html::table("What was offered, and what came of it", &FLOW, &rows(run, flow));
    html.push_str(&html::table(
        "Latency of all levels: median / 99th percentile / longest; wait is from the intended arrival to the start",
        &["phase", "wait", "service", "total"],
        &rows(run, latencies),
    ));
    let figures: Vec<Vec<Cell>> = run.phases.iter().flat_map(figures).collect();
    if !figures.is_empty() {
        let heads = ["phase", "figure", "value"];
        html.push_str(&html::table("What only this scenario has", &heads, &figures));
    }
    let usage: Vec<Vec<Cell>> = run.phases.iter().flat_map(usage).collect();
    if !usage.is_empty() {
        let heads =
            ["phase", "role", "processes", "CPU", "of one processor", "memory at most", "as it began"];
        let table = html::table(
            "User and system time, and resident memory, of all processes of a role",
            &heads,
            &usage,
        );
        html.push_str(&html::folded(&format!("What each role took ({})", usage.len()), &table));
    }
    html
}

fn rows(run: &Run, row: fn(&Phase) -> Vec<Cell>) -> Vec<Vec<Cell>> {
    run.phases.iter().map(row).collect()
}

const FLOW: [&str; 13] = [
    "phase",
    "workers",
    "lanes",
    "offered/s",
    "took",
    "offered",
    "ended",
    "files/h",
    "× real time",
    "refused",
    "lost",
    "doubled",
    "outcomes",
];

fn flow(phase: &Phase) -> Vec<Cell> {
    let (jobs, count) = (&phase.jobs, |count: u64| Cell::number(words::number(count as f64)));
    let outcomes: Vec<String> = jobs.outcomes.iter().map(|(code, count)| format!("{count} {code}")).collect();
    let times = if phase.seconds > 0.0 { phase.audio_seconds / phase.seconds } else { 0.0 };
    vec![
        Cell::text(&phase.name),
        count(u64::from(phase.workers)),
        count(u64::from(phase.lanes)),
        Cell::number(phase.offered_per_second.map_or_else(|| "at once".to_owned(), words::number)),
        Cell::number(words::seconds(phase.seconds)),
        count(jobs.offered),
        count(jobs.ended),
        Cell::number(words::number(phase.files_per_hour())),
        Cell::number(words::number(times)),
        count(jobs.refused),
        count(jobs.lost),
        count(jobs.doubled),
        Cell::text(if outcomes.is_empty() { "–".to_owned() } else { outcomes.join(", ") }),
    ]
}

fn latencies(phase: &Phase) -> Vec<Cell> {
    let all = phase.latency.get("all");
    let part = |name: &str| match all.and_then(|parts| parts.get(name)) {
        Some(Latency { count, p50, p99, max, .. }) if *count > 0 => {
            let [median, high, longest] = [p50, p99, max].map(|value| words::seconds(*value));
            Cell::number(format!("{median} / {high} / {longest}"))
        }
        _ => Cell::number("–"),
    };
    vec![Cell::text(&phase.name), part("wait"), part("service"), part("total")]
}

fn figures(phase: &Phase) -> impl Iterator<Item = Vec<Cell>> {
    phase.figures.iter().map(|(name, value)| {
        vec![Cell::text(&phase.name), Cell::text(name.replace('_', " ")), Cell::number(words::number(*value))]
    })
}

fn usage(phase: &Phase) -> impl Iterator<Item = Vec<Cell>> {
    role_order(phase.usage.keys()).into_iter().map(|role| {
        let usage = &phase.usage[role];
        let busy = if phase.seconds > 0.0 { 100.0 * usage.cpu_seconds / phase.seconds } else { 0.0 };
        vec![
            Cell::text(&phase.name),
            Cell::text(role),
            Cell::number(usage.processes.to_string()),
            Cell::number(words::seconds(usage.cpu_seconds)),
            Cell::number(format!("{} %", words::number(busy))),
            Cell::number(words::bytes(usage.peak_rss_bytes as f64)),
            Cell::number(words::bytes(usage.begin_rss_bytes as f64)),
        ]
    })
}
