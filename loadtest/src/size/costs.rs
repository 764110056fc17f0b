//! What one file costs, as it was measured.

use std::path::{Path, PathBuf};

use crate::measure::{Phase, Run};
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
        let song = Runs(folder).phase("throughput", &format!("{format} batch"))?;
        let road = Runs(folder).phase("memory", "memory")?;
        let parts = Runs(folder).phase("components", "queue")?;
        let cache = Runs(folder).phase("cache", "first")?;
        let lanes = &song.usage["lanes"];
        let per_job = |role: &str| {
            road.usage.get(role).map_or(0.0, |usage| usage.cpu_seconds) / road.jobs.ended.max(1) as f64
        };
        Ok(Self {
            format: format.to_owned(),
            lane_per_audio_second: lanes.cpu_seconds / song.audio_seconds,
            bytes_per_audio_second: song.bytes as f64 / song.audio_seconds,
            worker_per_file: per_job("worker"),
            rabbitmq_per_file: per_job("rabbitmq"),
            redis_per_file: per_job("redis"),
            worker_rss: song.usage["worker"].peak_rss_bytes as f64,
            lane_rss: lanes.peak_rss_bytes as f64 / f64::from(lanes.processes.max(1)),
            redis_bytes_per_file: figure(&cache, "redis_bytes_per_report"),
            message_bytes: figure(&parts, "message_bytes"),
        })
    }
}

fn figure(phase: &Phase, name: &str) -> f64 {
    phase.figures.get(name).copied().unwrap_or(f64::NAN)
}

/// Runs by the name of their scenario.
struct Runs<'a>(&'a Path);

impl Runs<'_> {
    fn phase(&self, scenario: &str, name: &str) -> Result<Phase, ReportError> {
        let path: PathBuf = self.0.join(format!("{scenario}.json"));
        let Run { phases, .. } = read(&path)?;
        let found = phases.into_iter().find(|phase| phase.name == name);
        found.ok_or_else(|| ReportError::NoPhase { path, phase: name.to_owned() })
    }
}
