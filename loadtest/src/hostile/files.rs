//! Damaged files through the lanes of a real worker, and the count of what became of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use shared::outcome::{FailureKind, Kind};
use shared::record::Record;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout};

use super::arguments::Files;
use super::mutate::mutate;
use crate::corpus::Random;
use crate::rig::{Repository, RigError, environment, io, program};

/// Files that exist at a time: ten thousand of them would take gigabytes.
const CHUNK: u32 = 500;

/// What ANALYSIS_TIMEOUT is set to. None of the files has ten minutes of audio that could be decoded, so it is the limit.
const LIMIT: Duration = Duration::from_secs(10);

/// Above the limit: the kill, the next lane, a busy machine.
const GRACE: Duration = Duration::from_secs(5);

/// A worker that says nothing for so long hangs: each lane may be at its limit, and the records come in order.
const SILENCE: Duration = Duration::from_secs(60);

/// Findings of each sort that are named.
const NAMED: usize = 20;

/// What was found so far.
#[derive(Default)]
struct Tally {
    records: u64,
    ends: BTreeMap<&'static str, u64>,
    by_mutation: BTreeMap<String, u64>,
    slowest: Option<(f64, String)>,
    /// Ends that a lane did not survive, or that took as long as it may: kept to be looked at.
    notable: Vec<String>,
    /// What must not be.
    findings: Vec<String>,
}

/// Holds the test; the text to print, and whether it passed.
pub(super) async fn hold(arguments: &Files) -> Result<(String, bool), RigError> {
    let worker = program("worker", arguments.worker.as_deref())?;
    let sources = sources(&Repository::find()?.samples)?;
    let folder = tempfile::Builder::new().prefix("hostile-").tempdir().map_err(io("a temporary folder"))?;
    let keep = arguments
        .keep
        .clone()
        .unwrap_or_else(|| std::env::temp_dir().join(format!("hostile-{}", arguments.seed)));
    let (begun, mut tally) = (Instant::now(), Tally::default());
    for first in (0..arguments.count).step_by(CHUNK as usize) {
        let chunk = folder.path().join(format!("{first:07}"));
        let numbers = first..arguments.count.min(first + CHUNK);
        let names = write(&sources, &chunk, arguments.seed, numbers)?;
        analyse(&worker, &chunk, &names, &keep, &mut tally).await?;
        std::fs::remove_dir_all(&chunk).map_err(io(chunk.display().to_string()))?;
    }
    Ok(tally.report(arguments, begun.elapsed(), &keep))
}

/// The samples, good and bad: name, content.
fn sources(samples: &Path) -> Result<Vec<(String, Vec<u8>)>, RigError> {
    let mut sources = Vec::new();
    for folder in [samples.to_owned(), samples.join("bad")] {
        for entry in std::fs::read_dir(&folder).map_err(io(folder.display().to_string()))? {
            let path = entry.map_err(io(folder.display().to_string()))?.path();
            let audio = path.is_file() && path.extension().is_some_and(|extension| extension != "json");
            if audio {
                let bytes = std::fs::read(&path).map_err(io(path.display().to_string()))?;
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
                sources.extend(name.filter(|_| !bytes.is_empty()).map(|name| (name, bytes)));
            }
        }
    }
    // Folders have no order, and the seed must mean the same everywhere.
    sources.sort();
    Ok(sources)
}

/// Writes these numbers' files; their names. Each follows from the seed and its number alone.
fn write(
    sources: &[(String, Vec<u8>)],
    folder: &Path,
    seed: u64,
    numbers: std::ops::Range<u32>,
) -> Result<Vec<String>, RigError> {
    std::fs::create_dir_all(folder).map_err(io(folder.display().to_string()))?;
    let mut names = Vec::new();
    for number in numbers {
        let mut random = Random::new(seed, &format!("file {number}"));
        let (source, file) = random.pick(sources);
        let (_, other) = random.pick(sources);
        let (damage, bytes) = mutate(&mut random, file, other);
        let name = format!("{number:07}-{damage}-{source}");
        let path = folder.join(&name);
        std::fs::write(&path, bytes).map_err(io(path.display().to_string()))?;
        names.push(name);
    }
    Ok(names)
}

async fn analyse(
    worker: &Path,
    folder: &Path,
    names: &[String],
    keep: &Path,
    tally: &mut Tally,
) -> Result<(), RigError> {
    let limit = format!("{}s", LIMIT.as_secs());
    let settings = environment([
        ("ANALYSIS_MAX_WORKERS", "2".to_owned()),
        ("ANALYSIS_TIMEOUT", limit),
        ("MAX_MEMORY_MB", "1024".to_owned()),
        ("CACHE_SIZE_MB", "16".to_owned()),
    ]);
    let mut command = Command::new(worker);
    command.args(["analyze", "--quiet", "--all-files", "--format", "ndjson"]).arg(folder);
    command.env_clear().envs(settings).stdin(Stdio::null()).kill_on_drop(true);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(io(worker.display().to_string()))?;
    let mut owed: BTreeMap<&str, u64> = names.iter().map(|name| (name.as_str(), 0)).collect();
    if !read(&mut child, &mut owed, folder, keep, tally).await {
        return Ok(());
    }
    let status = timeout(SILENCE, child.wait()).await;
    let fine = matches!(&status, Ok(Ok(status)) if matches!(status.code(), Some(0 | 1)));
    if !fine {
        let mut said = String::new();
        if let Some(mut stderr) = child.stderr.take() {
            // What it says is a help, not the verdict.
            let _ = timeout(GRACE, stderr.read_to_string(&mut said)).await;
        }
        tally.findings.push(format!("the worker ended badly ({status:?}) on {}: {said}", folder.display()));
    }
    for (name, times) in owed.into_iter().filter(|(_, times)| *times != 1) {
        keep_file(&folder.join(name), keep)?;
        tally.findings.push(format!("{name} has {times} records"));
    }
    Ok(())
}

