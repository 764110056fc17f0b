//! The settings as a whole: an environment goes in, typed structs or errors come out.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt as _,
    time::Duration,
};

use super::*;
use crate::job::Priority;

mod errors;
mod generated;
mod properties;
mod secrets;
mod values;

fn vars(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn worker(pairs: &[(&str, &str)]) -> WorkerSettings {
    WorkerSettings::from_vars(vars(pairs)).unwrap().0
}

fn refused(pairs: &[(&str, &str)]) -> String {
    WorkerSettings::from_vars(vars(pairs)).unwrap_err().to_string()
}

#[test]
fn an_empty_environment_gives_the_documented_defaults() {
    let settings = worker(&[]);
    let seconds = Duration::from_secs;
    assert_eq!(settings.analysis.lanes, 4);
    assert_eq!(settings.analysis.batch_size, 10);
    assert_eq!(settings.analysis.timeout, seconds(30));
    assert_eq!(settings.analysis.features, "all");
    assert_eq!(settings.analysis.max_file_bytes, 4 << 30);
    assert_eq!(settings.analysis.rehearsal, None);
    assert_eq!(settings.analysis.confinement, LaneConfinement::Available);
    assert_eq!(settings.resources.memory_bytes, 8 << 30);
    assert_eq!(settings.resources.cache_bytes, 512 << 20);
    assert_eq!(settings.resources.read_ahead_bytes, 32 << 20);
    assert_eq!(settings.resources.nice, 0);
    assert_eq!(settings.queue.amqp_url.expose(), "amqp://guest:guest@127.0.0.1:5672/%2f");
    assert_eq!(settings.queue.prefix, "analysis");
    assert_eq!(settings.queue.max_size, 10_000);
    assert_eq!(settings.queue.levels.count(), 3);
    assert_eq!(settings.queue.retry_delays, [5, 30, 120, 600].map(seconds));
    assert_eq!(settings.queue.publish_window, 256);
    assert_eq!(settings.schedule.mode, PriorityMode::Weighted);
    assert_eq!(settings.schedule.aging, seconds(30));
    assert_eq!(settings.schedule.levels, [0, 1, 2].map(Priority));
    assert_eq!(settings.store.redis_url.expose(), "redis://127.0.0.1:6379/0");
    assert_eq!(settings.store.prefix, "analysis");
    assert_eq!(settings.store.result_ttl, seconds(30 * 24 * 3600));
    assert_eq!(settings.media_roots, None);
    assert!(settings.service.name.ends_with(&format!("-{}", std::process::id())));
    assert_eq!(settings.service.http_addr.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.service.health_check_timeout, seconds(5));
    assert_eq!(settings.service.wedge_timeout, seconds(60));
    assert_eq!(settings.service.shutdown_timeout, seconds(25));
    assert_eq!(settings.log.format, crate::telemetry::LogFormat::Auto);
    assert_eq!(settings.log.filter, "info");
}

#[test]
fn every_variable_reaches_its_field() {
    let settings = worker(&[
        ("ANALYSIS_MAX_WORKERS", "7"),
        ("ANALYSIS_BATCH_SIZE", "20"),
        ("ANALYSIS_TIMEOUT", "1m30s"),
        ("ANALYSIS_FEATURES", "Tempo, key"),
        ("ANALYSIS_MAX_FILE_MB", "100"),
        ("ANALYSIS_REHEARSAL", "0s"),
        ("MAX_MEMORY_MB", "1024"),
        ("CACHE_SIZE_MB", "0"),
        ("READ_AHEAD_MB", "0"),
        ("WORKER_NICE", "19"),
        ("LANE_CONFINEMENT", "required"),
        ("AMQP_URL", "amqps://u:p@rabbit/music"),
        ("QUEUE_PREFIX", "night.shift"),
        ("QUEUE_MAX_SIZE", "50"),
        ("QUEUE_PRIORITY_LEVELS", "5"),
        ("RETRY_DELAYS", "500ms, 3"),
        ("PUBLISH_WINDOW", "1"),
        ("PRIORITY_MODE", "Strict"),
        ("PRIORITY_AGING", "500ms"),
        ("WORKER_LEVELS", "p4,p0,p4"),
        ("REDIS_URL", "redis://:p@cache:7000/2"),
        ("RESULT_TTL", "1d"),
        ("MEDIA_ROOTS", "music=/srv/music;b=/mnt/b/"),
        ("WORKER_NAME", "attic"),
        ("HTTP_ADDR", "[::1]:0"),
        ("HEALTH_CHECK_TIMEOUT", "250ms"),
        ("WEDGE_TIMEOUT", "2m"),
        ("CONSUMER_TIMEOUT", "1h"),
        ("SHUTDOWN_TIMEOUT", "60"),
        ("LOG_FORMAT", "json"),
        ("LOG_LEVEL", "warn,lapin=off"),
    ]);
    assert_eq!(settings.analysis.lanes, 7);
    assert_eq!(settings.analysis.batch_size, 20);
    assert_eq!(settings.analysis.timeout, Duration::from_secs(90));
    assert_eq!(settings.analysis.features, "tempo,key");
    assert_eq!(settings.analysis.max_file_bytes, 100 << 20);
    assert_eq!(settings.analysis.rehearsal, Some(Duration::ZERO));
    assert_eq!(settings.resources.memory_bytes, 1 << 30);
    assert_eq!(settings.resources.cache_bytes, 0);
    assert_eq!(settings.resources.read_ahead_bytes, 0);
    assert_eq!(settings.resources.nice, 19);
    assert_eq!(settings.analysis.confinement, LaneConfinement::Required);
    assert_eq!(settings.queue.amqp_url.expose(), "amqps://u:p@rabbit/music");
    assert_eq!(
        (settings.queue.prefix.as_str(), settings.store.prefix.as_str()),
        ("night.shift", "night.shift")
    );
    assert_eq!(settings.queue.max_size, 50);
    assert_eq!(settings.queue.levels.count(), 5);
    assert_eq!(settings.queue.retry_delays, [Duration::from_millis(500), Duration::from_secs(3)]);
    assert_eq!(settings.queue.publish_window, 1);
    assert_eq!(settings.schedule.mode, PriorityMode::Strict);
    assert_eq!(settings.schedule.aging, Duration::from_millis(500));
    assert_eq!(settings.schedule.levels, [0, 4].map(Priority));
    assert_eq!(settings.store.redis_url.expose(), "redis://:p@cache:7000/2");
    assert_eq!(settings.store.result_ttl, Duration::from_secs(86_400));
    let roots = settings.media_roots.unwrap();
    assert_eq!(roots.get("b"), Some(std::path::Path::new("/mnt/b")));
    assert_eq!(settings.service.name, "attic");
    assert_eq!(settings.service.http_addr.to_string(), "[::1]:0");
    assert_eq!(settings.service.health_check_timeout, Duration::from_millis(250));
    assert_eq!(settings.service.wedge_timeout, Duration::from_secs(120));
    assert_eq!(settings.service.consumer_timeout, Duration::from_secs(3600));
    assert_eq!(settings.service.shutdown_timeout, Duration::from_secs(60));
    assert_eq!(settings.log.format, crate::telemetry::LogFormat::Json);
    assert_eq!(settings.log.filter, "warn,lapin=off");
}

#[test]
fn an_empty_or_blank_value_is_not_set() {
    let all: Vec<_> = VARIABLES.iter().flat_map(|v| [(v.name, ""), (v.name, "  \t")]).collect();
    for pair in all {
        assert_eq!(worker(&[pair]).analysis.lanes, 4, "{pair:?}");
    }
    let environment = vars(&[("AMQP_URL", ""), ("AMQP_URL_FILE", "")]);
    let (rows, _) = describe(Program::Worker, environment).unwrap();
    assert!(rows.iter().all(|row| row.source == "default"));
}

#[test]
fn stray_bytes_in_a_strangers_variable_harm_nobody() {
    let stray = OsStr::from_bytes(b"\xff\xfe").to_owned();
    let environment =
        vec![(stray.clone(), "x".into()), ("LS_COLORS".into(), stray.clone()), (stray.clone(), stray)];
    let (settings, warnings) = WorkerSettings::from_vars(environment).unwrap();
    assert_eq!(settings.queue.max_size, 10_000);
    assert_eq!(warnings, []);
}

#[test]
fn the_producer_reads_its_own_variables_only() {
    let environment = vars(&[("WORKER_NICE", "very"), ("QUEUE_MAX_SIZE", "50")]);
    let (settings, _) = ProducerSettings::from_vars(environment).unwrap();
    assert_eq!(settings.queue.max_size, 50);
    let (rows, _) = describe(Program::Producer, []).unwrap();
    assert!(rows.iter().all(|row| !row.name.starts_with("ANALYSIS_")));
    assert!(rows.iter().any(|row| row.name == "MEDIA_ROOTS"));
}

#[test]
fn warnings_do_not_stop_anything() {
    let environment = vars(&[("QUEUE_MAXSIZE", "50"), ("ANALYSIS_TIMEOUTS", "1")]);
    let (settings, warnings) = WorkerSettings::from_vars(environment).unwrap();
    assert_eq!(settings.queue.max_size, 10_000);
    let lines: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "ANALYSIS_TIMEOUTS is not a setting and is ignored: did you mean ANALYSIS_TIMEOUT?",
            "QUEUE_MAXSIZE is not a setting and is ignored: did you mean QUEUE_MAX_SIZE?",
        ]
    );
}
