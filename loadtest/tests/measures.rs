//! The measuring commands, held short: `components` against real servers, `accuracy` against its bars, `peers` where none of
//! them can be installed.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

use std::path::Path;
use std::process::{Command, Output};

#[path = "common/programs.rs"]
mod programs;
#[path = "common/verdicts.rs"]
mod verdicts;

use verdicts::missed;

fn worker() -> String {
    programs::program("worker").display().to_string()
}

fn loadtest(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.args(arguments);
    command
}

/// Measures what is too short for the requirements, so that it is judged by none of them and by its own bars alone; the run is
/// in the folder.
fn measure(arguments: &[&str], folder: &Path) -> Command {
    let nothing = folder.join("requirements.toml");
    std::fs::write(&nothing, "").unwrap();
    let mut command = loadtest(arguments);
    command.arg("--requirements").arg(nothing).arg("--json").arg(folder.join("run.json"));
    command
}

fn said(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

/// What was measured in the folder.
fn run_of(folder: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(folder.join("run.json")).unwrap()).unwrap()
}

/// Nothing where there is no such phase, which fails every assertion about it.
fn phase<'a>(run: &'a serde_json::Value, name: &str) -> &'a serde_json::Value {
    let phases = run["phases"].as_array().map_or(&[][..], Vec::as_slice);
    phases.iter().find(|phase| phase["name"] == name).unwrap_or(&serde_json::Value::Null)
}

#[test]
fn every_part_is_measured_against_real_servers() {
    let folder = tempfile::tempdir().unwrap();
    let short = ["components", "--rounds", "2", "--seconds", "0.05", "--count", "300"];
    let output = measure(&short, folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let run = run_of(folder.path());
    assert_eq!((&run["schema"], &run["scenario"]), (&"loadtest.run".into(), &"components".into()));
    assert_eq!(run["phases"].as_array().unwrap().len(), 22, "{run}");
    for phase in run["phases"].as_array().unwrap() {
        let figure = |name: &str| phase["figures"][name].as_f64().unwrap();
        assert!(figure("ops_per_second_min") > 0.0, "{phase}");
        assert!(figure("ops_per_second_min") <= figure("ops_per_second"), "{phase}");
        assert!(figure("ops_per_second") <= figure("ops_per_second_max"), "{phase}");
        assert_eq!(figure("rounds"), 2.0, "{phase}");
        assert!(said(&output).contains(phase["name"].as_str().unwrap()));
    }
    // Three hundred operations in each round on a server, and none more.
    assert!(phase(&run, "publish_window_64")["figures"]["ops"].as_f64().unwrap() <= 600.0);
}

#[test]
fn parts_without_a_server_start_none() {
    let folder = tempfile::tempdir().unwrap();
    let short = ["components", "--rounds", "1", "--seconds", "0.02"];
    let output = measure(&short, folder.path()).args(["--only", "queue,job"]).output().unwrap();
    let said = said(&output);
    // `job_start` is on Redis, so servers are needed after all.
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("job_start_16") && said.contains("job_encode"), "{said}");
    let output =
        measure(&short, folder.path()).args(["--only", "queue"]).env("PATH", "/nowhere").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let wrong = loadtest(&["components", "--only", "mail"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn accuracy_passes_its_bars_and_fails_below_them() {
    let folder = tempfile::tempdir().unwrap();
    let worker = worker();
    let short = ["accuracy", "--count", "8", "--seconds", "12", "--worker", &worker];
    // Eight pieces are no sample for shares: one wrong key of them would be an eighth.
    let lenient = ["--bar", "key_exact=0.5", "--bar", "key_mirex=0.5", "--bar", "key_ece=0.5"];
    let output = measure(&short, folder.path()).args(lenient).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let run = run_of(folder.path());
    assert_eq!(phase(&run, "all")["figures"]["files"], 8.0);
    assert!(run["verdicts"].as_array().is_some_and(|verdicts| verdicts.len() == 9), "{run}");
    let output =
        measure(&short, folder.path()).args(lenient).args(["--bar", "key_exact=1.01"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(missed(&run_of(folder.path())), ["key_exact"]);
}

#[test]
fn a_wrong_truth_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let music = folder.path().join("music");
    let made = loadtest(&["corpus", "--count", "2", "--seconds", "10", "--bpm", "120", "--out"])
        .arg(&music)
        .status();
    assert!(made.unwrap().success());
    let path = music.join("truth.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"bpm\": 120.0", "\"bpm\": 97.0")).unwrap();
    let short = ["accuracy", "--worker", &worker()];
    let output = measure(&short, folder.path()).arg("--music").arg(&music).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(missed(&run_of(folder.path())).contains(&"tempo_acc1"));
    assert!(said(&output).contains("for 97.0"), "{}", said(&output));
}

/// An executable script.
fn script(folder: &Path, name: &str, text: &str) -> std::io::Result<()> {
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n"))?;
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))
}

#[test]
fn peers_that_cannot_be_installed_are_left_out_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    // Nothing on this PATH but a cargo without a network, so neither ffmpeg nor a Python can be had.
    script(folder.path(), "cargo", "echo 'error: failed to get `bliss-audio`' >&2; exit 101").unwrap();
    let output = loadtest(&["peers", "--python", "/nowhere/python3", "--worker", &worker(), "--envs"])
        .arg(folder.path().join("envs"))
        .env("PATH", folder.path())
        .output()
        .unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for peer in ["celery", "librosa", "essentia"] {
        assert!(said.contains(&format!("left out: {peer}: cannot be installed: no Python")), "{said}");
    }
    assert!(
        said.contains("left out: bliss: cannot be installed: cargo failed: error: failed to get"),
        "{said}"
    );
    assert!(said.contains("left out: ffmpeg: cannot be installed: ffmpeg"), "{said}");
}

#[test]
fn who_is_there_is_measured_though_others_are_not() {
    let folder = tempfile::tempdir().unwrap();
    // In the place of ffmpeg something that takes as many arguments and no time: how it is run is tested, not what it finds.
    script(folder.path(), "ffmpeg", "exit 0").unwrap();
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let short = ["peers", "--rounds", "2", "--files", "1", "--seconds", "5", "--formats", "wav"];
    let output = measure(&short, folder.path())
        .args(["--only", "ffmpeg,essentia", "--python", "/nowhere/python3", "--worker", &worker()])
        .arg("--envs")
        .arg(folder.path().join("envs"))
        .env("PATH", path)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let run = run_of(folder.path());
    assert!(run["settings"]["left_out_essentia"].as_str().unwrap().contains("/nowhere/python3"), "{run}");
    assert_eq!(phase(&run, "ours_all")["jobs"]["ended"], 2);
    assert!(phase(&run, "ours_all")["figures"]["cpu_seconds_per_file"].as_f64().unwrap() > 0.0);
    assert_eq!(phase(&run, "ffmpeg")["jobs"]["ended"], 2);
}

#[test]
fn wrong_arguments_are_refused() {
    for wrong in [
        &["peers", "--only", "spotify"][..],
        &["peers", "--rounds", "0"],
        &["peers", "--music", "/tmp", "--files", "3"],
        &["accuracy", "--bar", "speed=1"],
        &["accuracy", "--seconds", "1"],
    ] {
        assert_eq!(loadtest(wrong).output().unwrap().status.code(), Some(2), "{wrong:?}");
    }
}
