//! The same records as table, NDJSON, CSV and JSON.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::record::Record;

use crate::harness::{Ended, analyze, folder, records, run};

const FILES: [(&str, &str); 3] = [
    ("house.wav", "house, \"club\".wav"),
    ("bad/empty.mp3", "empty.mp3"),
    ("bad/silence.wav", "silence.wav"),
];

fn printed(format: &str) -> (tempfile::TempDir, Ended) {
    let folder = folder(&FILES);
    let ended = run(analyze([folder.path()]).args(["--format", format]));
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    (folder, ended)
}

fn names(paths: impl Iterator<Item = String>) -> BTreeSet<String> {
    paths.map(|path| path.rsplit('/').next().unwrap().to_owned()).collect()
}

fn all_names() -> BTreeSet<String> {
    names(FILES.iter().map(|(_, name)| (*name).to_owned()))
}

#[test]
fn a_table_has_a_line_for_each_file_and_the_reasons() {
    let (_folder, ended) = printed("table");
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 1 + FILES.len(), "{}", ended.stdout);
    assert!(lines[0].starts_with("FILE"));
    let line = |name: &str| *lines.iter().find(|line| line.contains(name)).unwrap();
    assert!(line("empty.mp3").contains("failed") && line("empty.mp3").contains("the file is empty"));
    assert!(line("silence.wav").contains("not_applicable"));
    assert!(line("club").contains("ok") && line("club").contains("Distant Lantern"));
    // The default, on a terminal or not.
    let folder = folder(&FILES);
    assert!(run(&mut analyze([folder.path()])).stdout.starts_with("FILE"));
}

#[test]
fn json_is_one_array() {
    let (_folder, ended) = printed("json");
    let array: Vec<Record> = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(names(array.into_iter().map(|record| record.path)), all_names());
}

#[test]
fn csv_has_a_header_and_quotes_what_needs_it() {
    let (_folder, ended) = printed("csv");
    let mut reader = csv::Reader::from_reader(ended.stdout.as_bytes());
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|column| column == name).unwrap();
    let (path, outcome, title) = (column("path"), column("outcome"), column("title"));
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(names(rows.iter().map(|row| row[path].to_owned())), all_names());
    let house = rows.iter().find(|row| row[path].contains("club")).unwrap();
    assert_eq!((&house[outcome], &house[title]), ("ok", "Distant Lantern"));
}

#[test]
fn ndjson_of_one_small_file() {
    let folder = folder(&[("bad/flac_named.mp3", "a.flac")]);
    let mut command = analyze([folder.path().join("a.flac")]);
    // What the other features find is tested where they are; here it is the shape of a line.
    command.args(["--format", "ndjson"]).env("ANALYSIS_FEATURES", "loudness,quality,silence,tags,waveform");
    let ended = run(&mut command);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(records(&ended.stdout).len(), 1);
    let mut record: Value = serde_json::from_str(&ended.stdout).unwrap();
    for volatile in ["path", "elapsed_seconds", "finished_at", "modified_ns"] {
        assert!(!record[volatile].is_null(), "{volatile}");
        record[volatile] = json!("…");
    }
    // That it runs on another processor or by another version of its libraries must not matter here.
    record["report"]["timings_seconds"] = json!("…");
    record["report"]["versions"] = json!("…");
    record["analyser"] = json!("…");
    insta::assert_json_snapshot!(rounded(record));
}

/// To three digits, and long lists by their length.
fn rounded(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => json!((number.as_f64().unwrap() * 1e3).round() / 1e3),
        Value::Array(items) if items.len() > 16 => json!(format!("{} items", items.len())),
        Value::Array(items) => items.into_iter().map(rounded).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, rounded(value))).collect(),
        other => other,
    }
}
