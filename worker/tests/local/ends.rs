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

/// Keeps the first processor busy until it is dropped.
#[cfg(target_os = "linux")]
struct BusyProcessor(std::sync::Arc<std::sync::atomic::AtomicBool>);

#[cfg(target_os = "linux")]
impl BusyProcessor {
    fn with(threads: usize) -> Self {
        use std::sync::atomic::{AtomicBool, Ordering};
        let ended = std::sync::Arc::new(AtomicBool::new(false));
        for _ in 0..threads {
            let ended = std::sync::Arc::clone(&ended);
            std::thread::spawn(move || {
                let mut first = rustix::thread::CpuSet::new();
                first.set(0);
                rustix::thread::sched_setaffinity(None, &first).unwrap();
                while !ended.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        Self(ended)
    }
}

#[cfg(target_os = "linux")]
impl Drop for BusyProcessor {
    fn drop(&mut self) {
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}

/// A healthy file is no time-out because its lane gets a small part of a processor: one of so many that each second of work
/// takes far longer than the time limit.
#[test]
#[cfg(target_os = "linux")]
fn a_lane_that_waits_for_a_processor_has_its_time_all_the_same() {
    let folder = folder(&[("drum_and_bass.ogg", "a.ogg")]);
    let mut longest = 0.0;
    // A faster processor takes more to keep busy.
    for threads in [24, 96, 384] {
        let busy = BusyProcessor::with(threads);
        let ended = run(analyze([folder.path()])
            .args(["--format", "ndjson"])
            .env("ANALYSIS_TIMEOUT", "1s")
            .env("WORKER_CPU_AFFINITY", "0"));
        drop(busy);
        let records = records(&ended.stdout);
        assert_eq!(records[0].outcome.code(), "ok", "{:?}", records[0].detail);
        longest = records[0].elapsed_seconds;
        if longest > 3.0 {
            return;
        }
    }
    panic!("the test is no test: {longest} s");
}
