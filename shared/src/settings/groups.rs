//! The typed settings, in the small groups that the modules take.
//!
//! envy fills each group from the checked values by itself: `#[serde(flatten)]` would turn numbers into text.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::secret::SecretUrl;
use crate::{
    job::{Levels, Priority},
    roots::MediaRoots,
    telemetry::LogFormat,
};

/// What is analysed, and how much of it at once.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct AnalysisSettings {
    /// Lanes: files analysed at the same time, 1–1024 (`ANALYSIS_MAX_WORKERS`, `auto` resolved).
    #[serde(rename = "analysis_max_workers")]
    pub lanes: usize,
    /// Jobs taken ahead and outcomes written together, 1–1000 (`ANALYSIS_BATCH_SIZE`).
    #[serde(rename = "analysis_batch_size")]
    pub batch_size: usize,
    /// What the batch size may grow to by itself, 1–1000 (`ANALYSIS_BATCH_MAX`); not above the former: it stays as it is.
    #[serde(rename = "analysis_batch_max")]
    pub batch_max: usize,
    /// Time limit of one file, and the longest time without progress (`ANALYSIS_TIMEOUT`).
    #[serde(rename = "analysis_timeout", deserialize_with = "milliseconds")]
    pub timeout: Duration,
    /// `all` or names separated by commas, which the analysis has yet to check (`ANALYSIS_FEATURES`).
    #[serde(rename = "analysis_features")]
    pub features: String,
    /// Largest file that is opened, bytes (`ANALYSIS_MAX_FILE_MB`).
    #[serde(rename = "analysis_max_file_mb")]
    pub max_file_bytes: u64,
    /// Nothing is analysed, each file takes this long: for load tests (`ANALYSIS_REHEARSAL`).
    #[serde(rename = "analysis_rehearsal", default, deserialize_with = "optional_milliseconds")]
    pub rehearsal: Option<Duration>,
    /// What lanes may run without of their confinement (`LANE_CONFINEMENT`).
    #[serde(rename = "lane_confinement")]
    pub confinement: LaneConfinement,
}

/// What lanes may run without of what confines them: Landlock and seccomp (`LANE_CONFINEMENT`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LaneConfinement {
    /// Without nothing: a kernel that lacks one of them has no lanes.
    Required,
    /// Without what the kernel does not have. What it has must be in force.
    Available,
    /// Without whatever cannot be had, for whichever reason.
    Optional,
    /// They are not confined.
    Off,
}

/// What the worker may take from its machine.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct ResourceSettings {
    /// Memory of the worker and all lanes together, bytes (`MAX_MEMORY_MB`).
    #[serde(rename = "max_memory_mb")]
    pub memory_bytes: u64,
    /// In-process report cache, bytes; 0 is none (`CACHE_SIZE_MB`).
    #[serde(rename = "cache_size_mb")]
    pub cache_bytes: u64,
    /// So much of each of the next files is read into memory before its turn, bytes; 0 is none (`READ_AHEAD_MB`).
    #[serde(rename = "read_ahead_mb")]
    pub read_ahead_bytes: u64,
    /// Niceness of the lanes, 0–19 (`WORKER_NICE`).
    #[serde(rename = "worker_nice")]
    pub nice: u8,
    /// Share of its time that a lane works, percent, 1–100 (`WORKER_PACE`).
    #[serde(rename = "worker_pace")]
    pub pace: u8,
    /// Processors that lanes may use; empty: all (`WORKER_CPU_AFFINITY`).
    #[serde(rename = "worker_cpu_affinity", default)]
    pub affinity: Vec<usize>,
}

/// The broker, and what every process on it must agree on.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct QueueSettings {
    /// `AMQP_URL`.
    pub amqp_url: SecretUrl,
    /// Begins every name on the broker (`QUEUE_PREFIX`).
    #[serde(rename = "queue_prefix")]
    pub prefix: String,
    /// Limit of each level's queue, messages (`QUEUE_MAX_SIZE`).
    #[serde(rename = "queue_max_size")]
    pub max_size: u32,
    /// `QUEUE_PRIORITY_LEVELS`.
    #[serde(rename = "queue_priority_levels", deserialize_with = "levels")]
    pub levels: Levels,
    /// Retry tiers, the shortest first, 1–10 of them, all different (`RETRY_DELAYS`).
    #[serde(deserialize_with = "milliseconds_list")]
    pub retry_delays: Vec<Duration>,
    /// Unconfirmed messages at a time (`PUBLISH_WINDOW`).
    pub publish_window: usize,
}

