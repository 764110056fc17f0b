//! Audio that is known already.

use std::fs;

use redis::AsyncCommands;
use shared::job::{BatchId, Job, JobId, Seen};
use shared::record::Record;
use shared::report::Report;
use shared::store::{Finished, Known};

use crate::harness::{Fleet, NORMAL, Worker, samples};

const TITLE: &str = "Paper Motor";
const OTHER_TITLE: &str = "Stone Motor";

/// The sample with another title of the same length, so that nothing but the tag differs.
fn retagged() -> Vec<u8> {
    let mut bytes = fs::read(samples().join("waltz.flac")).unwrap();
    let place = bytes.windows(TITLE.len()).position(|window| window == TITLE.as_bytes()).unwrap();
    bytes[place..place + TITLE.len()].copy_from_slice(OTHER_TITLE.as_bytes());
    bytes
}

async fn end_of(fleet: &Fleet, job: Job) -> Record {
    let batch = fleet.submit(&[job]).await;
    fleet.ends(batch, 1).await.remove(0)
}

fn title(record: &Record) -> &str {
    record.report.as_ref().unwrap().tags.as_ref().unwrap().title.as_deref().unwrap()
}

#[tokio::test]
async fn the_same_audio_is_analysed_once_whatever_it_is_called() {
    let fleet = Fleet::with(&[]).await;
    fleet.put("waltz.flac", "waltz.flac");
    fleet.put("waltz.flac", "copies/another name.flac");
    fs::write(fleet.path("retagged.flac"), retagged()).unwrap();
    let job = |name| fleet.job(BatchId::new(), name, NORMAL);
    let worker = Worker::ready(&fleet, &[]).await;

    let first = end_of(&fleet, job("waltz.flac")).await;
    assert_eq!((first.outcome.code(), first.cached, title(&first)), ("ok", false, TITLE));
    let copy = end_of(&fleet, job("copies/another name.flac")).await;
    let other = end_of(&fleet, job("retagged.flac")).await;
    for (record, wanted) in [(&copy, TITLE), (&other, OTHER_TITLE)] {
        assert!(record.cached, "{record:?}");
        assert_eq!(record.identity, first.identity);
        assert_eq!(title(record), wanted);
        let (mut known, own) = (record.report.clone().unwrap(), first.report.clone().unwrap());
        known.tags.clone_from(&own.tags);
        assert_eq!(known, own);
    }
    let forced = end_of(&fleet, Job { force: true, ..job("waltz.flac") }).await;
    assert!(!forced.cached);
    let metrics = worker.metrics().await;
    assert_eq!(metrics.sum("analysis_cache_hits_total", &[("tier", "memory")]), 2.0);
    assert_eq!(metrics.sum("analysis_cache_misses_total", &[]), 1.0);
    worker.stop().await;

    // Another worker knows it from Redis.
    let worker = Worker::ready(&fleet, &[]).await;
    let again = end_of(&fleet, job("retagged.flac")).await;
    assert_eq!((again.cached, title(&again)), (true, OTHER_TITLE));
    assert_eq!(worker.metrics().await.sum("analysis_cache_hits_total", &[("tier", "redis")]), 1.0);
    let cached = fleet.state(again.batch_id.unwrap()).await.unwrap().cached;
    assert_eq!(cached, 1);
    worker.stop().await;
}

/// A short sound that no other number has.
fn sound(number: u16, tag: &[u8]) -> Vec<u8> {
    const RATE: u32 = 8000;
    let step = f64::from(200 + number) * std::f64::consts::TAU / f64::from(RATE);
    let samples = (0..RATE / 2).map(|at| (f64::from(at) * step).sin() * 9000.0);
    let data: Vec<u8> = samples.flat_map(|sample| (sample as i16).to_le_bytes()).collect();
    let mut format = [1u16, 1].map(u16::to_le_bytes).concat();
    format.extend([RATE, RATE * 2].map(u32::to_le_bytes).concat());
    format.extend([2u16, 16].map(u16::to_le_bytes).concat());
    let chunk = |id: &[u8], content: &[u8]| [id, &(content.len() as u32).to_le_bytes(), content].concat();
    let list =
        if tag.is_empty() { Vec::new() } else { chunk(b"LIST", &[b"INFO", &*chunk(b"INAM", tag)].concat()) };
    let body = [b"WAVE", &*chunk(b"fmt ", &format), &*list, &*chunk(b"data", &data)].concat();
    chunk(b"RIFF", &body)
}

