//! Runs that end before all is done.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{analyze, children_of, folder, many, records, run, stat};

/// More than a pipe holds, so that the program is in the middle of its work for as long as nobody reads on.
const MANY: usize = 1000;

#[test]
fn ctrl_c_ends_on_a_whole_line() {
    let folder = many(MANY);
    let mut child = analyze([folder.path()]).args(["--format", "ndjson"]).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    stdout.read_line(&mut text).unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    stdout.read_to_string(&mut text).unwrap();
    let done = records(&text).len();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!((1..MANY).contains(&done), "{done} of {MANY}");
    assert!(stderr.starts_with(&format!("{done} files in ")), "{stderr}");
    assert!(
        stderr.contains(&format!("\ninterrupted: {done} of ")) && stderr.contains("--out FILE"),
        "{stderr}"
    );
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let folder = many(MANY);
    let mut child = analyze([folder.path()]).args(["--format", "ndjson", "--quiet"]).spawn().unwrap();
    let mut line = String::new();
    // As `| head -1` does: one line, and the pipe is closed.
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    assert_eq!(records(&line).len(), 1);
}

#[test]
fn a_full_disk_is_an_error() {
    let folder = folder(&[("bad/silence.wav", "a.wav")]);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let ended = run(analyze([folder.path()]).stdout(Stdio::from(full)));
    assert_eq!(ended.code, Some(71), "{}", ended.stderr);
    assert!(ended.stderr.contains("cannot write the results: No space left"), "{}", ended.stderr);
}

#[test]
fn a_second_ctrl_c_does_not_wait_for_a_file_that_hangs() {
    let folder = folder(&[("bad/silence.wav", "a.wav"), ("bad/silence.flac", "b.flac")]);
    let mut child = analyze(["-"])
        .args(["--format", "ndjson"])
        .env("ANALYSIS_TIMEOUT", "1h")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    // The list stays open: only a signal can end this run.
    let mut list = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    writeln!(list, "{}", folder.path().join("a.wav").display()).unwrap();
    stdout.read_line(&mut first).unwrap();
    let pid = Pid::from_child(&child);
    let [lane] = children_of(pid)[..] else { panic!("one lane") };
    kill_process(lane, Signal::STOP).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while stat(lane).unwrap().0 != 'T' {
        assert!(Instant::now() < deadline, "it does not stand still");
        std::thread::yield_now();
    }
    writeln!(list, "{}", folder.path().join("b.flac").display()).unwrap();
    // Signals that come together are one, so it is told until it listens.
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "it does not end");
        kill_process(pid, Signal::INT).unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!((child.wait().unwrap().code(), rest.as_str()), (Some(130), ""));
    assert_eq!(records(&first).len(), 1);
}

#[test]
fn a_second_ctrl_c_does_not_wait_for_a_reader_that_has_stopped_reading() {
    let folder = many(MANY);
    let mut child = analyze([folder.path()]).args(["--format", "ndjson"]).spawn().unwrap();
    let mut stdout = BufReader::with_capacity(1, child.stdout.take().unwrap());
    let mut first = String::new();
    stdout.read_line(&mut first).unwrap();
    // From here on nobody reads: the pipe fills, and the run stands still.
    let pid = Pid::from_child(&child);
    let deadline = Instant::now() + Duration::from_secs(60);
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "it does not end");
        kill_process(pid, Signal::INT).unwrap();
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(stdout);
}
