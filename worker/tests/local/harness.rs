//! What the tests share.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use shared::record::Record;
use tempfile::TempDir;

#[path = "../common/proc.rs"]
mod proc;
#[path = "../common/samples.rs"]
mod samples;

pub use proc::{children_of, stat};
pub use samples::{samples, truth};

/// The program in an environment of its own.
pub fn worker(args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_worker"));
    command.args(args).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// `worker analyze` with these arguments, on one lane, so that the order of the records is that of the files.
pub fn analyze(args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = worker(["analyze"]);
    command.args(args).env("ANALYSIS_MAX_WORKERS", "1");
    command
}

/// What a run left.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

pub fn run(command: &mut Command) -> Ended {
    ended(command.spawn().unwrap())
}

/// Runs it with a text on standard input.
pub fn run_with(command: &mut Command, stdin: &[u8]) -> Ended {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin).unwrap();
    ended(child)
}

fn ended(child: Child) -> Ended {
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// The records of NDJSON; nothing else may be in it.
pub fn records(ndjson: &str) -> Vec<Record> {
    assert!(ndjson.is_empty() || ndjson.ends_with('\n'), "whole lines: {ndjson}");
    let record = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    ndjson.lines().map(record).collect()
}

/// A folder with copies of samples, `(sample, name)`.
pub fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (sample, name) in files {
        put(sample, &folder.path().join(name));
    }
    folder
}

pub fn put(sample: &str, path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::copy(samples().join(sample), path).unwrap();
}

/// A folder with so many names of one file of a tenth of a second.
pub fn many(count: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let first = folder.path().join("00000.wav");
    put("bad/tenth_of_a_second.wav", &first);
    for number in 1..count {
        fs::hard_link(&first, folder.path().join(format!("{number:05}.wav"))).unwrap();
    }
    folder
}

/// The name of a file below a folder, as bytes.
pub fn name_below(folder: &Path, record: &Record) -> Vec<u8> {
    let path: PathBuf = record.to_path();
    path.strip_prefix(folder).unwrap().as_os_str().as_bytes().to_owned()
}