#[tokio::test]
async fn hundreds_of_files_are_decoded_once_however_they_are_renamed_moved_and_retagged() {
    const FILES: u16 = 300;
    let fleet = Fleet::with(&[("ANALYSIS_FEATURES", "tags,loudness"), ("ANALYSIS_BATCH_SIZE", "50")]).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let decodes = async || {
        worker.metrics().await.sum("analysis_processing_duration_seconds_count", &[("stage", "analyze")])
    };
    let submit = async |name: fn(u16) -> String, tag: &[u8]| {
        let batch = BatchId::new();
        let jobs: Vec<Job> = (0..FILES)
            .map(|number| {
                fs::write(fleet.path(&name(number)), sound(number, tag)).unwrap();
                fleet.job(batch, &name(number), NORMAL)
            })
            .collect();
        fleet.submit(&jobs).await;
        fleet.ends(batch, FILES.into()).await
    };
    let first = submit(|number| format!("inbox/{number}.wav"), b"").await;
    assert!(first.iter().all(|record| record.outcome.code() == "ok" && !record.cached), "{:?}", first[0]);
    assert_eq!(decodes().await, f64::from(FILES));

    fs::remove_dir_all(fleet.root().join("inbox")).unwrap();
    let again = submit(|number| format!("sorted/{}/take {number}.wav", number % 7), b"New title\0").await;
    assert!(again.iter().all(|record| record.cached && record.recomputed.is_none()), "{:?}", again[0]);
    assert!(again.iter().all(|record| title(record) == "New title"));
    assert_eq!(decodes().await, f64::from(FILES), "nothing was decoded again");
    assert_eq!(worker.metrics().await.sum("analysis_cache_hits_total", &[]), f64::from(FILES));
    worker.stop().await;
}

fn report_key(fleet: &Fleet, record: &Record) -> String {
    let (identity, profile) = (record.identity.as_deref().unwrap(), record.profile.as_deref().unwrap());
    format!("{}:report:{identity}:{profile}", fleet.topology.prefix)
}

/// Makes what Redis knows of this audio older: an analyser before this one made some of its parts.
async fn age(fleet: &Fleet, record: &Record, change: impl FnOnce(&mut Report)) {
    let key = report_key(fleet, record);
    let mut redis = fleet.redis().await;
    let bytes: Vec<u8> = redis.get(&key).await.unwrap();
    let mut known: Known = rmp_serde::from_slice(&bytes).unwrap();
    change(&mut known.report);
    let _: () = redis.set(&key, rmp_serde::to_vec_named(&known).unwrap()).await.unwrap();
}

#[tokio::test]
async fn of_a_report_with_an_old_part_that_part_alone_is_computed_anew() {
    let fleet = Fleet::with(&[]).await;
    fleet.put("waltz.flac", "waltz.flac");
    let job = || fleet.job(BatchId::new(), "waltz.flac", NORMAL);
    let worker = Worker::ready(&fleet, &[]).await;
    let first = end_of(&fleet, job()).await;
    worker.stop().await;
    let mut wanted = first.report.clone().unwrap();
    age(&fleet, &first, |report| {
        *report.versions.parts.get_mut("tempo").unwrap() -= 1;
        report.tempo = None;
        // A mark by which it is seen that the other parts are kept as they are.
        report.silence.as_mut().unwrap().leading_seconds = 77.0;
    })
    .await;
    wanted.silence.as_mut().unwrap().leading_seconds = 77.0;

    let worker = Worker::ready(&fleet, &[]).await;
    let refreshed = end_of(&fleet, job()).await;
    assert_eq!((refreshed.outcome.code(), refreshed.cached), ("ok", false));
    assert_eq!(refreshed.recomputed.as_deref(), Some("tempo,descriptors,similarity"));
    let again = end_of(&fleet, job()).await;
    assert_eq!((again.cached, again.recomputed.as_deref()), (true, None));
    for record in [&refreshed, &again] {
        let mut report = record.report.clone().unwrap();
        report.timings_seconds.clone_from(&wanted.timings_seconds);
        assert_eq!(report, wanted);
    }
    // Samples that another decoder made have nothing to do with ours.
    let metrics = worker.metrics().await;
    assert_eq!(metrics.sum("analysis_cache_refreshed_total", &[]), 1.0);
    assert_eq!(metrics.sum("analysis_cache_misses_total", &[]), 0.0);
    worker.stop().await;
    age(&fleet, &first, |report| "another".clone_into(&mut report.versions.decoder)).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let whole = end_of(&fleet, job()).await;
    assert_eq!((whole.cached, whole.recomputed.as_deref()), (false, None));
    assert_eq!(worker.metrics().await.sum("analysis_cache_misses_total", &[]), 1.0);
    assert_eq!(whole.report.unwrap().silence, first.report.unwrap().silence);
    worker.stop().await;
}

