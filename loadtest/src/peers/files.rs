//! The same files through everybody: wall time and processor time of a round.

use std::path::{Path, PathBuf};
use std::time::Instant;

use tokio::process::Command;

use super::celery::{self, Celery, CeleryWorker};
use super::python;
use crate::bench::{Round, finished, reaped_cpu, tree_cpu};
use crate::rig::RigError;

/// ANALYSIS_FEATURES of what most peers compute.
const BASIC: &str = "tempo,key,loudness";

/// Who analyses.
#[derive(Debug)]
pub(super) enum Subject {
    /// Our worker, with these features.
    Ours {
        worker: PathBuf,
        features: &'static str,
        lanes: u32,
    },
    /// A worker of Celery that stays, as ours would.
    Librosa {
        celery: Box<Celery>,
        worker: Box<CeleryWorker>,
    },
    Essentia {
        python: PathBuf,
        folder: PathBuf,
    },
    Bliss {
        program: PathBuf,
    },
    Ffmpeg,
}

impl Subject {
    pub(super) fn ours(worker: &Path, lanes: u32) -> [Self; 2] {
        let one = |features| Self::Ours { worker: worker.to_owned(), features, lanes };
        [one("all"), one(BASIC)]
    }

    /// The name of its phase.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Ours { features: BASIC, .. } => "ours_tempo_key_loudness",
            Self::Ours { .. } => "ours_all",
            Self::Librosa { .. } => "librosa",
            Self::Essentia { .. } => "essentia",
            Self::Bliss { .. } => "bliss",
            Self::Ffmpeg => "ffmpeg",
        }
    }

    /// Analyses every file once. An operation is a file.
    pub(super) async fn round(&mut self, files: &[PathBuf]) -> Result<Round, RigError> {
        match self {
            Self::Ours { worker, features, lanes } => {
                let mut command = Command::new(worker);
                command.env_clear().env("ANALYSIS_FEATURES", features);
                command.env("ANALYSIS_MAX_WORKERS", lanes.to_string());
                command.args(["analyze", "--quiet", "--format", "ndjson"]).args(files);
                reaped(&mut [command], files.len()).await
            }
            Self::Librosa { celery, worker } => {
                let before = tree_cpu(&worker.process);
                let asked = celery.submit(files).await?;
                let cpu_seconds = tree_cpu(&worker.process) - before + asked.cpu_seconds;
                Ok(Round { cpu_seconds, ..asked })
            }
            Self::Essentia { python, folder } => {
                let mut command = python::script(python, folder, &["essentia_files.py"]);
                celery::said(command.args(files)).await
            }
            Self::Bliss { program } => bliss(program, files).await,
            Self::Ffmpeg => {
                let mut each: Vec<Command> = files.iter().map(|file| ebur128(file)).collect();
                reaped(&mut each, files.len()).await
            }
        }
    }

    /// Ends what stays between rounds.
    pub(super) async fn end(self) {
        if let Self::Librosa { worker, .. } = self {
            worker.end().await;
        }
    }
}

/// Programs one after another, until all have ended.
async fn reaped(commands: &mut [Command], files: usize) -> Result<Round, RigError> {
    let (begun, cpu) = (Instant::now(), reaped_cpu());
    for command in commands {
        finished(command, &[0]).await?;
    }
    let (seconds, cpu_seconds) = (begun.elapsed().as_secs_f64(), reaped_cpu() - cpu);
    Ok(Round { operations: files as u64, seconds, cpu_seconds })
}

/// It says on standard output what went wrong, and ends with 0 all the same.
async fn bliss(program: &Path, files: &[PathBuf]) -> Result<Round, RigError> {
    let (begun, cpu) = (Instant::now(), reaped_cpu());
    let output = finished(Command::new(program).args(files), &[0]).await?;
    let (seconds, cpu_seconds) = (begun.elapsed().as_secs_f64(), reaped_cpu() - cpu);
    let said = String::from_utf8_lossy(&output.stdout);
    // A report begins so; the words for a failure do not.
    let operations = said.matches("Analysis (Version").count().min(files.len()) as u64;
    if operations < files.len() as u64 {
        let all = files.len();
        let said = crate::bench::tail(&said);
        return Err(RigError::NotReady(format!("bliss analysed {operations} of {all} files: {said}")));
    }
    Ok(Round { operations, seconds, cpu_seconds })
}

/// Loudness with the true peak. One thread: more would wait for each other, and that is counted.
fn ebur128(file: &Path) -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostdin", "-nostats", "-threads", "1", "-i"]).arg(file);
    command.args(["-vn", "-af", "ebur128=peak=true", "-f", "null", "-"]);
    command
}
