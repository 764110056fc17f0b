//! What the pipeline tells the metrics. Without a recorder (the local mode) every call is a no-op.
//!
//! Names, meanings and buckets are in [`shared::telemetry::metrics`]; label values are closed sets.

use std::time::{Duration, SystemTime};

use metrics::{counter, gauge, histogram};
use shared::job::{Levels, unix_nanos};
use shared::outcome::{End, FailureKind, Outcome};
use shared::record::Record;
use shared::telemetry::metrics as names;

use crate::breaker::State;
use crate::gates::Dependency;
use crate::lanes::{Confinement, RestartCause};
use crate::task::{Ended, FileWork};

mod audio;
mod queues;
mod recorder;
mod sampler;
mod words;

use audio::AUDIO;
pub use queues::{queue_limits, queues, queues_unknown};
pub use recorder::{Recorder, RecorderError, install};
pub use sampler::Sampler;

/// Containers as label values; whatever else a file is counts as `other`, and a failure without a report as `unknown`.
const FORMATS: [&str; 22] = [
    "wav", "aiff", "flac", "mp3", "ogg", "aac", "mp4", "alac", "caf", "mkv", "webm", "ac3", "amr", "ape",
    "asf", "dsd", "dts", "musepack", "tta", "wavpack", "other", "unknown",
];

/// A stage with a duration of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Finding out who the audio is.
    Identify,
    /// Decoding and analysing.
    Analyze,
    /// Writing a batch of ends.
    Store,
    /// From the start of a job to its end, without storing.
    Total,
}

impl Stage {
    const ALL: [Self; 4] = [Self::Identify, Self::Analyze, Self::Store, Self::Total];

    /// Its name, as a label's value and in the log.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Identify => "identify",
            Self::Analyze => "analyze",
            Self::Store => "store",
            Self::Total => "total",
        }
    }
}

/// A stage took so long.
pub fn stage(stage: Stage, elapsed: Duration) {
    histogram!(names::PROCESSING_DURATION, "stage" => stage.label()).record(elapsed.as_secs_f64());
}

/// The cache knew a file.
pub fn cache_hit(in_memory: bool) {
    counter!(names::CACHE_HITS, "tier" => if in_memory { "memory" } else { "redis" }).increment(1);
}

/// The cache knew it in part.
pub fn cache_refreshed() {
    counter!(names::CACHE_REFRESHED).increment(1);
}

/// The cache did not.
pub fn cache_miss() {
    counter!(names::CACHE_MISSES).increment(1);
}

/// So many bytes of a file are read into memory before its turn.
pub fn read_ahead(bytes: u64) {
    counter!(names::READ_AHEAD_BYTES).increment(bytes);
}

/// The reports kept in memory take so much.
pub fn cache_bytes(bytes: u64) {
    gauge!(names::MEMORY_USAGE, "kind" => "cache").set(bytes as f64);
}

/// So many messages are held beyond those that the lanes work on, at most.
pub fn batch_limit(reserve: usize) {
    gauge!(names::BATCH_LIMIT).set(reserve as f64);
}

/// So many files wait here, and so many run.
pub fn jobs(waiting: usize, running: usize) {
    gauge!(names::JOBS, "state" => "waiting").set(waiting as f64);
    gauge!(names::JOBS, "state" => "running").set(running as f64);
    sampler::UTILISATION.running(running);
}

/// A job starts.
pub fn started(work: &FileWork, level: &'static str) {
    // A retry's wait says nothing of the queue.
    let Some(job) = work.job.as_ref().filter(|job| job.attempt == 0) else { return };
    // Anybody may have written the job, at any time before or after time itself.
    let waited_ms = (unix_nanos(SystemTime::now()) / 1_000_000).saturating_sub(job.submitted_at_ms);
    // The clocks of two hosts may differ: a wait below nothing is nothing.
    histogram!(names::QUEUE_WAIT, "priority" => level).record(waited_ms.max(0) as f64 / 1000.0);
}

