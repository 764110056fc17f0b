//! The units in deploy/systemd: as systemd reads them, and as the programs need them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use shared::settings::{EXIT_CONFIG, WorkerSettings};

fn units() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/systemd");
    let paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let unit = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    };
    paths.into_iter().map(unit).collect()
}

#[test]
fn systemd_has_nothing_to_say_against_them() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        println!("left out: systemd-analyze is not there");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut names = Vec::new();
    for (name, text) in units() {
        // The programs need not be installed.
        let path = folder.path().join(&name);
        fs::write(
            &path,
            text.replace("/usr/bin/worker", "/bin/true").replace("/usr/bin/producer", "/bin/true"),
        )
        .unwrap();
        names.push(path);
    }
    assert_eq!(names.len(), 3);
    let output = Command::new("systemd-analyze").args(["verify", "--man=no"]).args(&names).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // It warns of units of the machine, too.
    assert!(output.status.success() && !said.contains("analysis-"), "{said}");
}

#[test]
fn a_worker_has_time_to_drain_and_a_wrong_setting_is_not_tried_again() {
    let all = units();
    let worker = &all.iter().find(|(name, _)| name == "analysis-worker.service").unwrap().1;
    let value = |key: &str| {
        let line = worker.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("{key}")).to_owned()
    };
    let (settings, _) = WorkerSettings::from_vars([]).unwrap();
    let seconds: u64 = value("TimeoutStopSec").strip_suffix('s').unwrap().parse().unwrap();
    assert!(Duration::from_secs(seconds) >= settings.service.shutdown_timeout + Duration::from_secs(10));
    let codes = value("RestartPreventExitStatus");
    assert!(codes.split(' ').any(|code| code == EXIT_CONFIG.to_string()), "{codes}");
    // The kernel's end of a lane is not the worker's, and lanes are ended by the worker.
    assert_eq!((value("OOMPolicy").as_str(), value("KillMode").as_str()), ("continue", "mixed"));
}
