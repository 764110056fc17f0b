//! Jobs that no worker takes: said by `enqueue` and `watch`, and the workers that `status` lists.

use serde_json::Value;
use shared::broker::lapin::Consumer;
use shared::broker::lapin::options::{BasicConsumeOptions, BasicQosOptions};
use shared::broker::lapin::types::FieldTable;
use shared::broker::{Broker, Publisher, Route};
use shared::job::{BatchId, Job, Priority};
use shared::store::WorkerAnnouncement;

use crate::fleet::{Fleet, Running, finish};

/// Takes from the queue of a level, as a worker does, until what is returned is dropped.
async fn consume(fleet: &Fleet, level: &str) -> (Broker, Consumer) {
    let broker = fleet.broker().await;
    let channel = broker.channel().await.unwrap();
    channel.basic_qos(1, BasicQosOptions::default()).await.unwrap();
    let queue = format!("{}.{level}", fleet.prefix);
    let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
    let consumer = channel.basic_consume(queue.into(), "test".into(), options, arguments).await.unwrap();
    (broker, consumer)
}

async fn announce(fleet: &Fleet, name: &str, levels: &[&str], roots: &[&str]) -> WorkerAnnouncement {
    let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let worker = WorkerAnnouncement {
        name: name.to_owned(),
        version: "1.2.3".to_owned(),
        lanes: 4,
        holds_at_most: 14,
        levels: own(levels),
        roots: own(roots),
        roots_away: Vec::new(),
    };
    fleet.store().announce_worker(&worker, None).await.unwrap();
    worker
}

async fn cut(mut running: Running, expected: &str) {
    running.expect(expected).await;
    running.kill().await;
}

#[tokio::test]
async fn a_level_that_no_worker_takes_from_is_named() {
    let fleet = Fleet::new();
    fleet.file("a.mp3");
    let told = format!("no worker takes from level low (queue {}.low has no consumer)", fleet.prefix);
    let output = fleet.run(&["enqueue", fleet.root(), "--priority", "low"]).await;
    assert_eq!(output.code, 0, "{output:?}");
    assert_eq!(output.stderr.matches(&told).count(), 1, "{output:?}");
    let batch = output.stdout.trim().to_owned();
    cut(fleet.start(&["watch", &batch]), &told).await;
    cut(fleet.start(&["enqueue", fleet.root(), "--priority", "low", "--watch"]), &told).await;

    let _consumer = consume(&fleet, "low").await;
    let output = fleet.run(&["enqueue", fleet.root(), "--priority", "low"]).await;
    assert!(!output.stderr.contains("no worker"), "{output:?}");
}

#[tokio::test]
async fn a_long_run_hears_of_it_while_it_goes_on() {
    let fleet = Fleet::with_max_size(5);
    fleet.files(40);
    // The queue is full and nobody empties it: the run does not end.
    let told = format!("no worker takes from level normal (queue {}.normal has no consumer)", fleet.prefix);
    cut(fleet.start(&["enqueue", fleet.root()]), &told).await;
}

#[tokio::test]
async fn a_root_that_no_worker_has_is_named() {
    let fleet = Fleet::new();
    fleet.file("a.mp3");
    assert_eq!(fleet.run(&["topology", "apply"]).await.code, 0);
    let _consumer = consume(&fleet, "normal").await;
    announce(&fleet, "w1", &["normal", "low"], &["other", "tape"]).await;
    // It has the root, but takes from another level.
    announce(&fleet, "w2", &["high"], &["music"]).await;
    let told = "no worker that takes from level normal has the media root 'music' (they have: other, tape)";
    let output = fleet.run(&["enqueue", fleet.root()]).await;
    assert!(output.code == 0 && output.stderr.contains(told), "{output:?}");
    cut(fleet.start(&["watch", output.stdout.trim()]), told).await;
    // A consumer that announces nothing may have any root.
    let _unknown = consume(&fleet, "normal").await;
    let output = fleet.run(&["enqueue", fleet.root()]).await;
    assert!(!output.stderr.contains("no worker"), "{output:?}");
}

#[tokio::test]
async fn watching_another_programs_batch_looks_at_every_queue() {
    let fleet = Fleet::new();
    let batch = BatchId::new();
    fleet.store().create_batch(batch, "foreign", 1_700_000_000_000).await.unwrap();
    let broker = fleet.broker().await;
    let publisher = Publisher::open(&broker, fleet.topology()).await.unwrap();
    let job = Job { priority: Priority(0), ..fleet.job(batch, "a.mp3") };
    publisher.publish(&job, Route::Level(Priority(0))).await.unwrap();
    fleet.store().seal_batch(batch, 1).await.unwrap();
    let told = format!("no worker takes from level high (queue {}.high has no consumer)", fleet.prefix);
    cut(fleet.start(&["watch", &batch.to_string()]), &told).await;
}

#[tokio::test]
async fn status_lists_the_workers() {
    let fleet = Fleet::new();
    let output = fleet.run(&["status"]).await;
    assert!(output.code == 0 && output.stdout.contains("no worker has announced itself"), "{output:?}");
    announce(&fleet, "w1", &["high", "normal"], &["music", "tape"]).await;
    let gone = announce(&fleet, "w2", &["low"], &["music"]).await;
    let output = fleet.run(&["status", "--json"]).await;
    let status: Value = serde_json::from_str(&output.stdout).unwrap();
    let workers = status["workers"].as_array().unwrap();
    assert_eq!(workers.len(), 2, "{output:?}");
    assert_eq!(
        (&workers[0]["name"], &workers[0]["version"], &workers[0]["lanes"]),
        (&"w1".into(), &"1.2.3".into(), &4.into())
    );
    assert_eq!((&workers[0]["levels"][1], &workers[0]["roots"][1]), (&"normal".into(), &"tape".into()));
    assert!(workers[0]["seen_seconds_ago"].as_u64().unwrap() < 60, "{output:?}");
    let output = fleet.run(&["status"]).await;
    let row = output.stdout.lines().find(|line| line.contains("w1")).unwrap();
    assert!(
        row.contains("high,normal") && row.contains("music,tape") && row.trim_end().ends_with(" ago"),
        "{output:?}"
    );
    fleet.store().withdraw_worker(&gone).await.unwrap();
    assert!(!fleet.run(&["status"]).await.stdout.contains("w2"));

    let mut command = fleet.command(&["status", "--json"]);
    command.env("REDIS_URL", "redis://127.0.0.1:1");
    let status: Value = serde_json::from_str(&finish(command).await.stdout).unwrap();
    assert_eq!(status["workers"], Value::Null);
}
