//! The same records as table, NDJSON, CSV and JSON.

use std::collections::BTreeSet;
use std::process::Stdio;

use serde_json::{Value, json};
use shared::record::Record;

use crate::harness::{Ended, analyze, folder, many, records, run, worker};
use crate::pty::Terminal;

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
    // Nobody looks: what can be of any length stands behind.
    assert!(lines[0].starts_with("OUTCOME") && lines[0].contains(" FILE "));
    let line = |name: &str| *lines.iter().find(|line| line.contains(name)).unwrap();
    assert!(line("empty.mp3").contains("failed") && line("empty.mp3").contains("the file is empty"));
    assert!(line("silence.wav").contains("not_applicable"));
    assert!(line("club").contains("ok") && line("club").contains("Distant Lantern"));
    // The default, on a terminal or not.
    let folder = folder(&FILES);
    assert!(run(&mut analyze([folder.path()])).stdout.starts_with("OUTCOME"));
}

#[test]
fn a_table_fits_the_terminal_and_names_the_folder_once() {
    let long = "07 - A Night at the Harbour with Many Friends (Extended Mix).wav";
    let folder = folder(&[
        ("house.wav", "music/house.wav"),
        ("waltz.flac", &format!("music/{long}")),
        ("bad/text_named.mp3", "music/broken/text.mp3"),
    ]);
    for width in [60, 80, 120, 200] {
        let terminal = Terminal::new(width);
        let mut command = analyze(["music"]);
        command.current_dir(&folder).stdout(terminal.stdio()).stderr(Stdio::null());
        let status = command.env("TERM", "xterm").status().unwrap();
        // Its own copies of the terminal would keep it open.
        drop(command);
        let text = terminal.read_to_end();
        assert_eq!(status.code(), Some(1), "{text}");
        for colour in ["\u{1b}[1m", "\u{1b}[31m", "\u{1b}[2m", "\u{1b}[0m"] {
            assert!(colour == "\u{1b}[2m" || text.contains(colour), "{text:?}");
        }
        let plain = ["\u{1b}[1m", "\u{1b}[31m", "\u{1b}[2m", "\u{1b}[0m"]
            .iter()
            .fold(text, |text, code| text.replace(code, ""));
        let lines: Vec<&str> = plain.lines().collect();
        assert!(lines.iter().all(|line| line.chars().count() <= width.into()), "{plain}");
        let starts: Vec<&str> = lines.iter().map(|line| line.split(['.', ' ']).next().unwrap()).collect();
        assert_eq!(starts, ["FILE", "music/", "07", "house", "music/broken/", "text"], "{plain}");
        assert!(
            lines[3].contains("124.0 ") && lines[5].contains("failed  corrupt: ") || width > 80,
            "{plain}"
        );
    }
}

#[test]
fn without_colours_where_nobody_wants_them() {
    let folder = folder(&FILES);
    let terminal = Terminal::new(80);
    let mut command = analyze([folder.path()]);
    command.env("NO_COLOR", "1").stdout(terminal.stdio()).stderr(Stdio::null()).status().unwrap();
    drop(command);
    let text = terminal.read_to_end();
    assert!(text.contains("failed") && !text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn rows_come_in_the_order_of_the_folders_on_any_number_of_lanes() {
    let folder = folder(&[
        ("house.wav", "b/long.wav"),
        ("bad/silence.wav", "a.wav"),
        ("bad/tenth_of_a_second.wav", "b/short.wav"),
        ("bad/silence.flac", "c.flac"),
        ("waltz.flac", "0.flac"),
    ]);
    for (format, names) in [
        ("csv", &["0.flac", "a.wav", "c.flac", "b/long.wav", "b/short.wav"][..]),
        ("ndjson", &["0.flac", "a.wav", "c.flac", "b/long.wav", "b/short.wav"]),
        ("m3u", &["0.flac", "b/long.wav"]),
    ] {
        let mut command = worker(["analyze", "--jobs", "4", "--format", format]);
        let ended = run(command.arg(folder.path()));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let path = |line: &str| line.split([',', '"']).find(|part| part.starts_with('/')).map(str::to_owned);
        let paths: Vec<String> = ended.stdout.lines().filter_map(path).collect();
        let wanted: Vec<String> =
            names.iter().map(|name| format!("{}/{name}", folder.path().display())).collect();
        assert_eq!(paths, wanted, "{format}: {}", ended.stdout);
    }
}

#[test]
fn parts_that_nobody_wants_are_not_there() {
    let folder = folder(&[("bad/flac_named.mp3", "a.flac")]);
    let mut command = analyze([folder.path()]);
    command.args(["--format", "ndjson", "--features", "tempo,loudness,waveform", "--without", "waveform"]);
    let ended = run(&mut command);
    let records = records(&ended.stdout);
    let report = records[0].report.as_ref().unwrap();
    assert!(
        report.loudness.is_some() && report.waveform.is_none() && report.key.is_none(),
        "{}",
        ended.stdout
    );
    assert!(report.tempo.is_some() || report.tempo_absence.is_some(), "{}", ended.stdout);
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

#[test]
fn a_bar_is_drawn_beside_a_file_and_not_beside_a_pipe() {
    let folder = many(600);
    let out = folder.path().join("results.csv");
    let mut terminal = Terminal::new(80);
    let mut command = analyze([folder.path()]);
    command.env("TERM", "xterm").stderr(terminal.stdio());
    let mut child = command.arg("--out").arg(&out).spawn().unwrap();
    drop(command);
    let drawn = terminal.read_until(&["/600 files"]);
    assert!(drawn.contains("\u{1b}[2K"), "{drawn:?}");
    let rest = terminal.read_to_end();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{rest}");
    assert!(rest.contains("600 files in ") && rest.contains("results: "), "{rest}");
    // Whoever reads the pipe may write to the same terminal.
    let terminal = Terminal::new(80);
    let mut command = analyze([folder.path()]);
    let child = command.env("TERM", "xterm").stderr(terminal.stdio()).spawn().unwrap();
    drop(command);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
    let said = terminal.read_to_end();
    assert!(said.starts_with("600 files in ") && !said.contains('\u{1b}'), "{said:?}");
}
