//! The text of every error: each names the variable, the value, what was expected and the default.

use super::*;

#[test]
fn all_errors_come_together() {
    insta::assert_snapshot!(refused(&[
        ("ANALYSIS_MAX_WORKERS", "0"),
        ("ANALYSIS_BATCH_SIZE", "many"),
        ("ANALYSIS_TIMEOUT", "30 seconds"),
        ("ANALYSIS_FEATURES", "tempo;key"),
        ("ANALYSIS_MAX_FILE_MB", "4GB"),
        ("MAX_MEMORY_MB", "1"),
        ("CACHE_SIZE_MB", "-1"),
        ("READ_AHEAD_MB", "all"),
        ("WORKER_NICE", "20"),
        ("WORKER_PACE", "0"),
        ("WORKER_CPU_AFFINITY", "3-1"),
        ("LANE_CONFINEMENT", "yes"),
        ("AMQP_URL", "amqp://guest:hunter2@rabbit/"),
        ("QUEUE_PREFIX", "amq.mine"),
        ("QUEUE_MAX_SIZE", "0"),
        ("QUEUE_PRIORITY_LEVELS", "11"),
        ("RETRY_DELAYS", "30s,5s"),
        ("PUBLISH_WINDOW", "0"),
        ("PRIORITY_MODE", "fair"),
        ("PRIORITY_AGING", "1 minute"),
        ("WORKER_LEVELS", "high|low"),
        ("REDIS_URL", "hunter2"),
        ("RESULT_TTL", "forever"),
        ("MEDIA_ROOTS", "music=srv/music"),
        ("WORKER_NAME", "my worker\n"),
        ("HTTP_ADDR", "8080"),
        ("HEALTH_CHECK_TIMEOUT", "5e0"),
        ("WEDGE_TIMEOUT", "0"),
        ("SHUTDOWN_TIMEOUT", ""),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "inof"),
    ]));
}

#[test]
fn a_level_that_the_fleet_does_not_have() {
    insta::assert_snapshot!(refused(&[("WORKER_LEVELS", "high,p3")]), @r"
    a setting cannot be used:
      WORKER_LEVELS=high,p3: unknown priority level 'p3': expected one of high, normal, low: expected all, or names of levels separated by commas (high, normal, low when there are three, else p0, p1 …) (default: all)
    ");
    insta::assert_snapshot!(refused(&[("WORKER_LEVELS", "high"), ("QUEUE_PRIORITY_LEVELS", "2")]), @r"
    a setting cannot be used:
      WORKER_LEVELS=high: unknown priority level 'high': expected one of p0, p1: expected all, or names of levels separated by commas (high, normal, low when there are three, else p0, p1 …) (default: all)
    ");
}

#[test]
fn media_roots_say_what_is_wrong_with_them() {
    let cases = [
        ("/srv/music", "\"/srv/music\" is not name=/path"),
        ("Music=/srv", "the name \"Music\" may have a-z, 0-9, _ and - only"),
        ("a=/srv/../etc", "the path of 'a', \"/srv/../etc\", is not absolute and without . and .."),
        ("a=/x;a=/y", "the name 'a' is given twice"),
        ("a=/x;b=/x/y", "'b' lies inside 'a'"),
        ("b=/x/y;a=/x", "'b' lies inside 'a'"),
        (";", "no root is named"),
    ];
    for (value, reason) in cases {
        let error = refused(&[("MEDIA_ROOTS", value)]);
        assert!(error.contains(&format!(": {reason}: expected")), "{value}: {error}");
    }
}

#[test]
fn a_value_that_is_not_text() {
    let bytes = OsStr::from_bytes(b"4\xff").to_owned();
    let error = WorkerSettings::from_vars([("ANALYSIS_MAX_WORKERS".into(), bytes)]).unwrap_err();
    insta::assert_snapshot!(error, @r"
    a setting cannot be used:
      ANALYSIS_MAX_WORKERS=4� is not UTF-8: expected a whole number from 1 to 1024, or auto (default: 4)
    ");
}

#[test]
fn a_long_value_is_cut_and_an_unprintable_one_escaped() {
    let error = refused(&[("QUEUE_MAX_SIZE", &"9".repeat(10_000))]);
    assert!(error.contains(&format!("{}…: expected", "9".repeat(120))), "{error}");
    let error = refused(&[("QUEUE_MAX_SIZE", "1\u{1b}[31m\r\n2")]);
    assert!(error.contains("QUEUE_MAX_SIZE=1\\u{1b}[31m\\r\\n2: expected"), "{error}");
}

#[test]
fn a_struct_that_the_table_does_not_fill_is_envys_error() {
    #[derive(Debug, serde::Deserialize)]
    struct Wrong {
        #[expect(dead_code, reason = "it is never filled")]
        analysis_colour: String,
    }
    let environment = Environment::read(Program::Worker, []).unwrap();
    insta::assert_snapshot!(environment.load::<Wrong>().unwrap_err(), @r"
    a setting cannot be used:
      the table of settings does not fit: missing value for field analysis_colour
    ");
}