/// A file came to its end, and this end is the one that is stored.
pub fn ended(ended: &Ended) {
    let record = &ended.record;
    let (level, format) = (record.priority.clone().unwrap_or_default(), format_of(record));
    counter!(names::FILES_PROCESSED, "outcome" => record.outcome.code(), "priority" => level, "format" => format)
        .increment(1);
    if record.outcome != Outcome::Cancelled {
        stage(Stage::Total, Duration::from_secs_f64(record.elapsed_seconds.max(0.0)));
    }
    if let Some(report) = &record.report {
        let origin = if record.cached { &AUDIO.cached } else { &AUDIO.analysed };
        origin.add(report.audio.duration_seconds);
        AUDIO.show();
    }
    if let End::Failed(kind) = record.end() {
        counter!(names::FAILURES, "kind" => kind.code()).increment(1);
        if kind == FailureKind::Timeout {
            counter!(names::TIMEOUTS).increment(1);
        }
        words::failed(ended, kind);
    }
}

fn format_of(record: &Record) -> &'static str {
    let Some(report) = &record.report else { return "unknown" };
    let known = |name: &str| FORMATS.iter().copied().find(|format| format.eq_ignore_ascii_case(name));
    known(&report.audio.container).or_else(|| known(&report.audio.codec)).unwrap_or("other")
}

/// What became of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadFate {
    /// Published again.
    Revived,
    /// A stored failure.
    Failed,
    /// It was no job.
    Unreadable,
    /// It had an end already.
    Ended,
}

impl DeadFate {
    const ALL: [Self; 4] = [Self::Revived, Self::Failed, Self::Unreadable, Self::Ended];

    const fn label(self) -> &'static str {
        match self {
            Self::Revived => "revived",
            Self::Failed => "failed",
            Self::Unreadable => "unreadable",
            Self::Ended => "ended",
        }
    }
}

/// A message was taken out of the dead queue.
pub fn dead_letter(fate: DeadFate) {
    counter!(names::DEAD_LETTERS, "fate" => fate.label()).increment(1);
}

/// What became of a result that Redis refuses for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedFate {
    /// Stored as a failure, without its report.
    Reduced,
    /// Its job goes to a retry tier.
    Retried,
    /// Stored as a failure of the batch that belongs to nobody.
    Stray,
    /// Its job waits in the longest retry tier: no batch takes anything.
    Parked,
    /// It was no job, and stands in the log alone.
    Lost,
}

impl RefusedFate {
    const ALL: [Self; 5] = [Self::Reduced, Self::Retried, Self::Stray, Self::Parked, Self::Lost];

    /// As a label, and in the log.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Reduced => "reduced",
            Self::Retried => "retried",
            Self::Stray => "stray",
            Self::Parked => "parked",
            Self::Lost => "lost",
        }
    }
}

/// Redis refuses a result for good.
pub fn refused(fate: RefusedFate) {
    counter!(names::REFUSED_RESULTS, "fate" => fate.label()).increment(1);
}

/// Why a consumer was started anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// The broker ended it.
    Ended,
    /// Messages waited, and none came.
    Wedged,
}

impl Restart {
    const ALL: [Self; 2] = [Self::Ended, Self::Wedged];

    const fn label(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Wedged => "wedged",
        }
    }
}

/// A consumer is started anew.
pub fn consumer_restarted(cause: Restart) {
    counter!(names::CONSUMER_RESTARTS, "cause" => cause.label()).increment(1);
}

/// The state of what the worker depends on.
pub fn breaker(dependency: Dependency, state: State) {
    gauge!(names::BREAKER_STATE, "dependency" => dependency.label()).set(f64::from(state.number()));
}

/// Whether Redis may throw results away when its memory is full.
pub fn redis_may_evict(may: bool) {
    gauge!(names::REDIS_MAY_EVICT).set(f64::from(u8::from(may)));
}

