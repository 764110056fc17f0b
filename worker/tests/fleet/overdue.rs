//! Retries that the broker does not bring back.

use shared::broker::lapin::options::{
    BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueuePurgeOptions,
};
use shared::broker::lapin::types::{AMQPValue, FieldTable};
use shared::broker::lapin::{BasicProperties, Confirmation};
use shared::job::{BatchId, FileRef, Job};

use crate::harness::private::PrivateServers;
use crate::harness::{Fleet, LOW, NORMAL, Servers, Worker, until};

/// Jobs of a root that no worker has: each is retried once and then ends.
fn passing_failures(fleet: &Fleet, batch: BatchId, count: usize) -> Vec<Job> {
    let job = |number: usize| {
        let job = fleet.job(batch, &format!("{number}.wav"), NORMAL);
        Job { file: FileRef { root: "elsewhere".to_owned(), path: job.file.path.clone() }, ..job }
    };
    (0..count).map(job).collect()
}

/// Waits until so many messages wait in the first tier.
async fn tier_holds(fleet: &Fleet, count: u32) {
    let tier = fleet.topology.retry(0).unwrap();
    until(&format!("{count} messages in {tier}"), async || {
        let channel = fleet.channel().await;
        let depths = fleet.topology.depths(&channel).await.unwrap();
        channel.close(200, "done".into()).await.unwrap();
        depths.iter().any(|depth| depth.queue == tier && depth.ready == count).then_some(())
    })
    .await;
}

async fn republished(worker: &Worker) -> f64 {
    worker.metrics().await.sum("analysis_overdue_retries_total", &[])
}

/// The queue of a tier is emptied by hand, while other files are analysed and end.
#[tokio::test]
async fn retries_that_are_lost_on_their_way_are_published_again() {
    const LOST: usize = 5;
    const OTHERS: usize = 30;
    let fleet = Fleet::with(&[("RETRY_DELAYS", "8s"), ("WEDGE_TIMEOUT", "2s")]).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let batch = BatchId::new();
    fleet.submit(&passing_failures(&fleet, batch, LOST)).await;
    tier_holds(&fleet, LOST as u32).await;
    let tier = fleet.topology.retry(0).unwrap();
    let purged = fleet.channel().await.queue_purge(tier.into(), QueuePurgeOptions::default()).await.unwrap();
    assert_eq!(purged as usize, LOST, "the messages were purged before they came back by themselves");
    let others = BatchId::new();
    let jobs = fleet.silences(others, OTHERS);
    fleet.submit(&jobs).await;

    let records = fleet.ends(batch, LOST as u64).await;
    for record in &records {
        assert_eq!(record.kind.map(|kind| kind.code()), Some("root_unavailable"));
        assert_eq!(record.attempts, 2, "it was published with its attempt counted");
    }
    fleet.ends(others, OTHERS as u64).await;
    assert_eq!(republished(&worker).await, LOST as f64);
    nothing_is_noted(&fleet).await;
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}

/// A retry that is back in its level's queue waits for its turn there, however long.
#[tokio::test]
async fn a_retry_that_waits_in_the_queue_of_its_level_is_not_published_again() {
    const WAITING: usize = 40;
    let fleet = Fleet::with(&[("RETRY_DELAYS", "200ms"), ("WEDGE_TIMEOUT", "1s")]).await;
    let worker = Worker::ready(&fleet, &[("ANALYSIS_BATCH_SIZE", "1"), ("ANALYSIS_BATCH_MAX", "1")]).await;
    let lanes = worker.freeze().await;
    let others = BatchId::new();
    fleet.submit(&fleet.silences(others, WAITING)).await;
    worker.holds(1, 1).await;
    let batch = BatchId::new();
    let jobs = passing_failures(&fleet, batch, 1);
    let retry = Job { attempt: 1, ..jobs[0].clone() };
    fleet.store.create_batch(batch, "test", 0).await.unwrap();
    // As another worker leaves it: noted, and back in the level's queue.
    let sent = shared::store::SentRetry { job: retry.clone(), delay: std::time::Duration::ZERO };
    fleet.store.note_retries(&[sent], &[]).await.unwrap();
    fleet.publish(&[retry]).await;
    // So long that it has been overdue for several looks.
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    assert_eq!(republished(&worker).await, 0.0);
    for lane in &lanes {
        lane.thaw();
    }
    fleet.ends(batch, 1).await;
    fleet.ends(others, WAITING as u64).await;
    assert_eq!(republished(&worker).await, 0.0);
    nothing_is_noted(&fleet).await;
    worker.stop().await;
    assert_eq!(fleet.queued().await, 0);
}

