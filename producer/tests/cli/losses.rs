//! What should be in Redis and is not, and a Redis that takes no results or may lose them.

use shared::job::{BatchId, JobId};
use shared::outcome::{End, FailureKind};
use shared::record::Record;
use shared::report::Report;
use shared::store::Finished;

use crate::fleet::{Fleet, Output, finish};
use crate::redis_server::PrivateRedis;

fn redis(fleet: &Fleet, arguments: &[&str]) {
    let output =
        std::process::Command::new("redis-cli").args(["-u", &fleet.redis_url]).args(arguments).output();
    assert_eq!(String::from_utf8_lossy(&output.unwrap().stdout).trim(), "1", "{arguments:?}");
}

fn identity(number: usize) -> String {
    format!("{number:032x}")
}

/// A complete batch of so many files with a report each, and two that failed.
async fn complete(fleet: &Fleet, files: usize) -> BatchId {
    let batch = BatchId::new();
    fleet.store().create_batch(batch, "test", 1_700_000_000_000).await.unwrap();
    let ends: Vec<Finished> = (0..files)
        .map(|number| {
            let mut record = Record::new(format!("music/{number}.flac").as_bytes(), End::Ok);
            (record.identity, record.profile) = (Some(identity(number)), Some("p".into()));
            record.report = Some(Box::<Report>::default());
            let job_id = JobId::new();
            record.job_id = Some(job_id);
            Finished { job_id, batch_id: batch, record, job: None, message: None }
        })
        .collect();
    fleet.store().finish(&ends).await.unwrap();
    let failed = End::Failed(FailureKind::Corrupt);
    fleet.finish(batch, &[("bad.mp3", failed, None), ("worse.mp3", failed, None)]).await;
    fleet.store().seal_batch(batch, files as u64 + 2).await.unwrap();
    batch
}

fn lose_report(fleet: &Fleet, number: usize) {
    redis(fleet, &["DEL", &format!("{}:report:{}:p", fleet.prefix, identity(number))]);
}

fn lines(output: &Output) -> usize {
    output.stdout.lines().count()
}

#[tokio::test]
async fn reports_that_are_gone_are_counted_and_named() {
    let fleet = Fleet::new();
    let batch = complete(&fleet, 15).await.to_string();
    for args in [["results", &batch], ["export", &batch]] {
        let whole = fleet.run(&[&args[..], &["--format", "csv"]].concat()).await;
        assert_eq!((whole.code, whole.stderr.as_str(), lines(&whole)), (0, "", 18), "{whole:?}");
    }
    lose_report(&fleet, 3);
    let commands = [
        (vec!["results", &batch, "--format", "ndjson"], 17),
        (vec!["export", &batch, "--format", "csv"], 18),
        (vec!["export", &batch, "--format", "m3u"], 31),
    ];
    for (args, expected) in &commands {
        let output = fleet.run(args).await;
        assert_eq!((output.code, lines(&output)), (1, *expected), "{output:?}");
        let says = "error: 1 of 15 reports are gone from Redis (evicted, expired or deleted)";
        assert!(output.stderr.starts_with(says), "{output:?}");
        assert!(output.stderr.contains(": music/3.flac; to make them anew: producer enqueue"), "{output:?}");
    }
    // What failed has no report, and pages that lack nothing are whole.
    let failed = fleet.run(&["results", &batch, "--failed"]).await;
    assert_eq!((failed.code, failed.stderr.as_str(), lines(&failed)), (0, "", 2), "{failed:?}");
    let page = fleet.run(&["results", &batch, "--limit", "3"]).await;
    assert_eq!((page.code, lines(&page)), (0, 3), "{page:?}");
    let page = fleet.run(&["results", &batch, "--limit", "4"]).await;
    assert_eq!((page.code, lines(&page)), (1, 4), "{page:?}");

    (0..3).chain(4..15).for_each(|number| lose_report(&fleet, number));
    let output = fleet.run(&["results", &batch, "--format", "ndjson"]).await;
    assert_eq!((output.code, lines(&output)), (1, 17), "{output:?}");
    assert!(
        output.stderr.contains("15 of 15 reports") && output.stderr.contains(" and 5 more;"),
        "{output:?}"
    );
}

