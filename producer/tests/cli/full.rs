//! A queue at its limit, a broker that goes away, a user who has enough.

use std::collections::BTreeSet;

use shared::broker::lapin::options::{ExchangeDeleteOptions, QueueDeleteOptions};
use shared::broker::{Broker, Fate, Publisher, Route};
use shared::job::{BatchId, Job};

use crate::fleet::{Fleet, Output};
use crate::proxy::Proxy;

/// The limit of a quorum queue is soft by the confirm window, which is 8 here.
const LIMIT: u64 = 50;
const FILES: usize = 80;

async fn full_fleet() -> Fleet {
    let fleet = Fleet::with_max_size(LIMIT);
    fleet.announce_worker(1000).await;
    fleet.files(FILES);
    fleet
}

async fn assert_accepted_is_in_the_queue(fleet: &Fleet, output: &Output) -> u64 {
    let state = fleet.batch(output.stdout.trim()).await;
    assert!(state.sealed);
    assert_eq!(state.accepted, u64::from(fleet.depth("normal").await), "{output:?}");
    assert!((LIMIT..FILES as u64).contains(&state.accepted), "{output:?}");
    state.accepted
}

#[tokio::test]
async fn a_full_queue_is_waited_for_in_sight() {
    let fleet = full_fleet().await;
    let mut running = fleet.start(&["enqueue", fleet.root()]);
    let line = running.expect("is full").await;
    let wanted = format!("queue {}.normal is full (QUEUE_MAX_SIZE={LIMIT}): waiting, ", fleet.prefix);
    assert!(line.starts_with(&wanted) && line.ends_with(" accepted so far"), "{line}");
    let mut jobs = fleet.take("normal", 40).await;
    let output = running.end().await;
    assert_eq!(output.code, 0, "{output:?}");
    assert!(
        output.stderr.contains(&format!("queue {}.normal takes jobs again after", fleet.prefix)),
        "{output:?}"
    );
    assert!(output.stderr.contains(&format!("{FILES} files")), "{output:?}");
    assert_eq!(fleet.batch(output.stdout.trim()).await.accepted, FILES as u64);
    jobs.extend(fleet.take("normal", FILES).await);
    let files: BTreeSet<String> = jobs.iter().map(|job| job.file.to_string()).collect();
    assert_eq!((jobs.len(), files.len()), (FILES, FILES));
}

#[tokio::test]
async fn on_full_fail_ends_with_75_and_tells_what_was_accepted() {
    let fleet = full_fleet().await;
    let output = fleet.run(&["enqueue", fleet.root(), "--on-full", "fail"]).await;
    assert_eq!(output.code, 75, "{output:?}");
    let accepted = assert_accepted_is_in_the_queue(&fleet, &output).await;
    assert!(output.stderr.contains(&format!(": {accepted} files (")), "{output:?}");
    assert!(output.stderr.contains(&format!("is full (QUEUE_MAX_SIZE={LIMIT})")), "{output:?}");
}

#[tokio::test]
async fn on_full_skip_names_the_first_file_and_counts_the_others() {
    let fleet = full_fleet().await;
    let output = fleet.run(&["enqueue", fleet.root(), "--on-full", "skip"]).await;
    assert_eq!(output.code, 1, "{output:?}");
    let accepted = assert_accepted_is_in_the_queue(&fleet, &output).await;
    let skipped = FILES - accepted as usize;
    let first = ".mp3: not enqueued, the queue is full; further ones are counted, not named";
    assert_eq!(output.stderr.matches(first).count(), 1, "{output:?}");
    assert!(!output.stderr.contains("takes jobs again"), "{output:?}");
    assert!(output.stderr.contains(&format!("{skipped} files not enqueued: ")), "{output:?}");
}

#[tokio::test]
async fn an_interrupt_closes_the_batch_truthfully() {
    for signal in ["INT", "TERM"] {
        let fleet = full_fleet().await;
        let mut running = fleet.start(&["enqueue", fleet.root()]);
        running.expect("is full").await;
        running.signal(signal);
        let output = running.end().await;
        assert_eq!(output.code, 130, "{output:?}");
        assert!(output.stderr.contains("interrupted: the rest was not enqueued"), "{output:?}");
        assert_accepted_is_in_the_queue(&fleet, &output).await;
    }
}

