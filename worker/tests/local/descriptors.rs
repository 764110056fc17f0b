//! Many lanes need many descriptors, and what a system gives a program at first is not enough for them.

use std::process::{Command, Stdio};

use crate::harness::{Ended, many, run};

/// `worker analyze` with so many lanes, under a limit of open files: as it is, and as far as it may be raised.
fn analyze(lanes: usize, soft: usize, hard: usize) -> Ended {
    let folder = many(40);
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("ulimit -Sn {soft} && ulimit -Hn {hard} && exec \"$0\" analyze \"$1\""))
        .arg(env!("CARGO_BIN_EXE_worker"))
        .arg(folder.path())
        .env_clear()
        .env("ANALYSIS_MAX_WORKERS", lanes.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    run(&mut command)
}

#[test]
fn a_low_limit_is_raised_as_far_as_it_may_be() {
    let ended = analyze(20, 64, 1024);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn lanes_that_do_not_fit_are_refused_with_the_number_that_does() {
    const HARD: usize = 230;
    let ended = analyze(20, 64, HARD);
    assert_eq!(ended.code, Some(78), "{}", ended.stderr);
    for words in ["20 lanes", "enough for 5 lanes", "ANALYSIS_MAX_WORKERS", "ulimit -Hn", "LimitNOFILE="] {
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
    let ended = analyze(5, 64, HARD);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}
