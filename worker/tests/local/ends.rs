//! Every sample in its end, and the exit code that follows.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use shared::outcome::Outcome;

use crate::harness::{analyze, folder, records, run, samples, truth};

#[test]
fn every_sample_ends_as_its_truth_says() {
    let ended = run(analyze([samples()]).args(["--format", "ndjson"]));
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let records = records(&ended.stdout);
    let by_path: BTreeMap<String, _> = records.iter().map(|record| (record.path.clone(), record)).collect();
    assert_eq!(by_path.len(), records.len(), "each once");
    let path = |folder: &str, sample: &Value| {
        samples().join(folder).join(sample["path"].as_str().unwrap()).display().to_string()
    };
    for sample in truth("") {
        let record = by_path[&path("", &sample)];
        assert_eq!(record.outcome, Outcome::Ok, "{record:?}");
        assert!(record.report.as_ref().unwrap().loudness.is_some(), "{record:?}");
    }
    for sample in truth("bad") {
        let record = by_path[&path("bad", &sample)];
        let kind = record.kind.filter(|_| record.outcome == Outcome::Failed).map(|kind| kind.code());
        let mut accepted = sample["accept"].as_array().unwrap().iter();
        let fits = |end: &Value| end["outcome"] == record.outcome.code() && end["kind"].as_str() == kind;
        assert!(accepted.any(fits), "{record:?}");
    }
    assert_eq!(records.len(), truth("").len() + truth("bad").len());
    for failed in records.iter().filter(|record| record.outcome == Outcome::Failed) {
        assert!(failed.reason().is_some_and(|reason| reason.contains(": ")), "{failed:?}");
    }
    assert!(ended.stderr.contains("2 other files left out (2 .json)"), "{}", ended.stderr);
}

#[test]
fn all_fine_is_zero_and_quiet_is_quiet() {
    let folder = folder(&[("house.wav", "a/house.wav"), ("bad/silence.wav", "silence.wav")]);
    let ended = run(analyze([folder.path()]).args(["--format", "ndjson"]));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.starts_with("2 files in "), "{}", ended.stderr);
    let ended = run(analyze([folder.path()]).args(["--format", "ndjson", "--quiet"]));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(records(&ended.stdout).len(), 2);
}

#[test]
fn a_folder_without_audio_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("cover.jpg"), "x").unwrap();
    let ended = run(analyze([folder.path()]).args(["--format", "ndjson"]));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains("no audio files found"), "{}", ended.stderr);
    assert!(ended.stderr.contains("1 .jpg"), "{}", ended.stderr);
}
