//! A big library: memory does not grow with the number of its files.

use std::fs;
use std::io::{BufRead, BufReader};

use crate::harness::{analyze, many};

/// Enough that a kilobyte kept of each would show.
const FILES: usize = 2000;
const SETTLED: usize = 400;
const LATE: usize = 1900;

/// Below a kilobyte for each file in between.
const GROWTH_KIB: u64 = 1024;

#[test]
fn two_thousand_files_take_no_more_memory_than_four_hundred() {
    let folder = many(FILES);
    let mut child = analyze([folder.path()]).args(["--format", "ndjson"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut peak_after = |count: usize| {
        lines.by_ref().take(count).for_each(|line| drop(line.unwrap()));
        peak_kib(child.id())
    };
    let settled = peak_after(SETTLED);
    let late = peak_after(LATE - SETTLED);
    assert_eq!(lines.count(), FILES - LATE);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(late < settled + GROWTH_KIB, "{settled} KiB after {SETTLED} files, {late} KiB after {LATE}");
}

/// The largest resident size that a process has had.
fn peak_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
