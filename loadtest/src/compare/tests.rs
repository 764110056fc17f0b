//! Verdicts over two sides made by hand.

use super::judge::Change;
use super::*;
use crate::report::tests::fixture::{phase, run};

/// Five per cent.
const TOLERANCE: f64 = 0.05;

fn side(runs: Vec<Run>) -> Side {
    let mut runs = runs.into_iter();
    Side { first: runs.next().unwrap(), more: runs.collect() }
}

/// A run with one phase at this pace and latency.
fn at(pace: u64, latency: f64, unrest: f64) -> Run {
    run("sustained", vec![phase("steady", pace, latency, unrest)])
}

fn compare(a: Vec<Run>, b: Vec<Run>) -> Comparison {
    Comparison::new(side(a), side(b), TOLERANCE).unwrap()
}

fn change(comparison: &Comparison, figure: &str) -> Change {
    comparison.differences.iter().find(|difference| difference.figure == figure).unwrap().change
}

#[test]
fn a_run_compared_with_itself_is_the_same() {
    let same = compare(vec![at(100, 0.2, 0.1)], vec![at(100, 0.2, 0.1)]);
    assert!(same.differences.len() > 10);
    assert!(same.differences.iter().all(|difference| difference.change == Change::Same));
    assert_eq!((same.regressions(), same.context.len()), (0, 0));
}

#[test]
fn a_slowed_run_is_a_regression_and_a_faster_one_is_not() {
    let (fast, slow) = (|| vec![at(100, 0.2, 0.02)], || vec![at(70, 0.4, 0.02)]);
    let slowed = compare(fast(), slow());
    assert_eq!(change(&slowed, "files/h"), Change::Worse);
    assert_eq!(change(&slowed, "total p99, all"), Change::Worse);
    let faster = compare(slow(), fast());
    assert_eq!(change(&faster, "files/h"), Change::Better);
    assert_eq!(faster.regressions(), 0);
}

#[test]
fn what_a_single_run_varies_by_itself_is_noise() {
    // A tenth slower: more than the tolerance, less than waves of half the pace can tell.
    let calm = compare(vec![at(100, 0.2, 0.0)], vec![at(90, 0.2, 0.0)]);
    assert_eq!(change(&calm, "files/h"), Change::Worse);
    let wild = compare(vec![at(100, 0.2, 0.6)], vec![at(90, 0.2, 0.6)]);
    assert_eq!(change(&wild, "files/h"), Change::Same);
    let text = text::text(&wild, false, &Look::default());
    assert!(text.contains("A and B are single runs: noise is estimated"), "{text}");
}

#[test]
fn several_runs_are_medians_and_their_range_is_the_noise() {
    let runs = |paces: [u64; 3]| paces.map(|pace| at(pace, 0.2, 0.0)).to_vec();
    // Each pair of single runs would be 12 % apart or more; the ranges of 30 cover that.
    let noise = compare(runs([85, 100, 115]), runs([73, 88, 103]));
    assert_eq!(change(&noise, "files/h"), Change::Same);
    let regression = compare(runs([99, 100, 101]), runs([87, 88, 89]));
    assert_eq!(change(&regression, "files/h"), Change::Worse);
    // One that went astray does not move the median.
    let astray = compare(runs([99, 100, 101]), runs([100, 101, 60]));
    assert_eq!(change(&astray, "files/h"), Change::Same);
    assert!(!text::text(&regression, false, &Look::default()).contains("estimated"));
}

#[test]
fn a_lost_job_is_a_regression_whatever_the_tolerance() {
    let mut lost = at(100, 0.2, 0.6);
    lost.phases[0].jobs.lost = 1;
    let compared = compare(vec![at(100, 0.2, 0.6)], vec![lost]);
    assert_eq!((change(&compared, "lost"), compared.regressions()), (Change::Worse, 1));
}

#[test]
fn what_is_no_longer_measured_is_no_pass() {
    let mut without = at(100, 0.2, 0.1);
    without.phases[0].figures.clear();
    let gone = compare(vec![at(100, 0.2, 0.1)], vec![without.clone()]);
    assert_eq!((change(&gone, "efficiency"), gone.regressions()), (Change::Gone, 1));
    let new = compare(vec![without], vec![at(100, 0.2, 0.1)]);
    assert_eq!((change(&new, "efficiency"), new.regressions()), (Change::New, 0));
    let empty = compare(vec![at(100, 0.2, 0.1)], vec![run("sustained", Vec::new())]);
    assert!(empty.regressions() > 10);
}

#[test]
fn other_scenarios_and_forms_are_refused() {
    let refused = |other: Run| {
        Comparison::new(side(vec![at(1, 0.1, 0.0)]), side(vec![other]), TOLERANCE).unwrap_err().to_string()
    };
    assert!(refused(run("burst", Vec::new())).contains("'sustained' and 'burst'"));
    assert!(refused(Run { schema_version: 0, ..at(1, 0.1, 0.0) }).contains("version 1 and version 0"));
}

#[test]
fn other_circumstances_are_said() {
    let mut other = at(100, 0.2, 0.1);
    other.machine.processors = 8;
    other.settings.insert("ANALYSIS_BATCH_SIZE".to_owned(), "20".to_owned());
    other.phases[0].lanes = 16;
    let compared = compare(vec![at(100, 0.2, 0.1)], vec![other]);
    let expected = [
        "usable processors differs: 2 → 8",
        "setting ANALYSIS_BATCH_SIZE differs: not set → 20",
        "lanes of the phase 'steady' differs: 4 → 16",
    ];
    assert_eq!(compared.context, expected);
    let (text, page) = (text::text(&compared, true, &Look::default()), page::page(&compared));
    assert!(expected.iter().all(|line| text.contains(line)));
    assert!(
        page.contains("usable processors differs")
            && page.contains("<figcaption>Latency by percentile, steady")
    );
}

#[test]
fn the_table_shows_what_changed_and_the_headlines() {
    let compared = compare(vec![at(100, 0.2, 0.02)], vec![at(70, 0.2, 0.02)]);
    let look = Look { colour: false, width: Some(120) };
    insta::assert_snapshot!(text::text(&compared, false, &look));
}
