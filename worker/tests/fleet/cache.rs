//! Audio that is known already.

use std::fs;

use shared::job::{BatchId, Job};
use shared::record::Record;

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
