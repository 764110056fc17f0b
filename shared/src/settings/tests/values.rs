//! What each kind of value accepts and refuses.

use super::super::table::{Program, variable};
use super::super::{WorkerSettings, describe};
use super::vars;

/// `Some` is how the value in force is shown.
fn check(name: &str, text: &str) -> Option<String> {
    variable(name).unwrap().kind.check(text).map(|checked| checked.shown)
}

fn table(name: &str, cases: &[(&str, Option<&str>)]) {
    for (text, shown) in cases {
        assert_eq!(check(name, text).as_deref(), *shown, "{name}={text:?}");
    }
}

#[test]
fn integers() {
    let cases = [
        ("1", Some("1")),
        ("0010", Some("10")),
        ("10000000", Some("10000000")),
        ("0", None),
        ("10000001", None),
        ("-1", None),
        ("+1", None),
        ("1e3", None),
        ("1.0", None),
        ("1_000", None),
        ("١", None),
        ("99999999999999999999999", None),
    ];
    table("QUEUE_MAX_SIZE", &cases);
}

#[test]
fn lanes_are_a_number_or_auto() {
    let cases =
        [("1", Some("1")), ("1024", Some("1024")), ("Auto", Some("auto")), ("0", None), ("1025", None)];
    table("ANALYSIS_MAX_WORKERS", &cases);
}

#[test]
fn auto_takes_what_processors_affinity_and_memory_allow() {
    let lanes = |more: &[(&str, &str)]| {
        let set = [&[("ANALYSIS_MAX_WORKERS", "auto"), ("CACHE_SIZE_MB", "0")], more].concat();
        let (rows, _) = describe(Program::Worker, vars(&set)).unwrap();
        let lanes = WorkerSettings::from_vars(vars(&set)).unwrap().0.analysis.lanes;
        assert_eq!(rows[0].value.as_deref(), Some(format!("{lanes} (auto)").as_str()));
        lanes
    };
    // A lane has 96 MiB at least: on any machine that builds this the processors are what bounds them.
    assert_eq!(lanes(&[]), std::thread::available_parallelism().unwrap().get());
    assert_eq!(lanes(&[("WORKER_CPU_AFFINITY", "0")]), 1);
    // 256 MiB less the worker's own 64 and its cache leave room for one.
    assert_eq!(lanes(&[("MAX_MEMORY_MB", "256"), ("CACHE_SIZE_MB", "96")]), 1);
}

#[test]
fn sizes_are_whole_mebibytes() {
    table("MAX_MEMORY_MB", &[("256", Some("256")), ("255", None), ("8GB", None), ("8192.5", None)]);
    table("CACHE_SIZE_MB", &[("0", Some("0")), ("1048577", None)]);
}

#[test]
fn durations_have_a_range() {
    table(
        "ANALYSIS_TIMEOUT",
        &[
            ("90", Some("1m30s")),
            ("24h", Some("1d")),
            ("999ms", None),
            ("0", None),
            ("25h", None),
            ("soon", None),
        ],
    );
}

#[test]
fn retry_delays_ascend() {
    let cases = [
        ("5s,30s,2m,10m", Some("5s,30s,2m,10m")),
        ("1, 2 ,3", Some("1s,2s,3s")),
        ("5", Some("5s")),
        ("5s,5s", None),
        ("60s,1m", None),
        ("30s,5s", None),
        ("5s,,10s", None),
        ("5s,", None),
        ("1ms", None),
        ("25h", None),
        ("1,2,3,4,5,6,7,8,9,10,11", None),
    ];
    table("RETRY_DELAYS", &cases);
}

#[test]
fn choices_ignore_case() {
    table("PRIORITY_MODE", &[("STRICT", Some("strict")), ("weighted", Some("weighted")), ("fair", None)]);
    table("LOG_FORMAT", &[("Json", Some("json")), ("xml", None)]);
}

