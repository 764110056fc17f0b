//! The tests of the fleet, held short against the real programs and servers: that they pass on a sound fleet, and that the
//! audit finds a lie.

use std::io;
use std::process::{Command, Output};

#[path = "common/programs.rs"]
mod programs;

fn programs() -> [String; 4] {
    let text = |name| programs::program(name).display().to_string();
    ["--worker".into(), text("worker"), "--producer".into(), text("producer")]
}

fn loadtest(arguments: &[&str], programs: &[String]) -> io::Result<Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.args(arguments).args(programs).output()
}

fn said(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

/// So short that a debug build on a busy machine has its servers up for most of it.
const SHORT: [&str; 9] = ["chaos", "--seed", "5", "--minutes", "0.05", "--workers", "2", "--files", "24"];

#[test]
fn nothing_is_lost_in_a_short_run_and_its_report_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report.json");
    let output = loadtest(&[&SHORT[..], &["--out", out.to_str().unwrap()]].concat(), &programs()).unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("lost 0, double-counted 0, hung 0, unexplained 0"), "{said}");
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(out).unwrap()).unwrap();
    assert!(report["verdict"]["accepted"].as_u64().unwrap() >= 24, "{report}");
    // A producer that was killed had published jobs that nobody has counted; they end as well.
    let number = |name: &str| report["verdict"][name].as_u64().unwrap();
    assert!(number("ended") >= number("accepted"), "{report}");
    assert!(!report["faults"].as_array().unwrap().is_empty(), "{report}");
}

#[test]
fn a_job_that_is_lost_behind_the_fleets_back_fails_the_audit() {
    // No producer is killed: nobody has counted the jobs of one that was, and the lost one could be among them.
    let arguments = [&SHORT[..], &["--lose-one", "--only", "kill_worker"]].concat();
    let output = loadtest(&arguments, &programs()).unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("lost 1, double-counted 0") && said.contains("1 of "), "{said}");
}

#[test]
fn hostile_messages_and_files_end_in_one_record_each() {
    let worker = &programs()[..2];
    for kind in ["messages", "files"] {
        let output = loadtest(&["hostile", kind, "--count", "400", "--seed", "9"], worker).unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    }
}

#[test]
fn the_plan_follows_from_the_seed_and_needs_no_server() {
    let plan = |seed| said(&loadtest(&["chaos", "--plan", "--seed", seed, "--minutes", "5"], &[]).unwrap());
    assert_eq!(plan("1"), plan("1"));
    assert_ne!(plan("1"), plan("2"));
    assert!(plan("1").contains("kill_rabbitmq"), "{}", plan("1"));
}

#[test]
fn a_missing_program_is_said_before_anything_is_started() {
    let output = loadtest(&["chaos", "--worker", "/nowhere/worker"], &[]).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("no program 'worker' at /nowhere/worker"), "{}", said(&output));
}
