//! Reports of runs made by hand.

mod escaping;
pub(crate) mod fixture;

use super::*;
use crate::measure::{Run, SCHEMA_VERSION, Verdict};
use fixture::phase;

/// What the tests judge by: one that is met, one that is missed, one that is not measured.
const REQUIREMENTS: &str = r#"
[[requirement]]
name = "pace"
set = "project"
about = "Files an hour"
scenario = "sustained"
phase = "steady"
figure = "files_per_hour"
comparison = ">="
bound = 1000
unit = "files/h"

[[requirement]]
name = "latency"
set = "ours"
about = "99th percentile of the total latency"
scenario = "*"
phase = "*"
figure = "latency.all.total.p99"
comparison = "<="
bound = 0.1
unit = "s"

[[requirement]]
name = "memory"
set = "ours"
about = "Growth of the broker"
scenario = "sustained"
phase = "steady"
figure = "usage.rabbitmq.peak_rss_bytes / 1e6"
comparison = "<"
bound = 64
unit = "MB"
"#;

fn judged() -> Run {
    let mut run = fixture::run("sustained", vec![phase("steady", 20, 0.2, 0.1), phase("rush", 40, 0.4, 0.1)]);
    run.phases[1].began_seconds = 60.0;
    run.phases[1].timeline.iter_mut().for_each(|moment| moment.at_seconds += 60.0);
    run.verdicts = Requirements::parse(REQUIREMENTS, "requirements.toml").unwrap().judge(&run);
    run
}

#[test]
fn the_table_says_what_was_asked_measured_and_judged() {
    let look = Look { colour: false, width: Some(120) };
    insta::assert_snapshot!(table::text(&judged(), &["report: run.html".to_owned()], &look));
}

#[test]
fn colour_is_only_where_it_is_wanted() {
    let run = judged();
    let text = |colour| table::text(&run, &[], &Look { colour, width: Some(120) });
    assert!(!text(false).contains('\x1b'));
    // comfy-table styles nothing where standard output is no terminal, which is so in most tests.
    let cell = Look { colour: true, width: None }.cell("met", true);
    assert_ne!(cell, Look::default().cell("met", true));
}

#[test]
fn what_is_written_is_read_back_and_judged_again() {
    let folder = tempfile::tempdir().unwrap();
    let [json, html, file] = ["run.json", "run.html", "asked.toml"].map(|name| folder.path().join(name));
    fs::write(&file, REQUIREMENTS).unwrap();
    let outputs = Outputs { json: Some(json.clone()), html: Some(html.clone()), requirements: Some(file) };
    let mut measured = judged();
    measured.verdicts.clear();
    // A division by nothing in a scenario: JSON cannot say it.
    measured.phases[0].figures.insert("broken".to_owned(), f64::NAN);
    let (text, passed) = finish(measured, &outputs).unwrap();
    assert!(!passed && text.contains("FAILED: 2 of 3 requirements are not met"), "{text}");
    assert_eq!(read(&json).unwrap(), judged());
    assert!(fs::read_to_string(html).unwrap().starts_with("<!doctype html>"));

    let arguments = Report { run: json, outputs: Outputs::default() };
    let (text, _) = super::run(&arguments).unwrap();
    assert!(text.contains("sustained, done"), "the committed requirements count: {text}");
}

/// A verdict that a scenario has reached by itself.
fn own(requirement: &str, phase: &str, measured: f64) -> Verdict {
    Verdict {
        requirement: requirement.to_owned(),
        about: "About it".to_owned(),
        set: "ours".to_owned(),
        phase: phase.to_owned(),
        measured,
        comparison: "≤".to_owned(),
        bound: 5.0,
        unit: String::new(),
        met: measured <= 5.0,
    }
}

#[test]
fn what_a_scenario_judged_by_itself_stays_unless_the_file_asks_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let [json, file] = ["run.json", "asked.toml"].map(|name| folder.path().join(name));
    fs::write(&file, REQUIREMENTS).unwrap();
    let outputs = Outputs { json: Some(json.clone()), requirements: Some(file), ..Outputs::default() };
    let mut measured = judged();
    measured.verdicts = vec![own("order", "steady", 9.0), own("pace", "steady", 1.0)];
    finish(measured, &outputs).unwrap();
    let names: Vec<String> =
        read(&json).unwrap().verdicts.into_iter().map(|verdict| verdict.requirement).collect();
    assert_eq!(names, ["pace", "latency", "memory", "order"]);
}

#[test]
fn what_is_met_in_many_phases_is_one_row_and_what_is_missed_has_its_own() {
    let verdicts =
        [("a", 1.0), ("b", 7.0), ("c", 4.0), ("d", 8.0)].map(|(phase, value)| own("order", phase, value));
    let phases: Vec<String> = rows::rows(&verdicts).iter().map(rows::Row::phase).collect();
    assert_eq!(phases, ["c (worst of 2)", "b", "d"]);
}

#[test]
fn what_is_no_run_of_this_form_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.json");
    let refused = |run: &Run| {
        fs::write(&path, serde_json::to_string(run).unwrap()).unwrap();
        read(&path).unwrap_err().to_string()
    };
    let later = refused(&Run { schema_version: SCHEMA_VERSION + 1, ..judged() });
    assert!(later.contains("use a newer one"), "{later}");
    let other = refused(&Run { schema: "chaos".to_owned(), ..judged() });
    assert!(other.contains("of 'chaos' and not of 'loadtest.run'"), "{other}");
    assert!(read(&folder.path().join("none.json")).is_err());
}

#[test]
fn a_page_has_every_plot_that_the_run_has_figures_for() {
    let page = page::page(&judged());
    for title in [
        "Latency over time, all",
        "Latency by percentile",
        "Throughput against offered load",
        "Latency against offered load",
        "Scaling efficiency",
        "Throughput over time",
        "Depth by level",
        "Processor by role",
        "Memory by role",
    ] {
        assert!(page.contains(&format!("<figcaption>{title}</figcaption>")), "{title}");
    }
    assert!(!page.contains("NaN") && !page.contains("inf "));
    assert!(page.contains("FAILED: 2 of 3") && page.contains("NOT MEASURED"));
}

#[test]
fn a_run_without_anything_is_a_page_without_plots() {
    let page = page::page(&fixture::run("burst", Vec::new()));
    assert!(!page.contains("<figure>") && page.contains("no requirement is asked"));
    let empty = page::page(&fixture::run("burst", vec![crate::measure::Phase::default()]));
    assert!(!empty.contains("<figure>") && !empty.contains("NaN"));
}