#[tokio::test]
async fn a_document_is_written_whole_where_reports_are_gone() {
    let fleet = Fleet::new();
    let batch = complete(&fleet, 2).await.to_string();
    lose_report(&fleet, 0);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("list.csv");
    let output = fleet.run(&["export", &batch, "--format", "csv", "--output", file.to_str().unwrap()]).await;
    assert_eq!(output.code, 1, "{output:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 5);
}

#[tokio::test]
async fn ends_that_are_gone_are_counted() {
    let fleet = Fleet::new();
    let batch = complete(&fleet, 3).await;
    let events = format!("{}:batch:{{{batch}}}:events", fleet.prefix);
    redis(&fleet, &["DEL", &events]);
    let batch = batch.to_string();
    let commands = [
        (
            vec!["results", &batch],
            "error: 5 of 5 ends of this batch are gone from Redis (evicted or deleted)",
        ),
        (vec!["results", &batch, "--failed"], "error: 2 of 2 failures of this batch are gone"),
        (vec!["failures", &batch], "error: 2 of 2 failures of this batch are gone"),
        (vec!["export", &batch, "--format", "csv"], "error: 5 of 5 ends of this batch are gone"),
    ];
    for (args, says) in &commands {
        let output = fleet.run(args).await;
        assert_eq!(output.code, 1, "{output:?}");
        assert!(output.stderr.starts_with(says), "{output:?}");
    }
}

#[tokio::test]
async fn a_batch_that_works_on_has_lost_nothing() {
    let fleet = Fleet::new();
    let (batch, jobs) = fleet.failed(FailureKind::Corrupt, &["a.mp3", "b.mp3"]).await;
    // Accepted, and on its way.
    fleet.store().seal_batch(batch, 3).await.unwrap();
    let output = fleet.run(&["results", &batch.to_string()]).await;
    assert_eq!((output.code, lines(&output)), (0, 2), "{output:?}");
    let output = fleet.run(&["failures", &batch.to_string()]).await;
    assert_eq!((output.code, lines(&output)), (0, jobs.len()), "{output:?}");
}

fn on(fleet: &Fleet, server: &PrivateRedis, args: &[&str]) -> tokio::process::Command {
    let mut command = fleet.command(args);
    command.env("REDIS_URL", server.url());
    command
}

#[tokio::test]
async fn status_is_not_ok_where_redis_takes_no_results() {
    let fleet = Fleet::new();
    let server = PrivateRedis::start(&[]);
    let status = async |args: &[&str]| finish(on(&fleet, &server, args)).await;
    let redis_line = |output: &Output| output.stdout.lines().nth(1).unwrap().to_owned();
    let well = status(&["status"]).await;
    assert_eq!(well.code, 0, "{well:?}");
    assert!(redis_line(&well).starts_with("Redis     ok    redis://127.0.0.1"), "{well:?}");
    server.demote();
    let replica = status(&["status"]).await;
    assert_eq!(replica.code, 1, "{replica:?}");
    let line = redis_line(&replica);
    assert!(line.starts_with("Redis     FAULT Redis at") && line.contains("READONLY"), "{replica:?}");
    let json = status(&["status", "--json"]).await;
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["redis"]["reachable"], true);
    assert!(json["redis"]["error"].as_str().unwrap().contains("READONLY"), "{json}");
    server.promote();
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    let full = status(&["status"]).await;
    assert!(full.code == 1 && redis_line(&full).contains("OOM"), "{full:?}");
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(status(&["status"]).await.code, 0);
}

#[tokio::test]
async fn status_warns_of_a_redis_that_may_evict() {
    let fleet = Fleet::new();
    let server = PrivateRedis::start(&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]);
    let output = finish(on(&fleet, &server, &["status"])).await;
    assert_eq!(output.code, 0, "{output:?}");
    let warning = output.stdout.lines().nth(2).unwrap();
    assert!(warning.contains("warning: Redis (REDIS_URL) may evict results"), "{output:?}");
    assert!(
        warning.contains("allkeys-lru") && warning.ends_with("set maxmemory-policy to noeviction"),
        "{output:?}"
    );
    server.cli(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    let output = finish(on(&fleet, &server, &["status"])).await;
    assert!(!output.stdout.contains("warning"), "{output:?}");
}