async fn nothing_is_noted(fleet: &Fleet) {
    until("no retry is noted", async || (fleet.store.noted_retries().await.unwrap() == 0).then_some(()))
        .await;
}

/// RabbitMQ 3.10 moves retries by one process of the whole node, which one message ends. Later versions may not fall for it;
/// then nothing is overdue, and all the same every job ends.
#[tokio::test]
async fn a_broker_that_moves_no_retry_any_more_keeps_none() {
    const JOBS: usize = 20;
    let servers = PrivateServers::start();
    let url = |variable: &str| servers.url(variable).to_owned();
    let at = Servers { amqp: url("AMQP_URL"), redis: url("REDIS_URL") };
    let fleet = Fleet::at(at, &[("RETRY_DELAYS", "500ms"), ("WEDGE_TIMEOUT", "2s")]).await;
    let mut worker = Worker::ready(&fleet, &[]).await;
    let before = BatchId::new();
    fleet.submit(&passing_failures(&fleet, before, JOBS)).await;
    fleet.ends(before, JOBS as u64).await;
    assert_eq!(republished(&worker).await, 0.0);

    forge(&fleet).await;
    let mover = || servers.ctl(&["eval", "whereis(rabbit_fifo_dlx_sup)."]);
    let is_old = servers.ctl(&["eval", "rabbit_misc:version()."]).starts_with("\"3.10.");
    if is_old {
        until("the broker's dead-letter process has ended", async || (mover() == "undefined").then_some(()))
            .await;
    }
    let others = BatchId::new();
    fleet.submit(&fleet.silences(others, JOBS)).await;
    let after = BatchId::new();
    fleet.submit(&passing_failures(&fleet, after, JOBS)).await;
    let records = fleet.ends(after, JOBS as u64).await;
    assert!(records.iter().all(|record| record.attempts == 2), "{records:?}");
    fleet.ends(others, JOBS as u64).await;
    if is_old {
        assert_eq!(republished(&worker).await, JOBS as f64);
        worker.log.says("does not bring retries back").await;
    }
    nothing_is_noted(&fleet).await;
    worker.stop().await;
}

/// The worker writes the message of a retry anew: what another program put beside the job does not travel on.
#[tokio::test]
async fn a_forged_header_of_the_broker_is_not_passed_on() {
    let fleet = Fleet::with(&[("RETRY_DELAYS", "1h")]).await;
    let worker = Worker::ready(&fleet, &[]).await;
    let job = passing_failures(&fleet, BatchId::new(), 1).remove(0);
    let properties = BasicProperties::default().with_headers(forged_headers());
    fleet.publish_raw(NORMAL, &job.encode().unwrap(), properties).await;
    tier_holds(&fleet, 1).await;
    let tier = fleet.topology.retry(0).unwrap();
    let options = BasicGetOptions { no_ack: true };
    let message = fleet.channel().await.basic_get(tier.into(), options).await.unwrap().unwrap();
    assert_eq!(Job::decode(&message.data).unwrap(), Job { attempt: 1, ..job });
    let headers = message.properties.headers().clone().unwrap_or_default();
    assert!(!headers.inner().contains_key("x-death"), "{headers:?}");
    worker.stop().await;
}

fn forged_headers() -> FieldTable {
    let mut headers = FieldTable::default();
    headers.insert("x-death".into(), AMQPValue::FieldArray(vec![AMQPValue::LongInt(1)].into()));
    headers
}

/// A message with a header that only the broker should write, published by the road that a retry takes.
async fn forge(fleet: &Fleet) {
    let channel = fleet.channel().await;
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let properties = BasicProperties::default().with_headers(forged_headers());
    let (exchange, level) = (fleet.topology.retry(0).unwrap(), fleet.topology.levels.name(LOW));
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let sent =
        channel.basic_publish(exchange.into(), level.into(), options, b"hello", properties).await.unwrap();
    assert!(matches!(sent.await.unwrap(), Confirmation::Ack(None)));
}
