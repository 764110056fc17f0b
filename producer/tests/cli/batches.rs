//! `producer batches` and `producer status`.

use shared::job::BatchId;
use shared::outcome::End;

use crate::fleet::{Fleet, finish};
use crate::proxy::Proxy;

async fn make(
    fleet: &Fleet,
    label: &str,
    created_ms: i64,
    accepted: u64,
    done: u64,
    sealed: bool,
) -> BatchId {
    let batch = BatchId::new();
    fleet.store().create_batch(batch, label, created_ms).await.unwrap();
    for n in 0..done {
        fleet.finish(batch, &[(format!("{n}.mp3").as_str(), End::Ok, None)]).await;
    }
    if sealed {
        fleet.store().seal_batch(batch, accepted).await.unwrap();
    } else {
        fleet.store().count_accepted(batch, accepted).await.unwrap();
    }
    batch
}

#[tokio::test]
async fn batches_are_listed_the_newest_first() {
    let fleet = Fleet::new();
    let output = fleet.run(&["batches"]).await;
    assert_eq!((output.code, output.stdout.as_str()), (0, ""));
    assert!(output.stderr.contains("there is no batch yet"), "{output:?}");
    let ids = [
        make(&fleet, "first", 1_700_000_000_000, 2, 2, true).await,
        make(&fleet, "sec\nond", 1_700_000_001_000, 3, 1, true).await,
        make(&fleet, "third", 1_700_000_002_000, 4, 0, false).await,
    ];
    let output = fleet.run(&["batches"]).await;
    let rows: Vec<Vec<&str>> =
        output.stdout.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
    let id = |n: usize| ids[n].to_string();
    let expected = [
        format!("{} 2023-11-14 22:13:22 enqueueing 4 0 0 third", id(2)),
        format!("{} 2023-11-14 22:13:21 running 3 1 0 sec\\nond", id(1)),
        format!("{} 2023-11-14 22:13:20 complete 2 2 0 first", id(0)),
    ];
    assert_eq!(rows.iter().map(|row| row.join(" ")).collect::<Vec<_>>(), expected, "{output:?}");
    let output = fleet.run(&["batches", "--json", "--limit", "1"]).await;
    let list: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!((list.as_array().unwrap().len(), &list[0]["batch_id"]), (1, &id(2).into()));
}

#[tokio::test]
async fn status_shows_queues_and_the_oldest_unfinished_batch() {
    let fleet = Fleet::new();
    let output = fleet.run(&["status"]).await;
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stdout.contains("the first `producer enqueue` or `worker run` makes them"), "{output:?}");
    assert!(output.stdout.contains("no batch is unfinished"), "{output:?}");
    fleet.files(2);
    assert_eq!(fleet.run(&["enqueue", fleet.root(), "--label", "young", "-p", "low"]).await.code, 0);
    let oldest = make(&fleet, "old", 1_700_000_000_000, 3, 1, true).await;
    let output = fleet.run(&["status"]).await;
    assert_eq!(output.code, 0, "{output:?}");
    let row = |queue: &str| {
        let queue = format!("{}.{queue}", fleet.prefix);
        let line = output.stdout.lines().find(|line| line.contains(&queue)).unwrap();
        line.split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!((row("low"), row("high")), (vec!["2".into(), "0".into()], vec!["0".into(), "0".into()]));
    assert!(output.stdout.contains(&format!("oldest unfinished batch: {oldest} (old), made ")), "{output:?}");
    assert!(output.stdout.trim_end().ends_with("ago, 1 of 3 done"), "{output:?}");
    let output = fleet.run(&["status", "--json"]).await;
    let status: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(status["rabbitmq"]["reachable"], true);
    assert_eq!(status["queues"][2]["ready"], 2);
    assert_eq!(status["oldest_unfinished_batch"]["batch_id"], oldest.to_string());
}

/// The network of a pod that has just started may open some seconds later.
#[tokio::test]
async fn status_waits_for_a_way_that_opens_late() {
    let mut fleet = Fleet::new();
    let (amqp_proxy, amqp_url) = Proxy::before(&fleet.amqp_url).await;
    let (redis_proxy, redis_url) = Proxy::before(&fleet.redis_url).await;
    amqp_proxy.unplug();
    redis_proxy.unplug();
    (fleet.amqp_url, fleet.redis_url) = (amqp_url, redis_url);
    let mut running = fleet.start(&["status"]);
    for _ in 0..2 {
        running.expect("; trying for 5 s").await;
    }
    amqp_proxy.plug();
    redis_proxy.plug();
    let output = running.end().await;
    assert_eq!(output.code, 0, "{output:?}");
    let states: Vec<&str> = output.stdout.lines().take(2).map(|line| &line[..12]).collect();
    assert_eq!(states, ["RabbitMQ  ok", "Redis     ok"], "{output:?}");
}

#[tokio::test]
async fn status_names_each_server_that_is_down() {
    let fleet = Fleet::new();
    let mut command = fleet.command(&["status"]);
    command.env("AMQP_URL", "amqp://me:s3cret@127.0.0.1:1");
    let output = finish(command).await;
    assert_eq!(output.code, 1, "{output:?}");
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert!(lines[0].starts_with("RabbitMQ  DOWN  RabbitMQ at amqp://me:***@127.0.0.1:1"), "{output:?}");
    assert!(lines[0].ends_with("(tried for 5 s)"), "{output:?}");
    assert!(output.stderr.contains("; trying for 5 s\n"), "{output:?}");
    assert!(lines[1].starts_with("Redis     ok "), "{output:?}");
    let mut command = fleet.command(&["status", "--json"]);
    command.env("REDIS_URL", "redis://:s3cret@127.0.0.1:1");
    let output = finish(command).await;
    assert_eq!(output.code, 1, "{output:?}");
    let status: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(
        (&status["rabbitmq"]["reachable"], &status["redis"]["reachable"]),
        (&true.into(), &false.into())
    );
    assert!(!output.stdout.contains("s3cret"), "{output:?}");
}