/// Reads the records; whether they came to their end.
async fn read(
    child: &mut Child,
    owed: &mut BTreeMap<&str, u64>,
    folder: &Path,
    keep: &Path,
    tally: &mut Tally,
) -> bool {
    let Some(stdout) = child.stdout.take() else { return false };
    let mut lines = BufReader::new(stdout).lines();
    loop {
        let line = match timeout(SILENCE, lines.next_line()).await {
            Ok(Ok(Some(line))) => line,
            Ok(Ok(None)) => return true,
            Ok(Err(error)) => {
                tally.findings.push(format!("the records cannot be read: {error}"));
                return false;
            }
            Err(_) => {
                let left: Vec<&str> = owed
                    .iter()
                    .filter(|(_, times)| **times == 0)
                    .map(|(name, _)| *name)
                    .take(NAMED)
                    .collect();
                tally.findings.push(format!("the worker hangs; without a record: {}", left.join(", ")));
                return false;
            }
        };
        match serde_json::from_str::<Record>(&line) {
            Ok(record) => {
                let name = record.to_path().file_name().map(|name| name.to_string_lossy().into_owned());
                let name = name.unwrap_or_default();
                if let Some(times) = owed.get_mut(name.as_str()) {
                    *times += 1;
                }
                if let Err(error) = tally.add(&record, &name, folder, keep) {
                    tally.findings.push(error.to_string());
                }
            }
            Err(error) => tally.findings.push(format!("a line is no record ({error}): {line}")),
        }
    }
}

fn keep_file(file: &Path, keep: &Path) -> Result<PathBuf, RigError> {
    let to = keep.join(file.file_name().unwrap_or_default());
    std::fs::create_dir_all(keep)
        .and_then(|()| std::fs::copy(file, &to))
        .map_err(io(to.display().to_string()))?;
    Ok(to)
}

impl Tally {
    fn add(&mut self, record: &Record, name: &str, folder: &Path, keep: &Path) -> Result<(), RigError> {
        let code = record.kind.map_or(record.outcome.code(), Kind::code);
        self.records += 1;
        *self.ends.entry(code).or_default() += 1;
        let seconds = record.elapsed_seconds;
        if self.slowest.as_ref().is_none_or(|(slowest, _)| seconds > *slowest) {
            self.slowest = Some((seconds, name.to_owned()));
        }
        if seconds > (LIMIT + GRACE).as_secs_f64() {
            self.findings
                .push(format!("{name} took {seconds:.1} s, over the limit of {} s", LIMIT.as_secs()));
        }
        let Some(Kind::Failure(kind)) = record.kind else { return Ok(()) };
        let detail = record.detail.as_deref().unwrap_or("-");
        if matches!(
            kind,
            FailureKind::Timeout | FailureKind::Crash | FailureKind::OutOfMemory | FailureKind::Internal
        ) {
            keep_file(&folder.join(name), keep)?;
            let mutation = name.split_once('-').map_or(name, |(_, mutation)| mutation);
            *self.by_mutation.entry(format!("{kind} by {mutation}")).or_default() += 1;
            self.notable.push(format!("{kind}: {name}: {detail}"));
        }
        if kind == FailureKind::Internal {
            self.findings.push(format!("{name} is a fault of ours: {detail}"));
        }
        Ok(())
    }

    fn report(self, arguments: &Files, took: Duration, keep: &Path) -> (String, bool) {
        let ends: Vec<String> = self.ends.iter().map(|(end, count)| format!("{count} {end}")).collect();
        let mut lines = vec![
            format!("{} files, {} records in {:.0} s", arguments.count, self.records, took.as_secs_f64()),
            format!("they ended so: {}", ends.join(", ")),
        ];
        lines.extend(self.slowest.map(|(seconds, name)| format!("the slowest took {seconds:.2} s: {name}")));
        if !self.notable.is_empty() {
            lines.push(format!("{} cost a lane; their files are in {}:", self.notable.len(), keep.display()));
            lines.extend(self.by_mutation.iter().map(|(what, count)| format!("  {count} × {what}")));
            lines.extend(self.notable.iter().take(NAMED).map(|what| format!("  {what}")));
        }
        lines.extend(self.findings.iter().take(NAMED).map(|finding| format!("FOUND {finding}")));
        let passed = self.findings.is_empty() && self.records == u64::from(arguments.count);
        lines.push(format!(
            "hostile files --seed {} {}",
            arguments.seed,
            if passed { "passed" } else { "FAILED" }
        ));
        (lines.join("\n"), passed)
    }
}
