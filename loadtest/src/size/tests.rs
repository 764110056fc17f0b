//! The model, and what is written with it.

use std::fs;
use std::path::PathBuf;

use shared::settings::WorkerSettings;

use super::costs::Costs;
use super::model::Fleet;
use super::presets::{PRESETS, preset};
use super::{queue, text};

/// Ten million files a day.
const LARGE: f64 = 1e7 / 24.0;

fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn measured() -> Costs {
    Costs::read(&repository("loadtest/results"), "mp3").unwrap()
}

/// Compares a file with what it should be, or makes it so when asked to.
fn up_to_date(path: &str, wanted: &str) {
    let found = fs::read_to_string(repository(path)).unwrap_or_default();
    if found == wanted {
        return;
    }
    assert!(std::env::var_os("UPDATE").is_some(), "{path} is old: UPDATE=1 cargo test -p loadtest size");
    fs::write(repository(path), wanted).unwrap();
}

fn costs() -> Costs {
    Costs {
        format: "mp3".to_owned(),
        lane_per_audio_second: 0.002,
        bytes_per_audio_second: 24_000.0,
        worker_per_file: 0.0,
        rabbitmq_per_file: 50e-6,
        redis_per_file: 40e-6,
        worker_rss: 30e6,
        lane_rss: 15e6,
        redis_bytes_per_file: 10_000.0,
        message_bytes: 200.0,
    }
}

#[test]
fn what_a_run_lacks_is_an_error_that_names_it() {
    let error = Costs::read(&repository("loadtest/results"), "opus").unwrap_err().to_string();
    assert!(error.contains("throughput.json has no phase 'opus batch'"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    assert!(Costs::read(folder.path(), "mp3").unwrap_err().to_string().contains("throughput.json"));
    for run in ["throughput", "memory", "components", "cache"] {
        let file = format!("{run}.json");
        let text = fs::read_to_string(repository("loadtest/results").join(&file)).unwrap();
        let text = text.replace("redis_bytes_per_report", "redis_bytes");
        fs::write(folder.path().join(file), text).unwrap();
    }
    let error = Costs::read(folder.path(), "mp3").unwrap_err().to_string();
    assert!(error.contains("no figure 'redis_bytes_per_report' in phase 'first'"), "{error}");
}

#[test]
fn lanes_are_busy_seven_tenths_of_their_time() {
    // Half a second a file, 28 a second: 14 processors busy, of 20.
    let fleet = Fleet::of(&costs(), 28.0 * 3600.0, 250.0);
    assert_eq!((fleet.lanes, fleet.workers, fleet.lanes_per_worker, fleet.memory_mb), (20, 5, 4, 896));
    assert!(
        (fleet.busy_processors - 14.0).abs() < 1e-9 && (fleet.media_bytes_per_second - 168e6).abs() < 1.0
    );
    let small = Fleet::of(&costs(), 100.0, 250.0);
    assert_eq!((small.lanes, small.workers, small.queue_max), (1, 1, 10_000));
    assert!(
        text::fleet(&fleet, &costs())
            .contains("RabbitMQ, with one processor to itself at 72,000,000 files/h")
    );
}

/// M/D/1 has a formula (Pollaczek and Khinchine); with a time on the lane that varies evenly from 0.4 to 1.6 of its mean, the
/// mean wait is (1 + 0.12) × ρ s / 2 (1 − ρ). The median is below the mean, the slowest in a hundred far above it.
#[test]
fn one_lane_makes_wait_as_the_formula_says() {
    let (median, slowest) = queue::waits(0.7, 1, 1.0);
    let mean = 1.12 * 0.7 / (2.0 * 0.3);
    assert!((0.3 * mean..mean).contains(&median), "{median} of {mean}");
    assert!((3.0 * mean..8.0 * mean).contains(&slowest), "{slowest} of {mean}");
    let many = queue::waits(70.0, 100, 1.0);
    assert!(many.0 == 0.0 && many.1 < 0.5, "a hundred lanes share their luck: {many:?}");
}

#[test]
fn presets_are_up_to_date_and_settings_of_a_worker() {
    for (name, range, load) in PRESETS {
        let text = preset(&measured(), range, load);
        up_to_date(&format!("deploy/presets/{name}.env"), &text);
        let pairs =
            text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
        let (settings, warnings) =
            WorkerSettings::from_vars(pairs.map(|(name, value)| (name.into(), value.into()))).unwrap();
        assert!(warnings.is_empty() && settings.analysis.lanes <= 4, "{warnings:?}");
    }
}

/// A text with another block of this name.
fn replaced(text: &str, name: &str, block: &str) -> String {
    let (begin, end) = (format!("<!-- {name}:begin -->"), format!("<!-- {name}:end -->"));
    let (before, rest) = text.split_once(&begin).expect("the block begins");
    let (_, after) = rest.split_once(&end).expect("the block ends");
    format!("{before}{begin}\n{block}\n{end}{after}")
}

#[test]
fn the_figures_in_the_documentation_are_up_to_date() {
    let path = "docs/operations/sizing.md";
    let page = fs::read_to_string(repository(path)).unwrap();
    let large = text::fleet(&Fleet::of(&measured(), LARGE, 210.0), &measured());
    let page = replaced(&page, "size", &text::table(&measured()));
    up_to_date(path, &replaced(&page, "size-large", &format!("```\n{large}\n```")));
}
