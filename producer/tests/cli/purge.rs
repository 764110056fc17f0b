//! `producer purge`.

use shared::broker::lapin::BasicProperties;
use shared::broker::lapin::options::BasicPublishOptions;
use shared::broker::{Fate, Publisher, Route};
use shared::job::{BatchId, Job};
use shared::outcome::{End, Outcome};
use shared::store::{BatchState, Cursor};

use crate::fleet::Fleet;

async fn enqueue(fleet: &Fleet, level: &str) -> String {
    let output = fleet.run(&["enqueue", fleet.root(), "--priority", level]).await;
    assert_eq!(output.code, 0, "{output:?}");
    output.stdout.trim().to_owned()
}

fn cancelled(state: &BatchState) -> (u64, bool) {
    (state.outcomes[&Outcome::Cancelled], state.is_complete())
}

#[tokio::test]
async fn it_asks_before_and_nothing_vanishes() {
    let fleet = Fleet::new();
    fleet.files(600);
    let (high, low) = (enqueue(&fleet, "high").await, enqueue(&fleet, "low").await);
    let output = fleet.run(&["purge"]).await;
    assert_eq!(output.code, 2, "{output:?}");
    assert!(
        output.stderr.contains("1200 messages would be purged: --yes says that you mean it"),
        "{output:?}"
    );
    assert_eq!((fleet.depth("high").await, fleet.depth("low").await), (600, 600));

    let output = fleet.run(&["purge", "--yes", "--level", "high"]).await;
    assert_eq!((output.code, output.stdout.as_str()), (0, ""), "{output:?}");
    let line = format!("{}.high: 600 messages purged: 600 jobs ended as cancelled\n", fleet.prefix);
    assert_eq!(output.stderr, line);
    assert_eq!((fleet.depth("high").await, fleet.depth("low").await), (0, 600));
    assert_eq!(cancelled(&fleet.batch(&high).await), (600, true));
    assert_eq!(cancelled(&fleet.batch(&low).await), (0, false));
    let page = fleet.store().page(high.parse().unwrap(), &Cursor::start(), 1).await.unwrap();
    let record = &page.records[0];
    assert_eq!((record.attempts, record.priority.as_deref()), (0, Some("high")));
    assert_eq!(
        record.detail.as_deref(),
        Some(format!("purged from the queue {}.high", fleet.prefix).as_str())
    );

    assert_eq!(fleet.run(&["purge", "--yes"]).await.code, 0);
    assert_eq!(cancelled(&fleet.batch(&low).await), (600, true));
    let output = fleet.run(&["purge"]).await;
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stderr.starts_with("nothing to purge: no message waits in "), "{output:?}");

    // And back again.
    let output = fleet.run(&["retry", &high, "--cancelled"]).await;
    assert_eq!(output.code, 0, "{output:?}");
    assert_eq!((fleet.depth("high").await, fleet.batch(&high).await.done()), (600, 0));
}

#[tokio::test]
async fn garbage_becomes_a_failure_and_a_job_that_has_an_end_keeps_it() {
    let fleet = Fleet::new();
    fleet.files(2);
    let batch = enqueue(&fleet, "normal").await;
    let jobs = fleet.take("normal", 2).await;
    fleet.end(&jobs[..1], End::Ok).await;
    let publisher = Publisher::open(&fleet.broker().await, fleet.topology()).await.unwrap();
    for job in &jobs {
        assert_eq!(publisher.publish(job, Route::Level(job.priority)).await.unwrap(), Fate::Accepted);
    }
    let channel = fleet.broker().await.channel().await.unwrap();
    let (exchange, options) = (fleet.prefix.as_str().into(), BasicPublishOptions::default());
    channel
        .basic_publish(exchange, "normal".into(), options, b"garbage", BasicProperties::default())
        .await
        .unwrap();
    while fleet.depth("normal").await < 3 {}
    let output = fleet.run(&["purge", "--yes"]).await;
    let wanted = "3 messages purged: 1 job ended as cancelled, 1 message had its end already, 1 message was no job and is \
                  stored as a failure\n";
    assert!(output.code == 0 && output.stderr.ends_with(wanted), "{output:?}");
    let state = fleet.batch(&batch).await;
    assert_eq!((cancelled(&state), state.outcomes[&Outcome::Ok]), ((1, true), 1));
    let stray = fleet.store().batch(BatchId::STRAY).await.unwrap().unwrap();
    assert_eq!(stray.kinds["unreadable_message"], 1);
}

#[tokio::test]
async fn retries_and_dead_letters_are_purged_when_named() {
    let fleet = Fleet::new();
    fleet.files(3);
    let batch = enqueue(&fleet, "normal").await;
    let jobs: Vec<Job> = fleet.take("normal", 2).await;
    let broker = fleet.broker().await;
    let publisher = Publisher::open(&broker, fleet.topology()).await.unwrap();
    let retry = jobs[0].next_attempt();
    publisher.publish(&retry, Route::Retry { tier: 3, level: retry.priority }).await.unwrap();
    let channel = broker.channel().await.unwrap();
    let (dead, options) = (fleet.topology().dead().into(), BasicPublishOptions::default());
    let body = jobs[1].encode().unwrap();
    channel.basic_publish(dead, "normal".into(), options, &body, BasicProperties::default()).await.unwrap();
    while fleet.depth("dead").await < 1 {}

    let output = fleet.run(&["purge", "--yes", "--retries", "--dead"]).await;
    assert_eq!(output.code, 0, "{output:?}");
    for queue in ["retry.10m", "dead"] {
        let line = format!("{}.{queue}: 1 message purged: 1 job ended as cancelled\n", fleet.prefix);
        assert!(output.stderr.contains(&line), "{output:?}");
    }
    assert_eq!((fleet.depth("normal").await, fleet.depth("dead").await), (1, 0), "the level was not named");
    assert_eq!(cancelled(&fleet.batch(&batch).await), (2, false));
    assert_eq!(fleet.run(&["purge", "-y"]).await.code, 0);
    assert_eq!(cancelled(&fleet.batch(&batch).await), (3, true));
}

#[tokio::test]
async fn without_redis_nothing_leaves_the_queue() {
    let fleet = Fleet::new();
    fleet.files(3);
    enqueue(&fleet, "normal").await;
    let mut command = fleet.command(&["purge", "--yes"]);
    command.env("REDIS_URL", "redis://127.0.0.1:1");
    let output = crate::fleet::finish(command).await;
    assert_eq!(output.code, 69, "{output:?}");
    assert_eq!(fleet.depth("normal").await, 3);
}
