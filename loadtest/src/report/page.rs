//! The report of a run as a page.

mod phases;

use std::collections::BTreeMap;

use super::charts::charts;
use super::html::{self, Cell, escaped};
use super::rows::{Row, rows};
use super::table::outcome;
use super::{plot, words};
use crate::measure::Run;

/// The whole page.
pub(super) fn page(run: &Run) -> String {
    let mut body = head(run);
    if !run.verdicts.is_empty() {
        body.push_str(&html::section("Requirements", &requirements(run)));
    }
    let plots: String = charts(run).iter().map(plot::figure).collect();
    if !plots.is_empty() {
        body.push_str(&html::section("Plots", &format!("<div class=\"plots\">\n{plots}</div>\n")));
    }
    body.push_str(&html::section("Phases", &phases::tables(run)));
    html::document(&format!("{} – {}", run.scenario, words::when(&run.started_at)), &body)
}

fn head(run: &Run) -> String {
    let class = match (run.verdicts.is_empty(), run.passes()) {
        (true, _) => "none",
        (false, true) => "good",
        (false, false) => "bad",
    };
    format!(
        "<h1>{}</h1>\n<p>{}</p>\n<p class=\"verdict {class}\">{}</p>\n{}<p class=\"soft\">Command: <code>{}</code></p>\n{}{}",
        escaped(&run.scenario),
        escaped(&run.about),
        escaped(&outcome(run)),
        html::facts(facts(run)),
        escaped(&run.command.join(" ")),
        pairs("Versions", &run.versions),
        pairs("Settings", &run.settings),
    )
}

/// Where, when and with what.
pub(crate) fn facts(run: &Run) -> Vec<(&'static str, String)> {
    let (machine, corpus) = (&run.machine, &run.corpus);
    let audio = words::seconds(corpus.audio_seconds);
    vec![
        ("Started", words::when(&run.started_at)),
        (
            "Processor",
            format!(
                "{}, {} usable, {}",
                machine.processor,
                machine.processors,
                words::bytes(machine.memory_bytes as f64)
            ),
        ),
        ("System", machine.system.clone()),
        ("Load before", words::number(machine.load_before)),
        ("RabbitMQ and Redis", machine.servers.clone()),
        (
            "Files",
            format!(
                "{} files, {}, {audio} of audio: {}",
                words::number(corpus.files as f64),
                words::bytes(corpus.bytes as f64),
                corpus.about
            ),
        ),
        ("Seed", run.seed.to_string()),
    ]
}

fn pairs(name: &str, pairs: &BTreeMap<String, String>) -> String {
    if pairs.is_empty() {
        return String::new();
    }
    let inside = html::facts(pairs.iter().map(|(name, value)| (name.as_str(), value.clone())));
    html::folded(&format!("{name} ({})", pairs.len()), &inside)
}

fn requirements(run: &Run) -> String {
    let table = |caption: &str, set: &str| {
        let rows = rows(&run.verdicts).into_iter().filter(|row| row.verdict.set == set);
        let rows: Vec<Vec<Cell>> = rows.map(|row| requirement(&row)).collect();
        let heads = ["requirement", "phase", "bound", "measured", "verdict"];
        if rows.is_empty() { String::new() } else { html::table(caption, &heads, &rows) }
    };
    table("What the project promises", "project") + &table("Our own bars", "ours")
}

fn requirement(row: &Row<'_>) -> Vec<Cell> {
    let verdict = row.verdict;
    vec![
        Cell::text(&verdict.requirement).noted(&verdict.about),
        Cell::text(row.phase()),
        Cell::number(words::bound(verdict)),
        Cell::number(words::measured(verdict)),
        Cell::verdict(words::judged(verdict), verdict.met),
    ]
}