#[tokio::test]
async fn a_lost_connection_is_shown_and_waited_for() {
    let mut fleet = full_fleet().await;
    let (proxy, url) = Proxy::before(&fleet.amqp_url).await;
    fleet.amqp_url = url;
    let mut running = fleet.start(&["enqueue", fleet.root()]);
    // The one moment that is sure to come before the end.
    running.expect("is full").await;
    proxy.unplug();
    running.expect("the connection to RabbitMQ is lost: waiting, ").await;
    let mut jobs = fleet.take("normal", FILES).await;
    proxy.plug();
    running.expect("RabbitMQ is back after").await;
    let output = running.end().await;
    assert_eq!(output.code, 0, "{output:?}");
    jobs.extend(fleet.take("normal", FILES).await);
    // What was on its way when the cable was cut is sent again, as the same job; nothing is missing.
    let files: BTreeSet<String> = jobs.iter().map(|job| job.file.to_string()).collect();
    let ids: BTreeSet<_> = jobs.iter().map(|job| job.job_id).collect();
    assert_eq!((files.len(), ids.len()), (FILES, FILES));
    assert_eq!(fleet.batch(output.stdout.trim()).await.accepted, FILES as u64);
}

#[tokio::test]
async fn what_is_under_way_goes_on_over_the_next_connection() {
    let fleet = Fleet::new();
    let (proxy, url) = Proxy::before(&fleet.amqp_url).await;
    let broker = Broker::connect(url.as_str(), "test").await.unwrap();
    let publisher = Publisher::open(&broker, fleet.topology()).await.unwrap();
    let level = |job: &Job| Route::Level(job.priority);
    proxy.unplug();
    let down = async {
        while broker.is_up() {
            tokio::task::yield_now().await
        }
    };
    tokio::time::timeout(crate::fleet::LIMIT, down).await.expect("the cable is pulled");
    let (first, second) = (fleet.job(BatchId::new(), "1"), fleet.job(BatchId::new(), "2"));
    let waiting = tokio::spawn({
        let (publisher, first) = (publisher.clone(), first.clone());
        async move { publisher.publish(&first, level(&first)).await }
    });
    proxy.plug();
    assert_eq!(waiting.await.unwrap().unwrap(), Fate::Accepted);
    assert_eq!(publisher.publish(&second, level(&second)).await.unwrap(), Fate::Accepted);
    let jobs = fleet.take("normal", 3).await;
    let sent: BTreeSet<_> = jobs.iter().map(|job| job.job_id).collect();
    assert_eq!(sent, BTreeSet::from([first.job_id, second.job_id]));
}

#[tokio::test]
async fn nothing_is_lost_when_the_cable_is_pulled_in_full_flow() {
    const MANY: usize = 5000;
    let mut fleet = Fleet::new();
    fleet.files(MANY);
    let (proxy, url) = Proxy::before(&fleet.amqp_url).await;
    fleet.amqp_url = url;
    // The queue must exist before it can be asked how full it is.
    Publisher::open(&fleet.broker().await, fleet.topology()).await.unwrap();
    let mut running = fleet.start(&["enqueue", fleet.root()]);
    let flowing = async { while fleet.depth("normal").await < 200 {} };
    tokio::time::timeout(crate::fleet::LIMIT, flowing).await.expect("nothing is enqueued");
    proxy.unplug();
    running.expect("the connection to RabbitMQ is lost").await;
    proxy.plug();
    let output = running.end().await;
    assert_eq!(output.code, 0, "{output:?}");
    let jobs = fleet.take("normal", 2 * MANY).await;
    let files: BTreeSet<String> = jobs.iter().map(|job| job.file.to_string()).collect();
    let ids: BTreeSet<_> = jobs.iter().map(|job| job.job_id).collect();
    assert_eq!((files.len(), ids.len()), (MANY, MANY));
    // Twice at most what was on its way: the window.
    assert!(jobs.len() <= MANY + 8, "{} jobs", jobs.len());
    assert_eq!(fleet.batch(output.stdout.trim()).await.accepted, MANY as u64);
}

