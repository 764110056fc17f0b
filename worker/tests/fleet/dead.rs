//! What the broker gave up on comes to an end all the same.

use shared::broker::lapin::BasicProperties;
use shared::broker::lapin::options::{BasicGetOptions, BasicNackOptions};
use shared::broker::lapin::types::{AMQPValue, FieldTable};
use shared::job::{BatchId, Job};

use crate::harness::{Fleet, HIGH, LOW, NORMAL, Worker, until};

/// Deliveries that a level's queue allows.
const DELIVERY_LIMIT: usize = 50;

fn properties(job: &Job, revivals: Option<i64>) -> BasicProperties {
    let mut headers = FieldTable::default();
    if let Some(revivals) = revivals {
        headers.insert("x-revivals".into(), AMQPValue::LongLongInt(revivals));
    }
    BasicProperties::default()
        .with_message_id(job.job_id.to_string().into())
        .with_correlation_id(job.batch_id.to_string().into())
        .with_headers(headers)
}

async fn waits_in(fleet: &Fleet, queue: &str, count: u32) {
    until(&format!("{count} messages in {queue}"), async || {
        let channel = fleet.channel().await;
        let depths = fleet.topology.depths(&channel).await.unwrap();
        channel.close(200, "done".into()).await.unwrap();
        depths.iter().any(|depth| depth.queue == queue && depth.ready == count).then_some(())
    })
    .await;
}

/// Takes a message and gives it back, until the broker does so no more.
async fn wear_out(fleet: &Fleet, queue: &str) {
    let channel = fleet.channel().await;
    for delivery in 0..=DELIVERY_LIMIT {
        let message = until(&format!("delivery {delivery}"), async || {
            channel.basic_get(queue.into(), BasicGetOptions::default()).await.unwrap()
        })
        .await;
        let back = BasicNackOptions { requeue: true, multiple: false };
        assert!(message.delivery.acker.nack(back).await.unwrap());
    }
    channel.close(200, "done".into()).await.unwrap();
}

#[tokio::test]
async fn a_job_that_never_started_comes_back_from_the_dead() {
    let fleet = Fleet::with(&[]).await;
    let batch = fleet.submit_sample("bad/flac_named.mp3", LOW).await;
    wear_out(&fleet, &fleet.topology.level_queue(LOW)).await;
    waits_in(&fleet, &fleet.topology.dead(), 1).await;

    let worker = Worker::ready(&fleet, &[]).await;
    let record = fleet.ends(batch, 1).await.remove(0);
    assert_eq!(record.outcome.code(), "ok", "{record:?}");
    assert_eq!((record.attempts, record.priority.as_deref()), (1, Some("low")));
    let metrics = worker.metrics().await;
    assert_eq!(metrics.sum("analysis_dead_letters_total", &[("fate", "revived")]), 1.0);
    assert_eq!(metrics.sum("analysis_dead_letters_total", &[]), 1.0);
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}

#[tokio::test]
async fn every_other_dead_letter_is_a_stored_end() {
    let fleet = Fleet::with(&[]).await;
    let batch = BatchId::new();
    fleet.store.create_batch(batch, "dead", 0).await.unwrap();
    fleet.put("bad/flac_named.mp3", "a.mp3");
    let job = |level| fleet.job(batch, "a.mp3", level);
    let (started, restless, forged, ended, garbage) =
        (job(HIGH), job(NORMAL), job(NORMAL), job(LOW), job(LOW));
    fleet.store.started(&[(batch, started.job_id)]).await.unwrap();
    let worker = Worker::ready(&fleet, &[]).await;
    fleet.submit(std::slice::from_ref(&ended)).await;
    fleet.ends(batch, 1).await;

    for (job, revivals) in [(&started, None), (&restless, Some(3)), (&forged, Some(-1)), (&ended, None)] {
        fleet.bury(job.priority, &job.encode().unwrap(), properties(job, revivals)).await;
    }
    fleet.bury(LOW, b"no job", properties(&garbage, None)).await;
    let records = fleet.ends(batch, 5).await;
    let expected = [
        (&started, Some("crash_loop"), "had been started 1 times", "high"),
        (&restless, Some("undeliverable"), "4 times", "normal"),
        (&forged, Some("undeliverable"), "before any worker started it", "normal"),
        (&ended, None, "", "low"),
        (&garbage, Some("unreadable_message"), "given up on it", "low"),
    ];
    for (job, kind, words, level) in expected {
        let record = records.iter().find(|record| record.job_id == Some(job.job_id)).unwrap();
        assert_eq!(record.kind.map(|kind| kind.code()), kind, "{record:?}");
        assert!(record.detail.as_deref().unwrap_or_default().contains(words), "{record:?}");
        assert_eq!(record.priority.as_deref(), Some(level), "{record:?}");
    }
    assert_eq!(fleet.starts(&started).await, 0, "an end closes the account");
    let stored = fleet.stored(batch).await;
    assert!(stored.iter().any(|end| end.job.as_ref() == Some(&started)), "what a replay publishes");
    until("every letter is counted", async || {
        let metrics = worker.metrics().await;
        let fates = [("failed", 3.0), ("ended", 1.0), ("unreadable", 1.0), ("revived", 0.0)];
        fates
            .iter()
            .all(|(fate, count)| metrics.sum("analysis_dead_letters_total", &[("fate", fate)]) == *count)
            .then_some(())
    })
    .await;
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}
