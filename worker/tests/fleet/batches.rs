//! Whole batches, through two workers.

use std::collections::{BTreeMap, BTreeSet};

use rustix::process::Signal;
use serde_json::{Value, json};
use shared::job::{BatchId, Job, Priority};
use shared::outcome::Outcome;
use shared::record::Record;

use crate::harness::{Fleet, HIGH, LOW, NORMAL, Worker, truth, until};

const LEVELS: [Priority; 3] = [HIGH, NORMAL, LOW];

/// The expected ends of every sample by its name in the media root.
fn expectations() -> BTreeMap<String, Vec<(Value, Value)>> {
    let good = truth("").into_iter().map(|sample| (name("", &sample), vec![(json!("ok"), Value::Null)]));
    let bad = truth("bad").into_iter().map(|sample| {
        let accepted = sample["accept"].as_array().unwrap().iter();
        (name("bad/", &sample), accepted.map(|end| (end["outcome"].clone(), end["kind"].clone())).collect())
    });
    good.chain(bad).collect()
}

fn name(folder: &str, sample: &Value) -> String {
    format!("{folder}{}", sample["path"].as_str().unwrap())
}

fn fits(record: &Record, accepted: &[(Value, Value)]) -> bool {
    accepted.iter().any(|(outcome, kind)| {
        *outcome == record.outcome.code()
            // What is not applicable has a reason, which is no kind of failure.
            && (record.outcome != Outcome::Failed
                || kind.as_str() == record.kind.map(|kind| kind.code()))
    })
}

#[tokio::test]
async fn every_sample_at_every_priority_ends_as_its_truth_says() {
    let fleet = Fleet::with(&[("ANALYSIS_MAX_WORKERS", "2")]).await;
    let expected = expectations();
    let batch = BatchId::new();
    let mut jobs: Vec<Job> = Vec::new();
    for name in expected.keys() {
        fleet.put(name, name);
        jobs.extend(LEVELS.map(|level| fleet.job(batch, name, level)));
    }
    let first = Worker::ready(&fleet, &[("WORKER_NAME", "first")]).await;
    let second = Worker::ready(&fleet, &[("WORKER_NAME", "second")]).await;
    fleet.submit(&jobs).await;

    let records = fleet.ends(batch, jobs.len() as u64).await;
    for record in &records {
        let name = record.path.strip_prefix("music/").unwrap();
        assert!(fits(record, &expected[name]), "{record:?}");
        assert_eq!(record.report.is_some(), record.outcome != Outcome::Failed, "{record:?}");
        assert!(["first", "second"].contains(&record.worker.as_deref().unwrap()));
        assert!(record.outcome != Outcome::Failed || record.detail.is_some(), "{record:?}");
    }
    for level in ["high", "normal", "low"] {
        let of_level = records.iter().filter(|record| record.priority.as_deref() == Some(level)).count();
        assert_eq!(of_level, expected.len(), "{level}");
    }
    reports_tell_the_truth(&records);
    first.stop().await;
    second.stop().await;
    assert_eq!(fleet.queued().await, 0);
}

fn reports_tell_the_truth(records: &[Record]) {
    for sample in truth("") {
        let path = format!("music/{}", sample["path"].as_str().unwrap());
        let of_sample: Vec<&Record> = records.iter().filter(|record| record.path == path).collect();
        assert_eq!(of_sample.len(), 3);
        for record in of_sample {
            let report = record.report.as_ref().unwrap();
            let wanted = sample["duration_seconds"].as_f64().unwrap();
            assert!((report.audio.duration_seconds - wanted).abs() < 0.15, "{path}: {:?}", report.audio);
            assert_eq!(json!(report.audio.sample_rate_hz), sample["sample_rate_hz"], "{path}");
            // Raw AAC has no place for tags; those of CAF and Matroska are not read.
            if !["adts", "caf", "mkv"].contains(&sample["container"].as_str().unwrap()) {
                let title = report.tags.as_ref().and_then(|tags| tags.title.as_deref());
                assert_eq!(title, sample["title"].as_str(), "{path}");
            }
        }
    }
}

/// Small files of every kind of end: the broker and the store are what this batch is about.
const SMALL: [&str; 8] = [
    "empty.mp3",
    "flac_named.mp3",
    "midi.mid",
    "silence.wav",
    "tenth_of_a_second.wav",
    "text_named.mp3",
    "truncated.m4a",
    "truncated.flac",
];

#[tokio::test]
async fn a_thousand_jobs_survive_a_kill_and_a_restart() {
    let fleet = Fleet::with(&[
        ("ANALYSIS_MAX_WORKERS", "2"),
        ("ANALYSIS_BATCH_SIZE", "20"),
        ("ANALYSIS_BATCH_MAX", "20"),
    ])
    .await;
    let batch = BatchId::new();
    let jobs: Vec<Job> = (0..1000)
        .map(|number| {
            let name = format!("{number:04}-{}", SMALL[number % SMALL.len()]);
            fleet.put(&format!("bad/{}", SMALL[number % SMALL.len()]), &name);
            fleet.job(batch, &name, LEVELS[number % LEVELS.len()])
        })
        .collect();
    let killed = Worker::ready(&fleet, &[]).await;
    let mut restarted = Worker::ready(&fleet, &[]).await;
    fleet.submit(&jobs[..400]).await;
    until("400 ends", async || (fleet.done(batch).await == 400).then_some(())).await;

    // Both hold all that they may of each level, 22, 22 and 7: two run, the others wait.
    killed.freeze().await;
    let lanes = restarted.freeze().await;
    fleet.submit(&jobs[400..]).await;
    killed.holds(49, 2).await;
    restarted.holds(49, 2).await;
    killed.kill().await;
    restarted.signal(Signal::TERM);
    restarted.log.says("stopping").await;
    lanes.iter().for_each(|lane| lane.thaw());
    assert_eq!(restarted.exit().await.code(), Some(0));
    assert_eq!(fleet.done(batch).await, 402, "what ran in the stopped worker was finished");
    fleet.queues_hold(598).await;

    let again = Worker::ready(&fleet, &[]).await;
    let records = fleet.ends(batch, 1000).await;
    let submitted: BTreeSet<_> = jobs.iter().map(|job| job.job_id).collect();
    assert!(records.iter().all(|record| submitted.contains(&record.job_id.unwrap())));
    assert_eq!(fleet.state(batch).await.unwrap().accepted, 1000);
    again.stop().await;
    assert_eq!(fleet.queued().await, 0);
}
