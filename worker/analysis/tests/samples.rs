//! The samples, good and bad, against the truth beside them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use analysis::{Analysis, Error, Input, Options, Verdict, analyze, identify};
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../loadtest/samples")
}

fn input(path: &Path) -> Input {
    let extension = path.extension().map(|it| it.to_string_lossy().into_owned());
    Input { file: File::open(path).unwrap(), extension }
}

/// Path and truth of every file that `directory` has a truth for, which must be all of its files.
fn truths(directory: &Path) -> Vec<(PathBuf, Value)> {
    let text = fs::read_to_string(directory.join("truth.json")).unwrap();
    let truth: Value = serde_json::from_str(&text).unwrap();
    let files = truth["files"].as_array().unwrap();
    let listed =
        fs::read_dir(directory).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_file()).count();
    assert_eq!(files.len() + 1, listed, "{}", directory.display());
    files.iter().map(|file| (directory.join(file["path"].as_str().unwrap()), file.clone())).collect()
}

#[track_caller]
fn near(what: &str, path: &Path, value: f64, expected: f64, tolerance: f64) {
    let name = path.display();
    assert!(
        (value - expected).abs() <= tolerance,
        "{name}: {what} {value}, expected {expected} ± {tolerance}"
    );
}

#[test]
fn good_samples_are_what_they_are() {
    for (path, truth) in truths(&samples()) {
        let analysis = analyze(input(&path), &Options::default(), &mut |_| {}).unwrap();
        assert_eq!(analysis.verdict, Verdict::Complete, "{}", path.display());
        let audio = &analysis.report.audio;
        for (field, value) in [("container", &audio.container), ("codec", &audio.codec)] {
            assert_eq!(Some(value.as_str()), truth[field].as_str(), "{}", path.display());
        }
        assert_eq!(audio.lossless, truth["lossless"].as_bool());
        assert_eq!(u64::from(audio.sample_rate_hz), truth["sample_rate_hz"].as_u64().unwrap());
        assert_eq!(u64::from(audio.channels), truth["channels"].as_u64().unwrap());
        assert_eq!(audio.bit_depth.map(u64::from), truth["bit_depth"].as_u64(), "{}", path.display());
        near("duration", &path, audio.duration_seconds, truth["duration_seconds"].as_f64().unwrap(), 0.1);
        loudness_is_right(&path, &analysis, &truth);
        tags_are_right(&path, &analysis, &truth);
        let identified = identify(input(&path), &Options::default(), &mut |_| {}).unwrap();
        assert_eq!(identified.identity, analysis.identity, "{}", path.display());
        assert_eq!(identified.tags, analysis.report.tags, "{}", path.display());
    }
}

fn loudness_is_right(path: &Path, analysis: &Analysis, truth: &Value) {
    let loudness = analysis.report.loudness.as_ref().unwrap();
    if let Some(expected) = truth["integrated_lufs"].as_f64() {
        near("loudness", path, loudness.integrated_lufs.unwrap(), expected, 0.1);
    }
    if let Some(expected) = truth["true_peak_dbtp"].as_f64() {
        // FFmpeg resamples to 192 kHz with a longer filter: at low rates it oversamples more than four times.
        let tolerance = if analysis.report.audio.sample_rate_hz < 32_000 { 0.5 } else { 0.15 };
        near("true peak", path, loudness.true_peak_dbtp.unwrap(), expected, tolerance);
    }
}

fn tags_are_right(path: &Path, analysis: &Analysis, truth: &Value) {
    let tags = analysis.report.tags.as_ref().unwrap();
    let fields =
        [("title", &tags.title), ("artist", &tags.artist), ("album", &tags.album), ("genre", &tags.genre)];
    for (field, value) in fields {
        assert_eq!(value.as_deref(), truth[field].as_str(), "{}: {field}", path.display());
    }
}

/// The outcome and its kind, as records call them.
fn outcome(answer: &Result<Analysis, Error>) -> (&'static str, Option<&'static str>) {
    match answer {
        Ok(Analysis { verdict: Verdict::Complete, .. }) => ("ok", None),
        Ok(Analysis { verdict: Verdict::Partial { .. }, .. }) => ("partial", None),
        Ok(Analysis { verdict: Verdict::NotApplicable { .. }, .. }) => ("not_applicable", None),
        Err(Error::Unsupported { .. }) => ("failed", Some("unsupported")),
        Err(Error::Corrupt { .. }) => ("failed", Some("corrupt")),
        Err(Error::TooLarge { .. }) => ("failed", Some("too_large")),
        Err(Error::Io(_)) => ("failed", Some("io")),
    }
}

#[test]
fn bad_samples_end_as_they_should() {
    for (path, truth) in truths(&samples().join("bad")) {
        let answer = analyze(input(&path), &Options::default(), &mut |_| {});
        let (outcome, kind) = outcome(&answer);
        let accepted = truth["accept"].as_array().unwrap();
        let fits = accepted.iter().any(|it| it["outcome"] == outcome && it["kind"].as_str() == kind);
        assert!(fits, "{}: {outcome} {kind:?}: {answer:?}", path.display());
    }
}