#[tokio::test]
async fn an_interrupt_without_a_connection_says_what_is_not_known() {
    let mut fleet = full_fleet().await;
    let (proxy, url) = Proxy::before(&fleet.amqp_url).await;
    fleet.amqp_url = url;
    let mut running = fleet.start(&["enqueue", fleet.root()]);
    running.expect("is full").await;
    proxy.unplug();
    running.expect("the connection to RabbitMQ is lost").await;
    running.signal("INT");
    let output = running.end().await;
    assert_eq!(output.code, 130, "{output:?}");
    assert!(output.stderr.contains(" sent but not confirmed"), "{output:?}");
    assert_accepted_is_in_the_queue(&fleet, &output).await;
}

#[tokio::test]
async fn redis_may_go_away_in_the_middle() {
    let mut fleet = full_fleet().await;
    let direct = fleet.store();
    let (proxy, url) = Proxy::before(&fleet.redis_url).await;
    fleet.redis_url = url;
    let mut running = fleet.start(&["enqueue", fleet.root()]);
    running.expect("is full").await;
    proxy.unplug();
    assert!(fleet.take("normal", FILES).await.len() as u64 >= LIMIT);
    running.expect("waiting to close the batch").await;
    proxy.plug();
    let output = running.end().await;
    assert_eq!(output.code, 0, "{output:?}");
    let state = direct.batch(output.stdout.trim().parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((state.accepted, state.sealed), (FILES as u64, true));
}

#[tokio::test]
async fn an_exchange_that_is_deleted_is_made_again_and_every_file_is_accepted() {
    let fleet = full_fleet().await;
    let mut running = fleet.start(&["enqueue", fleet.root()]);
    running.expect("is full").await;
    let channel = fleet.broker().await.channel().await.unwrap();
    channel.exchange_delete(fleet.prefix.as_str().into(), ExchangeDeleteOptions::default()).await.unwrap();
    let mut jobs = fleet.take("normal", FILES).await;
    let output = running.end().await;
    assert_eq!(output.code, 0, "{output:?}");
    jobs.extend(fleet.take("normal", FILES).await);
    let files: BTreeSet<String> = jobs.iter().map(|job| job.file.to_string()).collect();
    assert_eq!((jobs.len(), files.len()), (FILES, FILES));
    assert_eq!(fleet.batch(output.stdout.trim()).await.accepted, FILES as u64);
}

#[tokio::test]
async fn a_queue_that_is_deleted_ends_the_run_with_the_batch_closed() {
    let fleet = full_fleet().await;
    let mut running = fleet.start(&["enqueue", fleet.root()]);
    running.expect("is full").await;
    let channel = fleet.broker().await.channel().await.unwrap();
    let queue = format!("{}.normal", fleet.prefix);
    channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
    let output = running.end().await;
    assert_eq!(output.code, 69, "{output:?}");
    assert!(output.stderr.contains("no queue takes messages for"), "{output:?}");
    let state = fleet.batch(output.stdout.trim()).await;
    assert!(state.sealed && state.accepted >= LIMIT, "{state:?}");
}

#[tokio::test]
async fn another_limit_on_the_broker_is_told_with_both_values_and_the_remedy() {
    let fleet = Fleet::with_max_size(70);
    Publisher::open(&fleet.broker().await, fleet.topology()).await.unwrap();
    fleet.file("a.mp3");
    let mut command = fleet.command(&["enqueue", fleet.root()]);
    command.env("QUEUE_MAX_SIZE", "50");
    let output = crate::fleet::finish(command).await;
    assert_eq!((output.code, output.stdout.as_str()), (78, ""), "{output:?}");
    let wanted = "exists with x-max-length = 70, but 50 is wanted here. A queue's arguments cannot be changed: set \
                  QUEUE_MAX_SIZE to 70, or stop the fleet, let the queue run empty, delete it (rabbitmqctl delete_queue ";
    assert!(output.stderr.contains(wanted), "{output:?}");
}
