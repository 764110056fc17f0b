//! What follows for a fleet.

use super::costs::Costs;
use super::queue;

/// Of their time that lanes work: beyond it, waits grow fast and a lost machine is felt.
const BUSY: f64 = 0.7;

/// Lanes of one worker: the default of ANALYSIS_MAX_WORKERS, and a usual number of processors of a node's slice.
const LANES: u32 = 4;

/// MAX_MEMORY_MB for the worker and for each lane: a lane needs a tenth of it for a song, and half of it for ten hours of audio.
const MEMORY_MB: (u32, u32) = (256, 128);

/// The in-process cache; Redis is behind it.
const CACHE_MB: u32 = 128;

/// A level's queue takes the work of so many hours, and at least the default of QUEUE_MAX_SIZE.
const BACKLOG_HOURS: f64 = 4.0;
const LEAST_QUEUE: u32 = 10_000;

/// What QUEUE_MAX_SIZE may be at most, short of what a quorum queue is good for.
const MOST_QUEUE: u32 = 1_000_000;

/// ANALYSIS_BATCH_SIZE to begin with; it grows by itself where files take no time.
const BATCH: u32 = 10;

/// A fleet for a load.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fleet {
    pub(super) files_per_hour: f64,
    pub(super) file_seconds: f64,
    /// Time of one file on a lane.
    pub(super) service: f64,
    /// Processors that are busy on average, those of lanes and workers.
    pub(super) busy_processors: f64,
    pub(super) lanes: u32,
    pub(super) workers: u32,
    pub(super) lanes_per_worker: u32,
    /// Of each worker: what it takes, and MAX_MEMORY_MB.
    pub(super) worker_rss: f64,
    pub(super) memory_mb: u32,
    pub(super) cache_mb: u32,
    pub(super) batch: u32,
    pub(super) queue_max: u32,
    /// Read from the media's storage, bytes a second.
    pub(super) media_bytes_per_second: f64,
    /// Written to Redis in a day, bytes.
    pub(super) redis_bytes_per_day: f64,
    /// Share of one processor.
    pub(super) rabbitmq_share: f64,
    pub(super) redis_share: f64,
    /// Wait of the median and of the slowest in a hundred files, seconds.
    pub(super) waits: (f64, f64),
}

impl Fleet {
    pub(super) fn of(costs: &Costs, files_per_hour: f64, file_seconds: f64) -> Self {
        let rate = files_per_hour / 3600.0;
        let service = costs.lane_per_audio_second * file_seconds;
        let busy_processors = rate * (service + costs.worker_per_file);
        let lanes = (busy_processors / BUSY).ceil().max(1.0) as u32;
        let workers = lanes.div_ceil(LANES);
        let lanes_per_worker = lanes.div_ceil(workers);
        Self {
            files_per_hour,
            file_seconds,
            service,
            busy_processors,
            lanes: workers * lanes_per_worker,
            workers,
            lanes_per_worker,
            worker_rss: costs.worker_rss + f64::from(lanes_per_worker) * costs.lane_rss,
            memory_mb: MEMORY_MB.0 + lanes_per_worker * MEMORY_MB.1 + CACHE_MB,
            cache_mb: CACHE_MB,
            batch: BATCH,
            queue_max: ((files_per_hour * BACKLOG_HOURS / 1000.0).ceil() * 1000.0)
                .clamp(f64::from(LEAST_QUEUE), f64::from(MOST_QUEUE)) as u32,
            media_bytes_per_second: rate * costs.bytes_per_audio_second * file_seconds,
            redis_bytes_per_day: files_per_hour * 24.0 * costs.redis_bytes_per_file,
            rabbitmq_share: rate * costs.rabbitmq_per_file,
            redis_share: rate * costs.redis_per_file,
            waits: queue::waits(rate, workers * lanes_per_worker, service),
        }
    }
}
