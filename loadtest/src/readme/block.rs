//! The block itself, as Markdown.

use std::collections::BTreeMap;
use std::fmt::Write;

use shared::record::printable;

use crate::measure::{Run, Verdict};
use crate::report::words;
use crate::requirements::{Requirement, Requirements, Set, was_measured};

/// A run and where it is found.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) run: Run,
    /// Relative to the page.
    pub(super) link: String,
}

/// Both tables, and where their figures come from. `runs` have the newest first.
pub(super) fn block(runs: &[Measured], requirements: &Requirements) -> String {
    let mut text =
        String::from("<!-- Written by `loadtest readme` from the runs it links to; edits are lost. -->\n");
    for (set, title) in [(Set::Project, "What the project promises"), (Set::Ours, "Our own bars")] {
        let rows: Vec<String> =
            requirements.all.iter().filter(|asked| asked.set == set).map(|asked| row(asked, runs)).collect();
        if rows.is_empty() {
            continue;
        }
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n| {title} | bound | measured | | run |\n|---|--:|--:|---|---|\n{}",
            rows.concat()
        );
    }
    text.push('\n');
    for (place, links) in places(runs) {
        let _ = writeln!(text, "Measured on {place}: {}.\n", links.join(", "));
    }
    text
}

fn row(asked: &Requirement, runs: &[Measured]) -> String {
    let mut scenarios: BTreeMap<&str, Judged<'_>> = BTreeMap::new();
    for measured in runs.iter().filter(|measured| asked.scenario.matches(&measured.run.scenario)) {
        let judged = (asked.judge(&measured.run), Some(measured));
        let newest = scenarios.entry(&measured.run.scenario).or_insert_with(|| judged.clone());
        // An older run counts only for what no newer one measured.
        if !was_measured(&newest.0) && was_measured(&judged.0) {
            *newest = judged;
        }
    }
    // A requirement of many scenarios holds in each of them: the worst counts.
    let none = || (asked.not_measured("there is no run"), None);
    let (verdict, from) = scenarios.into_values().reduce(|a, b| worse(asked, a, b)).unwrap_or_else(none);
    let run = from.map_or_else(
        || "–".to_owned(),
        |measured| format!("[{}]({})", cell(&measured.run.scenario), url(&measured.link)),
    );
    let word = match words::judged(&verdict) {
        "met" => "met".to_owned(),
        word => format!("**{}**", word.to_lowercase()),
    };
    format!(
        "| {} | {} | {} | {word} | {run} |\n",
        cell(&asked.about),
        cell(&words::bound(&verdict)),
        cell(&words::measured(&verdict)),
    )
}

type Judged<'a> = (Verdict, Option<&'a Measured>);

/// The one of two that says less good: not met before met, then the worse figure.
fn worse<'a>(asked: &Requirement, a: Judged<'a>, b: Judged<'a>) -> Judged<'a> {
    let b_is_worse = match (a.0.met, b.0.met) {
        (true, false) => true,
        (false, true) => false,
        _ => asked.comparison.is_worse(b.0.measured, a.0.measured),
    };
    if b_is_worse { b } else { a }
}

/// Machine, versions and day, with the runs that were made so.
fn places(runs: &[Measured]) -> BTreeMap<String, Vec<String>> {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for Measured { run, link } in runs {
        let machine = &run.machine;
        let versions: Vec<String> =
            run.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        let day = run.started_at.get(..10).unwrap_or(&run.started_at);
        let place = format!(
            "{}, {} processors, {}, {}; servers {}; {}; {day}",
            machine.processor,
            machine.processors,
            words::bytes(machine.memory_bytes as f64),
            machine.system,
            machine.servers,
            versions.join(", "),
        );
        let link = format!("[{}]({})", cell(&run.scenario), url(link));
        places.entry(cell(&place)).or_default().push(link);
    }
    places.values_mut().for_each(|links| links.sort());
    places
}

/// Text that stays in its cell and is no markup.
fn cell(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '<' => clean.push_str("&lt;"),
            '>' => clean.push_str("&gt;"),
            '&' => clean.push_str("&amp;"),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' => clean.extend(['\\', c]),
            c => clean.push(c),
        }
    }
    clean
}

/// A path as the target of a link.
fn url(path: &str) -> String {
    let mut clean = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(&byte) {
            clean.push(char::from(byte));
        } else {
            let _ = write!(clean, "%{byte:02X}");
        }
    }
    clean
}