#[test]
fn names_and_prefixes_keep_to_their_letters() {
    let long = "a".repeat(64);
    let longer = "a".repeat(65);
    let cases = [
        ("analysis", Some("analysis")),
        ("test-7f.a_B", Some("test-7f.a_B")),
        (long.as_str(), Some(long.as_str())),
        (longer.as_str(), None),
        ("amq.mine", None),
        ("a{b}", None),
        ("a b", None),
        ("müsik", None),
        ("a:b", None),
        ("analysis.night", Some("analysis.night")),
        ("analysis.dead", None),
        ("analysis.retry.5s", None),
        ("analysis.high", None),
        ("analysis.p0", None),
    ];
    table("QUEUE_PREFIX", &cases);
    table("WORKER_NAME", &[(longer.as_str(), Some(longer.as_str())), ("a/b", None)]);
    table(
        "ANALYSIS_FEATURES",
        &[("ALL", Some("all")), ("tempo, key", Some("tempo,key")), ("tempo;key", None), (",", None)],
    );
}

#[test]
fn addresses_need_a_port() {
    table(
        "HTTP_ADDR",
        &[
            ("127.0.0.1:80", Some("127.0.0.1:80")),
            ("[::]:80", Some("[::]:80")),
            (":8080", None),
            ("localhost:80", None),
            ("0.0.0.0", None),
        ],
    );
}

#[test]
fn log_filters_name_levels() {
    let cases = [
        ("debug", Some("debug")),
        ("info,lapin=warn,worker::lanes=trace", Some("info,lapin=warn,worker::lanes=trace")),
        ("off", Some("off")),
        ("inof", None),
        ("lapin", None),
        ("info,", None),
        ("lapin=loud", None),
    ];
    table("LOG_LEVEL", &cases);
}

#[test]
fn broker_urls_are_those_the_client_understands() {
    let cases = [
        ("amqp://guest:guest@127.0.0.1:5672/%2f", Some("amqp://guest:***@127.0.0.1:5672/%2f")),
        ("amqp://rabbit", Some("amqp://rabbit")),
        ("amqp://rabbit:5673/music?heartbeat=10", Some("amqp://rabbit:5673/music?***")),
        ("amqps://u:p%40ss@rabbit.example/v", Some("amqps://u:***@rabbit.example/v")),
        ("amqp://rabbit/", None),
        ("amqp://guest:guest@[::1]:5672/%2f", Some("amqp://guest:***@[::1]:5672/%2f")),
        ("amqp://[::1/%2f", None),
        ("amqp://", None),
        ("amqp:///v", None),
        ("amqp:rabbit", None),
        ("amqp://rabbit:port/v", None),
        ("amqp://rabbit/v?heartbeat=often", None),
        ("amqp://u:secret@a:5672,b,[::1]:5673/v", Some("amqp://u:***@a:5672,b,[::1]:5673/v")),
        ("amqp://a,/v", None),
        ("amqp://u:secret@a/v,amqp://u:secret@b/v", None),
        ("http://rabbit/v", None),
        ("rabbit:5672", None),
    ];
    table("AMQP_URL", &cases);
}

#[test]
fn store_urls_are_those_the_client_understands() {
    let cases = [
        ("redis://127.0.0.1:6379/0", Some("redis://127.0.0.1:6379/0")),
        ("redis://:secret@cache", Some("redis://:***@cache")),
        ("redis://[::1]:6379/", Some("redis://[::1]:6379/")),
        ("redis-sentinel://u:secret@a:1,b/music/0", Some("redis-sentinel://u:***@a:1,b/***")),
        ("rediss-sentinel://a,b,c/music?replicas=0", Some("rediss-sentinel://a,b,c/***?***")),
        ("redis-sentinel://a,b,c", None),
        ("redis-sentinel://a,b:port/music", None),
        ("redis://cache/zero", None),
        ("redis://", None),
        ("unix:///run/redis.sock", None),
        ("amqp://rabbit", None),
        ("cache:6379", None),
    ];
    table("REDIS_URL", &cases);
}
