//! Secrets: read from files, and masked wherever a setting is shown.

use std::fs;

use super::*;

fn file(content: impl AsRef<[u8]>) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    fs::write(&path, content).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (dir, path)
}

#[test]
fn a_secret_is_read_from_the_file_that_is_named() {
    for end in ["", "\n", "\r\n"] {
        let (_dir, path) = file(format!("amqp://u:hunter2@rabbit/v{end}"));
        let settings = worker(&[("AMQP_URL_FILE", &path)]);
        assert_eq!(settings.queue.amqp_url.expose(), "amqp://u:hunter2@rabbit/v");
        assert_eq!(format!("{:?}", settings.queue.amqp_url), "amqp://u:***@rabbit/v");
    }
}

#[test]
fn a_file_that_cannot_be_used_is_named_with_the_reason() {
    let (_dir, empty) = file("\n");
    let (_dir2, bytes) = file(b"\xff\xff");
    let (_dir3, long) = file("x".repeat(65 * 1024));
    let cases = [
        (empty.as_str(), "the file is empty"),
        (&bytes, "the file is not UTF-8"),
        (&long, "the file is longer than 65536 bytes"),
        ("/nonexistent/secret", "No such file or directory"),
        ("/", "Is a directory"),
    ];
    for (path, reason) in cases {
        let error = refused(&[("REDIS_URL_FILE", path)]);
        assert!(error.contains(&format!("REDIS_URL_FILE={path}: {reason}")), "{error}");
        assert!(error.contains("default of REDIS_URL: redis://127.0.0.1:6379/0"), "{error}");
    }
}

#[test]
fn a_wrong_value_in_a_file_names_the_file_and_keeps_the_secret() {
    let (_dir, path) = file("http://u:hunter2@rabbit");
    let error = refused(&[("AMQP_URL_FILE", &path)]);
    assert!(
        error.contains(&format!("AMQP_URL (read from {path})=http://u:***@rabbit: it begins neither with amqp:// nor with amqps://: expected")),
        "{error}"
    );
    assert!(!error.contains("hunter2"));
}

#[test]
fn value_and_file_together_are_an_error() {
    let (_dir, path) = file("redis://cache");
    let error = refused(&[("REDIS_URL", "redis://other"), ("REDIS_URL_FILE", &path)]);
    insta::assert_snapshot!(error, @r"
    a setting cannot be used:
      REDIS_URL and REDIS_URL_FILE are both set: unset one of them
    ");
    assert_eq!(
        worker(&[("REDIS_URL", ""), ("REDIS_URL_FILE", &path)]).store.redis_url.expose(),
        "redis://cache"
    );
}

#[test]
fn only_secrets_are_read_from_files() {
    let (_dir, path) = file("50");
    let (settings, warnings) = WorkerSettings::from_vars(vars(&[("QUEUE_MAX_SIZE_FILE", &path)])).unwrap();
    assert_eq!(settings.queue.max_size, 10_000);
    assert_eq!(warnings, [Warning::NoFile { name: "QUEUE_MAX_SIZE" }]);
}

#[test]
fn passwords_are_masked_even_when_they_break_the_url() {
    let cases = [
        ("amqp://user:hunter2@rabbit:5672/v", "amqp://user:***@rabbit:5672/v"),
        ("amqp://user:hunt@er2@rabbit/v", "amqp://user:***@rabbit/v"),
        ("amqp://user:hunt/er2?#@rabbit/v", "amqp://user:***@rabbit/v"),
        ("redis://hunter2@cache", "redis://***@cache"),
        ("redis://:hunter2@cache/0", "redis://:***@cache/0"),
        ("amqp://rabbit/v?password=hunter2", "amqp://rabbit/v?***"),
        ("redis://cache/0#hunter2", "redis://cache/0#***"),
        ("redis://cache/0?password=hunter2", "redis://cache/0?***"),
        ("redis://u:hunter2@cache/hunter2", "redis://u:***@cache/***"),
        ("redis-cluster://a:1,b:2/hunter2", "redis-cluster://a:1,b:2/***"),
        ("amqp://hunter2@rabbit/%2f", "amqp://***@rabbit/%2f"),
        ("hunter2", "***"),
        ("hunter2://x", "***"),
        ("ftp://user:hunter2@host", "***"),
        ("", "***"),
    ];
    for (url, masked) in cases {
        assert_eq!(crate::mask::mask_url(url), masked, "{url}");
    }
}

#[test]
fn what_config_prints_has_no_secret_and_names_the_source() {
    let (_dir, path) = file("redis://:hunter2@cache");
    let environment = vars(&[
        ("AMQP_URL", "amqp://u:hunter3@rabbit/v"),
        ("REDIS_URL_FILE", &path),
        ("WORKER_NAME", "attic"),
    ]);
    let (rows, _) = describe(Program::Worker, environment).unwrap();
    let find = |name| rows.iter().find(|row| row.name == name).unwrap();
    assert_eq!(find("AMQP_URL").value.as_deref(), Some("amqp://u:***@rabbit/v"));
    assert_eq!(find("AMQP_URL").source, "environment");
    assert_eq!(find("REDIS_URL").source, format!("file {path}"));
    assert_eq!(find("MEDIA_ROOTS").value, None);
    for text in [rows_table(&rows, None), rows_json(&rows), format!("{rows:?}")] {
        assert!(!text.contains("hunter"), "{text}");
    }
}

#[test]
fn config_prints_every_variable_of_the_program() {
    let (rows, _) = describe(Program::Worker, vars(&[("WORKER_NAME", "attic")])).unwrap();
    let read = VARIABLES.iter().filter(|variable| variable.used_by != UsedBy::Producer);
    assert_eq!(rows.len(), read.count());
    insta::assert_snapshot!(rows_table(&rows, Some(160)));
    let json: serde_json::Value = serde_json::from_str(&rows_json(&rows)).unwrap();
    assert_eq!(json[0]["name"], "ANALYSIS_MAX_WORKERS");
    assert_eq!(json[0]["value"], "4");
    assert_eq!(json[0]["source"], "default");
}
