//! A run: a corpus, the worker over it, the scores.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use shared::record::Record;
use tokio::process::Command;

use super::arguments::Accuracy;
use super::bars;
use super::tally::Tally;
use crate::bench::{self, finished, reaped_cpu};
use crate::corpus::{TRUTH_FILE, Truth};
use crate::measure::Phase;
use crate::report::ReportError;
use crate::rig::{self, RigError, io, program};

const ABOUT: &str =
    "tempo, key, beats and stated chances of the real worker, against the truth of composed music";

/// How a half of the pieces is played. Twenty milliseconds are what a good drummer is off by.
const KINDS: [(&str, &[&str]); 2] = [("exact", &[]), ("loose", &["--humanise", "20", "--fade-in", "3"])];

/// Between the seeds of two kinds: more than pieces can be asked for.
const SEEDS_APART: u64 = 100_000;

/// Wrong answers that are named.
const NAMED: usize = 20;

/// Runs the command; the text to print, and whether every bar is met.
pub(crate) fn run(arguments: &Accuracy) -> Result<(String, bool), ReportError> {
    rig::hold(hold(arguments))
}

async fn hold(arguments: &Accuracy) -> Result<(String, bool), ReportError> {
    let worker = program("worker", arguments.worker.as_deref())?;
    let mut run = bench::new_run("accuracy", ABOUT, arguments.seed, "none");
    let version = finished(Command::new(&worker).arg("--version"), &[0]).await?;
    run.versions.insert("worker".to_owned(), String::from_utf8_lossy(&version.stdout).trim().to_owned());
    let folder = tempfile::Builder::new().prefix("accuracy-").tempdir().map_err(io("a temporary folder"))?;
    let mut all = Tally::default();
    let mut seconds = 0.0;
    for (name, music) in corpora(arguments, folder.path()).await? {
        let begun = Instant::now();
        let (tally, cpu) = score(&worker, &music, folder.path()).await?;
        let took = begun.elapsed().as_secs_f64();
        let mut phase = tally.phase(&name, took);
        phase.figures.insert("cpu_seconds_per_file".to_owned(), cpu / phase.jobs.ended.max(1) as f64);
        run.phases.push(phase);
        all.merge(&tally);
        seconds += took;
    }
    let whole = all.phase("all", seconds);
    run.verdicts = bars::judge(&bars::bars(&arguments.bars), &whole.figures, "all");
    run.corpus.files = whole.jobs.offered;
    run.corpus.audio_seconds = whole.audio_seconds;
    run.corpus.about = match &arguments.music {
        Some(music) => format!("files of {}", music.display()),
        None => format!("composed pieces of {} s, {}", arguments.seconds, arguments.formats),
    };
    run.phases.push(whole);
    let text = text(&run.phases, &all);
    bench::finish(run, &text, &arguments.outputs)
}

/// The folders to score, by the name of their kind.
async fn corpora(arguments: &Accuracy, folder: &Path) -> Result<Vec<(String, PathBuf)>, RigError> {
    if let Some(music) = &arguments.music {
        return Ok(vec![("music".to_owned(), music.clone())]);
    }
    let own = std::env::current_exe().map_err(io("this program"))?;
    let mut made = Vec::new();
    for (place, (name, music)) in KINDS.iter().enumerate() {
        let out = folder.join(name);
        let half = (arguments.count + 1 - place as u32) / 2;
        let seed = arguments.seed.wrapping_add(place as u64 * SEEDS_APART);
        let mut command = Command::new(&own);
        command.args([
            "corpus",
            "--formats",
            &arguments.formats,
            "--seconds",
            &arguments.seconds.to_string(),
        ]);
        command.args(["--count", &half.to_string(), "--seed", &seed.to_string()]).args(*music);
        finished(command.arg("--out").arg(&out), &[0]).await?;
        made.push(((*name).to_owned(), out));
    }
    Ok(made)
}

/// Has the worker analyse a labelled folder; the scores, and the processor time that it took.
async fn score(worker: &Path, music: &Path, scratch: &Path) -> Result<(Tally, f64), RigError> {
    let path = music.join(TRUTH_FILE);
    let truth = std::fs::read(&path).map_err(io(path.display().to_string()))?;
    let unusable = |error| RigError::NotReady(format!("{} is no truth: {error}", path.display()));
    let truth: Truth = serde_json::from_slice(&truth).map_err(unusable)?;
    let list: Vec<u8> = truth.files.iter().flat_map(|file| line(&music.join(&file.path))).collect();
    let names = scratch.join("files");
    std::fs::write(&names, list).map_err(io(names.display().to_string()))?;
    let before = reaped_cpu();
    let mut command = Command::new(worker);
    command
        .env_clear()
        .args(["analyze", "--quiet", "--format", "ndjson", "--null", "--files-from"])
        .arg(&names);
    // 1 says that a file has no report, which is scored.
    let output = finished(&mut command, &[0, 1]).await?;
    let cpu = reaped_cpu() - before;
    let lines = output.stdout.split(|byte| *byte == b'\n');
    let records = lines.filter_map(|line| serde_json::from_slice::<Record>(line).ok());
    let by_path: HashMap<PathBuf, Record> = records.map(|record| (record.to_path(), record)).collect();
    let mut tally = Tally::default();
    for file in &truth.files {
        tally.add(file, by_path.get(&music.join(&file.path)));
    }
    Ok((tally, cpu))
}

/// A name as `--null` ends it.
fn line(path: &Path) -> Vec<u8> {
    [path.as_os_str().as_encoded_bytes(), &[0]].concat()
}

fn text(phases: &[Phase], all: &Tally) -> String {
    let columns = ["tempo_acc1", "tempo_acc1_1pct", "tempo_acc2", "key_exact", "key_mirex", "beats_f"];
    let rest = ["tempo_mae_bpm", "tempo_ece", "key_ece"];
    let heading = ["MUSIC", "FILES"].into_iter().chain(columns).chain(rest);
    let mut lines = vec![heading.map(|name| format!("{name:>16}")).collect::<String>()];
    for phase in phases {
        let figure = |name: &str| phase.figures.get(name).copied().unwrap_or(0.0);
        let shares = columns.map(|name| format!("{:>14.1} %", figure(name) * 100.0)).concat();
        let others = rest.map(|name| format!("{:>16.3}", figure(name))).concat();
        lines.push(format!("{:>16}{:>16}{shares}{others}", phase.name, figure("files")));
    }
    lines.extend(all.chances());
    lines.extend(all.wrong.iter().take(NAMED).map(|wrong| format!("wrong  {wrong}")));
    if all.wrong.len() > NAMED {
        lines.push(format!("wrong  and {} more", all.wrong.len() - NAMED));
    }
    lines.join("\n")
}
