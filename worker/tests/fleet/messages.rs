//! Messages that are no jobs.

use std::collections::{BTreeMap, BTreeSet};

use shared::broker::lapin::BasicProperties;
use shared::job::{BatchId, Job, JobId, MAX_MESSAGE_BYTES, Priority};
use shared::outcome::{FailureKind, Kind};
use shared::record::Record;

use crate::harness::{Fleet, HIGH, LOW, NORMAL, Worker};

/// A sound message with some of its bytes replaced by as many others: what no producer of ours writes.
fn forged(job: &Job, from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut body = job.encode().unwrap();
    assert_eq!(from.len(), to.len());
    let mut places = (0..body.len()).filter(|place| body[*place..].starts_with(from));
    let (place, None) = (places.next().unwrap(), places.next()) else { panic!("ambiguous") };
    body[place..place + to.len()].copy_from_slice(to);
    body
}

fn properties(job: &Job) -> BasicProperties {
    BasicProperties::default()
        .with_message_id(job.job_id.to_string().into())
        .with_correlation_id(job.batch_id.to_string().into())
}

fn kind(record: &Record) -> FailureKind {
    let Some(Kind::Failure(kind)) = record.kind else { panic!("no failure: {record:?}") };
    kind
}

#[tokio::test]
async fn garbage_is_stored_and_the_worker_goes_on() {
    let fleet = Fleet::with(&[]).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let none = BasicProperties::default();
    let oversized = vec![0xc0; MAX_MESSAGE_BYTES + 1];
    fleet.publish_raw(HIGH, b"not a job", none.clone()).await;
    fleet.publish_raw(NORMAL, b"", none.clone()).await;
    fleet.publish_raw(LOW, &oversized, none.clone().with_correlation_id("no batch".into())).await;
    // The same garbage twice is one record.
    fleet.publish_raw(HIGH, b"not a job", none).await;

    let records = fleet.ends(BatchId::STRAY, 3).await;
    let details: BTreeMap<&str, &str> =
        records.iter().map(|r| (r.detail.as_deref().unwrap(), kind(r).code())).collect();
    assert_eq!(details.len(), 3, "each says what is wrong: {details:?}");
    assert!(details.values().all(|kind| *kind == "unreadable_message"), "{details:?}");
    assert!(details.keys().any(|detail| detail.contains("65537 bytes; the limit is 65536")), "{details:?}");

    let stored = fleet.stored(BatchId::STRAY).await;
    let messages: BTreeSet<Vec<u8>> = stored.into_iter().map(|end| end.message.unwrap()).collect();
    assert_eq!(messages, BTreeSet::from([b"not a job".to_vec(), Vec::new(), oversized[..4096].to_vec()]));

    let good = fleet.submit_sample("bad/flac_named.mp3", LOW).await;
    assert_eq!(fleet.ends(good, 1).await[0].outcome.code(), "ok");
    let metrics = worker.metrics().await;
    assert_eq!(metrics.sum("analysis_failures_total", &[("kind", "unreadable_message")]), 3.0);
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
    assert_eq!(fleet.done(BatchId::STRAY).await, 3);
}

#[tokio::test]
async fn a_message_whose_properties_name_its_batch_ends_there() {
    let fleet = Fleet::with(&[]).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let batch = BatchId::new();
    fleet.store.create_batch(batch, "forged", 0).await.unwrap();
    let job = |name| fleet.job(batch, name, NORMAL);
    let (climbing, absolute, newer, foreign, garbage) =
        (job("aa/up.wav"), job("etc/passwd"), job("a.wav"), job("b.wav"), job("c.wav"));
    let version = [&b"schema_version"[..], &[1]].concat();
    let next_version = [&b"schema_version"[..], &[2]].concat();
    let messages = [
        (&climbing, forged(&climbing, b"aa/up.wav", b"../up.wav"), "unreadable_message", "'..'"),
        (&absolute, forged(&absolute, b"etc/passwd", b"/tc/passwd"), "unreadable_message", "absolute"),
        (&newer, forged(&newer, &version, &next_version), "unsupported_version", "schema version 2"),
        (&foreign, forged(&foreign, b"analysis.job", b"analysis.cow"), "unreadable_message", "analysis.cow"),
        (&garbage, b"\xff\x00".to_vec(), "unreadable_message", "not a job"),
    ];
    for (job, body, _, _) in &messages {
        fleet.publish_raw(NORMAL, body, properties(job)).await;
    }

    let records = fleet.ends(batch, messages.len() as u64).await;
    let by_job: BTreeMap<JobId, &Record> = records.iter().map(|r| (r.job_id.unwrap(), r)).collect();
    for (job, _, wanted, words) in &messages {
        let record = by_job[&job.job_id];
        assert_eq!(kind(record).code(), *wanted, "{record:?}");
        assert!(record.detail.as_deref().unwrap().contains(words), "{record:?}");
    }
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
    assert_eq!(fleet.state(BatchId::STRAY).await, None);
}

#[tokio::test]
async fn numbers_at_their_edges_are_no_end_of_a_worker() {
    let fleet = Fleet::with(&[]).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let batch = BatchId::new();
    fleet.store.create_batch(batch, "edges", 0).await.unwrap();
    fleet.put("bad/silence.wav", "a.wav");
    let sound = fleet.job(batch, "a.wav", NORMAL);
    let edges = [i64::MIN, -1, i64::MAX].map(|time| Job {
        submitted_at_ms: time,
        job_id: JobId::new(),
        ..sound.clone()
    });
    let tried = Job { attempt: u16::MAX, job_id: JobId::new(), ..sound.clone() };
    let low = Job { priority: Priority(u8::MAX), job_id: JobId::new(), ..sound };
    let jobs: Vec<Job> = edges.into_iter().chain([tried, low]).collect();
    for job in &jobs {
        fleet.publish_raw(NORMAL, &job.encode().unwrap(), properties(job)).await;
    }
    let records = fleet.ends(batch, jobs.len() as u64).await;
    assert!(records.iter().all(|record| record.outcome.code() == "not_applicable"), "{records:?}");
    worker.stop().await;
}
