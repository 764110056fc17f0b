//! What one file costs, as it was measured.

use std::path::{Path, PathBuf};

use crate::measure::{Phase, Run, Usage};
use crate::report::{ReportError, read};

/// Processor seconds, bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Costs {
    pub(super) format: String,
    /// Of a lane, for a second of audio.
    pub(super) lane_per_audio_second: f64,
    /// Of the file, for a second of audio.
    pub(super) bytes_per_audio_second: f64,
    /// Of the worker, for a file that takes no time on a lane.
    pub(super) worker_per_file: f64,
    pub(super) rabbitmq_per_file: f64,
    pub(super) redis_per_file: f64,
    /// Resident memory of a worker without its lanes, and of a lane at work.
    pub(super) worker_rss: f64,
    pub(super) lane_rss: f64,
    /// Of a stored report, what Redis needs around it included.
    pub(super) redis_bytes_per_file: f64,
    pub(super) message_bytes: f64,
}

impl Costs {
    /// From the runs in the folder.
    pub(super) fn read(folder: &Path, format: &str) -> Result<Self, ReportError> {
        let song = Found::read(folder, "throughput", &format!("{format} batch"))?;
        let road = Found::read(folder, "memory", "memory")?;
        let parts = Found::read(folder, "components", "queue")?;
        let cache = Found::read(folder, "cache", "first")?;
        let (lanes, audio) = (song.usage("lanes")?, song.phase.audio_seconds);
        let per_job =
            |role| Ok::<_, ReportError>(road.usage(role)?.cpu_seconds / road.phase.jobs.ended.max(1) as f64);
        Ok(Self {
            format: format.to_owned(),
            lane_per_audio_second: lanes.cpu_seconds / audio,
            bytes_per_audio_second: song.phase.bytes as f64 / audio,
            worker_per_file: per_job("worker")?,
            rabbitmq_per_file: per_job("rabbitmq")?,
            redis_per_file: per_job("redis")?,
            worker_rss: song.usage("worker")?.peak_rss_bytes as f64,
            lane_rss: lanes.peak_rss_bytes as f64 / f64::from(lanes.processes.max(1)),
            redis_bytes_per_file: cache.figure("redis_bytes_per_report")?,
            message_bytes: parts.figure("message_bytes")?,
        })
    }
}

/// A phase of a run, and where it was read.
struct Found {
    path: PathBuf,
    phase: Phase,
}

impl Found {
    fn read(folder: &Path, scenario: &str, phase: &str) -> Result<Self, ReportError> {
        let path = folder.join(format!("{scenario}.json"));
        let Run { phases, .. } = read(&path)?;
        match phases.into_iter().find(|known| known.name == phase) {
            Some(phase) => Ok(Self { path, phase }),
            None => Err(ReportError::NotInRun { path, what: format!("no phase '{phase}'") }),
        }
    }

    /// What a role took; servers that were not ours are not in a run.
    fn usage(&self, role: &str) -> Result<&Usage, ReportError> {
        self.phase.usage.get(role).ok_or_else(|| self.lacks(&format!("processor time of {role}")))
    }

    fn figure(&self, name: &str) -> Result<f64, ReportError> {
        self.phase.figures.get(name).copied().ok_or_else(|| self.lacks(&format!("figure '{name}'")))
    }

    fn lacks(&self, what: &str) -> ReportError {
        let what = format!("no {what} in phase '{}'", self.phase.name);
        ReportError::NotInRun { path: self.path.clone(), what }
    }
}