/// So many media roots can be read, and so many cannot.
pub fn media_roots(available: usize, away: usize) {
    gauge!(names::MEDIA_ROOTS, "state" => "available").set(available as f64);
    gauge!(names::MEDIA_ROOTS, "state" => "away").set(away as f64);
}

/// A job goes to a retry tier.
pub fn retried(level: &'static str, ended: &Ended) {
    counter!(names::RETRIES, "priority" => level).increment(1);
    words::retried(ended);
}

/// The worker and its lanes may use so much.
pub fn memory_limit(memory_bytes: u64) {
    gauge!(names::MEMORY_LIMIT).set(memory_bytes as f64);
}

/// Whether the worker takes work now.
pub fn ready(ready: bool) {
    gauge!(names::WORKER_READY).set(f64::from(u8::from(ready)));
}

/// A batch of ends was stored.
pub fn flushed(ends: usize, elapsed: Duration) {
    histogram!(names::BATCH_SIZE).record(ends as f64);
    stage(Stage::Store, elapsed);
}

/// A batch of ends was not stored, this time.
pub fn store_failed() {
    counter!(names::STORE_FAILURES).increment(1);
}

/// A delivery came that had been with a worker before.
pub fn redelivered() {
    counter!(names::REDELIVERIES).increment(1);
}

/// So many deliveries were no longer ours when they were settled.
pub fn lost_leases(count: usize) {
    counter!(names::LOST_LEASES).increment(count as u64);
}

/// A retry that the broker did not bring back is published again.
pub fn overdue_retry() {
    counter!(names::OVERDUE_RETRIES).increment(1);
}

/// The lanes are shut in so far.
pub fn confinement(confinement: Option<&Confinement>) {
    let layers = [
        ("files", confinement.is_some_and(|it| it.files.is_in_force())),
        ("calls", confinement.is_some_and(|it| it.calls.is_in_force())),
    ];
    for (layer, in_force) in layers {
        gauge!(names::LANE_CONFINEMENT, "layer" => layer).set(f64::from(u8::from(in_force)));
    }
}

/// Every series of every counter and histogram, at nothing: a rate over a series that appears with its first event misses it.
fn touch(levels: Levels) {
    for level in levels.iter().map(|level| levels.name(level)) {
        for outcome in Outcome::ALL {
            for format in FORMATS {
                let labels = [("outcome", outcome.code()), ("priority", level), ("format", format)];
                counter!(names::FILES_PROCESSED, &labels).increment(0);
            }
        }
        counter!(names::RETRIES, "priority" => level).increment(0);
    }
    for kind in FailureKind::ALL {
        counter!(names::FAILURES, "kind" => kind.code()).increment(0);
    }
    for tier in ["memory", "redis"] {
        counter!(names::CACHE_HITS, "tier" => tier).increment(0);
    }
    for cause in RestartCause::ALL {
        counter!(names::LANE_RESTARTS, "cause" => cause.code()).increment(0);
    }
    let plain = [
        names::TIMEOUTS,
        names::CACHE_REFRESHED,
        names::READ_AHEAD_BYTES,
        names::CACHE_MISSES,
        names::LOST_LEASES,
        names::OVERDUE_RETRIES,
        names::REDELIVERIES,
        names::STORE_FAILURES,
        names::LOG_LINES_DROPPED,
    ];
    for name in plain {
        counter!(name).increment(0);
    }
    for fate in DeadFate::ALL {
        counter!(names::DEAD_LETTERS, "fate" => fate.label()).increment(0);
    }
    for fate in RefusedFate::ALL {
        counter!(names::REFUSED_RESULTS, "fate" => fate.label()).increment(0);
    }
    for cause in Restart::ALL {
        counter!(names::CONSUMER_RESTARTS, "cause" => cause.label()).increment(0);
    }
    for dependency in Dependency::ALL {
        breaker(dependency, State::Closed);
    }
    media_roots(0, 0);
    redis_may_evict(false);
    jobs(0, 0);
    AUDIO.show();
    confinement(None);
    cache_bytes(0);
    ready(false);
}
