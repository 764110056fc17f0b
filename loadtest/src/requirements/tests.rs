//! Runs held against requirements.

use super::*;
use crate::measure::{Run, Verdict};
use crate::report::tests::fixture::{phase, run};

fn requirement(phase: &str, figure: &str, rest: &str) -> Requirement {
    let text = format!(
        "[[requirement]]\nname = \"it\"\nset = \"ours\"\nabout = \"It\"\nscenario = \"burst\"\nphase = \"{phase}\"\nfigure = \"{figure}\"\n{rest}"
    );
    Requirements::parse(&text, "test.toml").unwrap().all.remove(0)
}

fn judge(phase: &str, figure: &str, rest: &str, run: &Run) -> Verdict {
    requirement(phase, figure, rest).judge(run)
}

/// 60 seconds of 20 and of 10 files a second.
fn two_phases() -> Run {
    run("burst", vec![phase("first", 20, 0.2, 0.0), phase("second", 10, 0.2, 0.0)])
}

#[test]
fn the_committed_file_is_right_and_asks_everything_of_a_known_set() {
    let requirements = Requirements::load(None).unwrap();
    for set in [Set::Project, Set::Ours] {
        assert!(requirements.all.iter().filter(|requirement| requirement.set == set).count() >= 10);
    }
}

#[test]
fn met_missed_and_on_the_bound() {
    let run = two_phases();
    let table = [
        ("comparison = '>='\nbound = 72000", true),
        ("comparison = '>'\nbound = 72000", false),
        ("comparison = '<='\nbound = 72000", true),
        ("comparison = '<'\nbound = 72000", false),
        ("comparison = '>='\nbound = 72001", false),
    ];
    for (rest, met) in table {
        let verdict = judge("first", "files_per_hour", rest, &run);
        assert_eq!((verdict.met, verdict.measured, was_measured(&verdict)), (met, 72_000.0, true), "{rest}");
    }
}

#[test]
fn the_worst_of_several_phases_decides() {
    let run = two_phases();
    let least = judge("*", "files_per_hour", "comparison = '>='\nbound = 50000", &run);
    assert_eq!((least.phase.as_str(), least.met), ("second", false));
    let most = judge("first|second", "jobs.ended", "comparison = '<='\nbound = 700", &run);
    assert_eq!((most.phase.as_str(), most.met), ("first", false));
}

#[test]
fn what_is_missing_is_not_met_and_says_why() {
    let run = two_phases();
    let table = [
        ("third", "jobs.lost", "no phase is called 'third'; there are: first, second"),
        ("first", "figures.utilisation", "in the phase 'first' there is no figure 'utilisation'"),
        ("first", "usage.redis.cpu_seconds", "what 'redis' used was not measured"),
        ("first", "latency.normal.total.p99", "there is no latency normal.total"),
        ("first", "jobs.ended / jobs.refused", "divides by zero"),
        ("*", "figures.only_first", "in the phase 'second' there is no figure 'only_first'"),
    ];
    let mut with_figure = run;
    with_figure.phases[0].figures.insert("only_first".to_owned(), 1.0);
    for (phase, figure, why) in table {
        let verdict = judge(phase, figure, "comparison = '<='\nbound = 1e9", &with_figure);
        assert!(!verdict.met && !was_measured(&verdict) && verdict.about.contains(why), "{}", verdict.about);
    }
    let nothing =
        judge("*", "jobs.lost", "comparison = '<='\nbound = 0", &super::tests::run("burst", Vec::new()));
    assert!(!nothing.met && nothing.about.contains("there is none"), "{}", nothing.about);
}

#[test]
fn only_the_scenario_that_is_meant_is_judged() {
    let requirements = Requirements::load(None).unwrap();
    let burst = requirements.judge(&two_phases());
    assert!(burst.iter().any(|verdict| verdict.requirement == "burst done"));
    assert!(burst.iter().any(|verdict| verdict.requirement == "nothing lost"));
    assert!(burst.iter().all(|verdict| verdict.requirement != "single lane"));
}

#[test]
fn figures_are_paths_and_sums_of_them() {
    let mut run = two_phases();
    run.phases[0].jobs.offered = 2400;
    let table = [
        ("jobs.ended / jobs.offered", 0.5),
        ("100 * jobs.ended / jobs.offered - 1 + 2", 51.0),
        ("(usage.worker.peak_rss_bytes - usage.worker.begin_rss_bytes) / 1e6", 10.0),
        ("2 * (3 + 4) * 5", 70.0),
        ("jobs.outcomes.ok", 1200.0),
        ("jobs.outcomes.failed", 0.0),
        ("latency.all.total.count", 1000.0),
        ("offered_per_second", 20.0),
        ("figures.efficiency", 0.9),
    ];
    for (text, value) in table {
        let figure = Figure::try_from(text.to_owned()).unwrap();
        assert_eq!(figure.of(&run.phases[0]), Ok(value), "{text}");
    }
}

fn refused(text: &str) -> String {
    Requirements::parse(text, "test.toml").unwrap_err().to_string()
}

#[test]
fn what_the_file_does_not_know_is_an_error_with_its_line() {
    let good = include_str!("../../requirements.toml");
    let line = good.lines().position(|line| line.starts_with("name = ")).unwrap() + 1;
    let with = |wrong: &str| refused(&good.replacen("name = ", &format!("{wrong}\nname = "), 1));
    let unknown = with("bounds = 3");
    assert!(unknown.contains(&format!("line {line}")) && unknown.contains("bounds"), "{unknown}");

    let line = good.lines().position(|line| line.starts_with("figure = ")).unwrap() + 1;
    for wrong in [
        "files_per_minute",
        "jobs.endd",
        "jobs.ended /",
        "(1",
        "1 2",
        "latency.all.total.p42",
        "inf",
        "",
        "1 + é",
    ] {
        let said =
            refused(&good.replacen("figure = \"files_per_hour\"", &format!("figure = \"{wrong}\""), 1));
        assert!(said.contains(&format!("line {line}")), "{wrong}: {said}");
    }
    let deep = format!("figure = \"{}1{}\"", "(".repeat(5000), ")".repeat(5000));
    assert!(refused(&good.replacen("figure = \"files_per_hour\"", &deep, 1)).contains("too many brackets"));
    assert!(refused(&format!("{good}\n{good}")).contains("two requirements are called 'single lane'"));
    assert!(refused(&good.replacen("set = \"project\"", "set = \"theirs\"", 1)).contains("theirs"));
}