#[tokio::test]
async fn a_cached_answer_never_replaces_a_report_and_brings_a_lost_one_back() {
    let fleet = Fleet::with(&[]).await;
    fleet.put("waltz.flac", "waltz.flac");
    let worker = Worker::ready(&fleet, &[]).await;
    let first = end_of(&fleet, fleet.job(BatchId::new(), "waltz.flac", NORMAL)).await;
    // Another worker has made it anew meanwhile; this one has the old one in its memory.
    let mark = |report: &mut Report| report.silence.as_mut().unwrap().leading_seconds = 77.0;
    age(&fleet, &first, mark).await;
    let key = report_key(&fleet, &first);
    let mut redis = fleet.redis().await;
    let _: bool = redis.expire(&key, 100).await.unwrap();
    // While other files are analysed, and in the same writes as their ends.
    let batch = BatchId::new();
    let mut jobs = fleet.silences(batch, 5);
    jobs.extend((0..5).map(|_| fleet.job(batch, "waltz.flac", NORMAL)));
    fleet.submit(&jobs).await;
    let records = fleet.ends(batch, 10).await;
    let cached: Vec<&Record> = records.iter().filter(|record| record.identity == first.identity).collect();
    assert_eq!(cached.len(), 5);
    for record in cached {
        assert!(record.cached, "{record:?}");
        assert_eq!(record.report.as_ref().unwrap().silence.as_ref().unwrap().leading_seconds, 77.0);
    }
    let left: i64 = redis.ttl(&key).await.unwrap();
    assert!(left > 100, "it lives on: {left}");

    // Evicted: the answer from memory is written again, before its end.
    let _: bool = redis.del(&key).await.unwrap();
    let again = end_of(&fleet, fleet.job(BatchId::new(), "waltz.flac", NORMAL)).await;
    assert!(again.cached);
    assert_eq!(again.report, first.report);
    assert_eq!(worker.metrics().await.sum("analysis_cache_misses_total", &[]), 2.0);
    worker.stop().await;
}

#[tokio::test]
async fn a_worker_remembers_in_which_state_a_file_ended() {
    let fleet = Fleet::with(&[]).await;
    let analyser = || async { fleet.store.analyser().await.unwrap() };
    assert_eq!(analyser().await, None);
    let worker = Worker::ready(&fleet, &[]).await;
    let analyser = analyser().await.expect("it says so before it is ready");
    for (sample, name) in [("bad/silence.wav", "a.wav"), ("bad/text_named.mp3", "b.mp3")] {
        fleet.put(sample, name);
        let bytes = fs::metadata(fleet.path(name)).unwrap().len();
        let seen = Seen { bytes, modified_ns: 1 };
        let job = Job { seen: Some(seen), ..fleet.job(BatchId::new(), name, NORMAL) };
        let record = end_of(&fleet, job.clone()).await;
        assert_eq!(record.analyser.as_deref(), Some(&*analyser));
        let other = Seen { modified_ns: 2, ..seen };
        let answer = fleet.store.unchanged(&[(&job.file, seen), (&job.file, other)], &analyser).await;
        assert_eq!(answer.unwrap(), [true, false], "{record:?}");
    }
    worker.stop().await;
}

/// The number that an analyser's version begins with, raised.
fn newer(record: &Record) -> Record {
    let mut record = record.clone();
    let report = record.report.as_mut().unwrap();
    let (number, rest) = report.versions.analysis.split_once('+').unwrap();
    report.versions.analysis = format!("{}+{rest}", number.parse::<u32>().unwrap() + 1);
    record
}

#[tokio::test]
async fn an_older_worker_that_analyses_afresh_leaves_a_newer_report_alone() {
    let fleet = Fleet::with(&[]).await;
    fleet.put("waltz.flac", "waltz.flac");
    let job = |force| Job { force, ..fleet.job(BatchId::new(), "waltz.flac", NORMAL) };
    let worker = Worker::ready(&fleet, &[("CACHE_SIZE_MB", "0")]).await;
    let first = end_of(&fleet, job(false)).await;
    // A worker of a later version analyses the same audio.
    let later = Finished {
        job_id: JobId::new(),
        batch_id: BatchId::new(),
        record: newer(&first),
        job: None,
        message: None,
    };
    fleet.store.finish(std::slice::from_ref(&later)).await.unwrap();
    let forced = end_of(&fleet, job(true)).await;
    assert!(!forced.cached, "it was analysed");
    let version = |record: &Record| record.report.as_ref().unwrap().versions.analysis.clone();
    assert_eq!(version(&forced), version(&later.record), "the newer report is what the end refers to");
    // The newer one replaces its own, as any worker of one version does.
    let again = Finished { job_id: JobId::new(), ..later.clone() };
    fleet.store.finish(&[again]).await.unwrap();
    let known = end_of(&fleet, job(false)).await;
    assert_eq!((known.cached, version(&known)), (true, version(&later.record)));
    worker.stop().await;
}
