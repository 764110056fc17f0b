//! The record of one run of a scenario.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Latency;

/// Stands in every file of this form.
pub(crate) const SCHEMA: &str = "loadtest.run";

/// Readers refuse a later one.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// One run of one scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    /// [`SCHEMA`].
    pub(crate) schema: String,
    /// [`SCHEMA_VERSION`].
    pub(crate) schema_version: u32,
    /// Name of the subcommand: `burst`, `sustained` …
    pub(crate) scenario: String,
    /// What it does, in one sentence.
    pub(crate) about: String,
    /// The command line, as it was typed.
    pub(crate) command: Vec<String>,
    /// RFC 3339, UTC.
    pub(crate) started_at: String,
    /// What files, levels and arrivals follow from.
    pub(crate) seed: u64,
    /// Where it ran.
    pub(crate) machine: Machine,
    /// Of `loadtest`, `worker`, `analysis`, `rabbitmq`, `redis`, each with the build profile where that matters.
    pub(crate) versions: BTreeMap<String, String>,
    /// Settings that workers and producers ran with, secrets masked.
    pub(crate) settings: BTreeMap<String, String>,
    /// What was analysed.
    pub(crate) corpus: Corpus,
    /// The measured parts in their order; the warm-up is none of them.
    pub(crate) phases: Vec<Phase>,
    /// What was asked for, and whether it is so.
    pub(crate) verdicts: Vec<Verdict>,
}

impl Run {
    /// Whether every requirement is met. One without requirements says nothing, which is no failure.
    pub(crate) fn passes(&self) -> bool {
        self.verdicts.iter().all(|verdict| verdict.met)
    }
}

/// Where a run took place.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// Kernel and distribution.
    pub(crate) system: String,
    /// Name of the processor.
    pub(crate) processor: String,
    /// Processors that may be used (affinity and quota).
    pub(crate) processors: u32,
    pub(crate) memory_bytes: u64,
    /// Load average over a minute before the run began: how idle the machine was.
    pub(crate) load_before: f64,
    /// Where RabbitMQ and Redis run: `private, on this machine`, or `given by AMQP_URL and REDIS_URL`.
    pub(crate) servers: String,
}

/// The files of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Corpus {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) audio_seconds: f64,
    /// What they are: real encoded audio of which kinds and sizes, or a rehearsal (nothing is decoded).
    pub(crate) about: String,
}

/// One measured part of a run: a step, a file kind, a number of workers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Phase {
    /// Unique in the run.
    pub(crate) name: String,
    /// Worker processes.
    pub(crate) workers: u32,
    /// Lanes of all of them.
    pub(crate) lanes: u32,
    /// Arrivals per second by intention; `None` where all arrive at once or nothing arrives.
    pub(crate) offered_per_second: Option<f64>,
    /// Since the start of the run.
    pub(crate) began_seconds: f64,
    /// From the first intended arrival to the last end: the tail is in it.
    pub(crate) seconds: f64,
    pub(crate) jobs: Jobs,
    /// Of the jobs that ended.
    pub(crate) audio_seconds: f64,
    pub(crate) bytes: u64,
    /// By level, `all` among them, and then by part: `wait` (intended arrival to start), `service` (on a lane),
    /// `total` (intended arrival to stored end).
    pub(crate) latency: BTreeMap<String, BTreeMap<String, Latency>>,
    /// About one a second.
    pub(crate) timeline: Vec<Moment>,
    /// By role: `worker`, `lanes`, `producer`, `rabbitmq`, `redis`, `loadtest`. Servers that are not ours are missing.
    pub(crate) usage: BTreeMap<String, Usage>,
    /// What only this scenario has, by name with its unit: `efficiency`, `publish_per_second`, `idle_rss_bytes`.
    pub(crate) figures: BTreeMap<String, f64>,
}

impl Phase {
    /// Files an hour at the pace of this phase.
    pub(crate) fn files_per_hour(&self) -> f64 {
        if self.seconds > 0.0 { self.jobs.ended as f64 * 3600.0 / self.seconds } else { 0.0 }
    }
}

/// What became of the jobs of a phase.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Jobs {
    /// Intended.
    pub(crate) offered: u64,
    /// Confirmed by the broker.
    pub(crate) accepted: u64,
    /// Refused by a full queue and not tried again.
    pub(crate) refused: u64,
    /// With a stored end.
    pub(crate) ended: u64,
    /// Ends by outcome code.
    pub(crate) outcomes: BTreeMap<String, u64>,
    /// Of them answered by the cache.
    pub(crate) cached: u64,
    /// Accepted without an end.
    pub(crate) lost: u64,
    /// With more than one end.
    pub(crate) doubled: u64,
}

/// A glance at a phase.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Moment {
    /// Since the start of the run; the end of the interval.
    pub(crate) at_seconds: f64,
    /// Since the glance before: how many were to arrive, were accepted, came to an end.
    pub(crate) offered: u64,
    pub(crate) accepted: u64,
    pub(crate) ended: u64,
    /// Messages ready, by level.
    pub(crate) depth: BTreeMap<String, u64>,
    /// Total latency of what ended in this interval, seconds, by level: median, 99th percentile, longest.
    pub(crate) latency: BTreeMap<String, [f64; 3]>,
    /// 100 is one processor, by role.
    pub(crate) cpu_percent: BTreeMap<String, f64>,
    /// Worker processes, where they come and go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) workers: Option<u32>,
    /// Resident, by role.
    pub(crate) rss_bytes: BTreeMap<String, u64>,
}

/// What a role took in a phase.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Usage {
    pub(crate) processes: u32,
    /// User and system time.
    pub(crate) cpu_seconds: f64,
    /// Resident memory of all of them together, at its highest and as the phase began.
    pub(crate) peak_rss_bytes: u64,
    pub(crate) begin_rss_bytes: u64,
}

/// A requirement, held against what was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Verdict {
    /// Name of the requirement in the requirements file.
    pub(crate) requirement: String,
    /// What it asks for, in words.
    pub(crate) about: String,
    /// `project` (what the project promises) or `ours` (our own bar).
    pub(crate) set: String,
    /// Phase it was measured in.
    pub(crate) phase: String,
    pub(crate) measured: f64,
    /// `≥` or `≤`.
    pub(crate) comparison: String,
    pub(crate) bound: f64,
    pub(crate) unit: String,
    pub(crate) met: bool,
}