/// RabbitMQ's HTTP API.
#[derive(Debug, Clone, Default, Deserialize)]
#[non_exhaustive]
pub struct ManagementSettings {
    /// `RABBITMQ_API_URL`.
    #[serde(rename = "rabbitmq_api_url")]
    pub api_url: Option<SecretUrl>,
}

/// The results' store.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct StoreSettings {
    /// `REDIS_URL`.
    pub redis_url: SecretUrl,
    /// Begins every key (`QUEUE_PREFIX`).
    #[serde(rename = "queue_prefix")]
    pub prefix: String,
    /// How long everything is kept after its last write (`RESULT_TTL`).
    #[serde(deserialize_with = "milliseconds")]
    pub result_ttl: Duration,
}

/// TLS to RabbitMQ (`amqps`) and Redis (`rediss`): files in PEM.
#[derive(Debug, Clone, Default, Deserialize)]
#[non_exhaustive]
pub struct TlsSettings {
    /// Authorities that are trusted in place of the machine's own (`TLS_CA_FILE`).
    #[serde(rename = "tls_ca_file")]
    pub ca_file: Option<PathBuf>,
    /// Our certificate, for servers that want one (`TLS_CERT_FILE`).
    #[serde(rename = "tls_cert_file")]
    pub cert_file: Option<PathBuf>,
    /// Its key (`TLS_KEY_FILE`).
    #[serde(rename = "tls_key_file")]
    pub key_file: Option<PathBuf>,
}

/// Which job is started next.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct ScheduleSettings {
    /// `PRIORITY_MODE`.
    #[serde(rename = "priority_mode")]
    pub mode: PriorityMode,
    /// Time in which a waiting job rises one level (`PRIORITY_AGING`); nothing rises in strict mode.
    #[serde(rename = "priority_aging", deserialize_with = "milliseconds")]
    pub aging: Duration,
    /// Levels to take jobs from, the highest first, at least one (`WORKER_LEVELS`).
    #[serde(rename = "worker_levels")]
    pub levels: Vec<Priority>,
}

/// How levels compete (`PRIORITY_MODE`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PriorityMode {
    /// Waiting jobs rise, and the lowest level is never starved.
    Weighted,
    /// The highest level always wins.
    Strict,
}

/// The daemon around the pipeline.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct ServiceSettings {
    /// `WORKER_NAME`.
    #[serde(rename = "worker_name")]
    pub name: String,
    /// `HTTP_ADDR`.
    pub http_addr: SocketAddr,
    /// `HEALTH_CHECK_TIMEOUT`.
    #[serde(deserialize_with = "milliseconds")]
    pub health_check_timeout: Duration,
    /// `WEDGE_TIMEOUT`.
    #[serde(deserialize_with = "milliseconds")]
    pub wedge_timeout: Duration,
    /// RabbitMQ's own `consumer_timeout`, which the broker does not tell (`CONSUMER_TIMEOUT`).
    #[serde(deserialize_with = "milliseconds")]
    pub consumer_timeout: Duration,
    /// `SHUTDOWN_TIMEOUT`.
    #[serde(deserialize_with = "milliseconds")]
    pub shutdown_timeout: Duration,
}

/// Logs.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct LogSettings {
    /// `LOG_FORMAT`.
    #[serde(rename = "log_format")]
    pub format: LogFormat,
    /// A filter that [`crate::telemetry::init`] accepts (`LOG_LEVEL`).
    #[serde(rename = "log_level")]
    pub filter: String,
}

#[derive(Deserialize)]
pub(super) struct Media {
    #[serde(default, deserialize_with = "media_roots")]
    pub(super) media_roots: Option<MediaRoots>,
}

fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}

fn optional_milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    milliseconds(deserializer).map(Some)
}

fn milliseconds_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Duration>, D::Error> {
    let list = Vec::<u64>::deserialize(deserializer)?;
    Ok(list.into_iter().map(Duration::from_millis).collect())
}

fn levels<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Levels, D::Error> {
    Levels::new(u8::deserialize(deserializer)?).map_err(D::Error::custom)
}

fn media_roots<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<MediaRoots>, D::Error> {
    MediaRoots::parse(&String::deserialize(deserializer)?).map(Some).map_err(D::Error::custom)
}
