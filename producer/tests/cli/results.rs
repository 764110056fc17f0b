//! `producer results`.

use shared::job::BatchId;
use shared::outcome::{End, FailureKind};

use crate::fleet::{Fleet, Output};

/// Every third file has failed.
async fn finished(fleet: &Fleet, files: usize) -> BatchId {
    let batch = BatchId::new();
    fleet.store().create_batch(batch, "test", 1_700_000_000_000).await.unwrap();
    let ends: Vec<(String, End)> = (0..files)
        .map(|n| {
            (format!("{n:05}.mp3"), if n % 3 == 2 { End::Failed(FailureKind::Corrupt) } else { End::Ok })
        })
        .collect();
    let ends: Vec<_> = ends.iter().map(|(path, end)| (path.as_str(), *end, Some("a, \"b\""))).collect();
    for part in ends.chunks(1000) {
        fleet.finish(batch, part).await;
    }
    fleet.store().seal_batch(batch, files as u64).await.unwrap();
    batch
}

fn paths(output: &Output) -> Vec<String> {
    let line = |line: &str| {
        serde_json::from_str::<serde_json::Value>(line).unwrap()["path"].as_str().unwrap().to_owned()
    };
    output.stdout.lines().map(line).collect()
}

/// The command that standard error offers for what comes next.
fn next(output: &Output) -> Option<Vec<String>> {
    let command = output.stderr.strip_prefix("more: producer ")?;
    Some(command.split_whitespace().map(str::to_owned).collect())
}

#[tokio::test]
async fn records_come_in_every_format() {
    let fleet = Fleet::new();
    let batch = finished(&fleet, 3).await.to_string();
    let ndjson = fleet.run(&["results", &batch]).await;
    assert_eq!((ndjson.code, ndjson.stderr.as_str()), (0, ""), "{ndjson:?}");
    assert_eq!(paths(&ndjson), ["music/00000.mp3", "music/00001.mp3", "music/00002.mp3"]);
    let json = fleet.run(&["results", &batch, "--format", "json"]).await;
    let array: Vec<serde_json::Value> = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((array.len(), &array[2]["kind"]), (3, &"corrupt".into()));
    let csv = fleet.run(&["results", "last", "--format", "csv"]).await;
    let lines: Vec<&str> = csv.stdout.lines().collect();
    assert!(lines.len() == 4 && lines[0].starts_with("path,outcome,kind,detail,"), "{csv:?}");
    assert!(lines[3].starts_with("music/00002.mp3,failed,corrupt,\"a, \"\"b\"\"\","), "{csv:?}");
    let table = fleet.run(&["results", &batch, "--format", "table"]).await;
    assert!(table.stdout.starts_with("OUTCOME") && table.stdout.contains("corrupt: a, \"b\""), "{table:?}");
}

#[tokio::test]
async fn pages_join_without_a_seam() {
    let fleet = Fleet::new();
    // More than a page of the program's own.
    let batch = finished(&fleet, 1201).await.to_string();
    let whole = fleet.run(&["results", &batch]).await;
    let expected: Vec<String> = (0..1201).map(|n| format!("music/{n:05}.mp3")).collect();
    assert_eq!(paths(&whole), expected);
    let mut args: Vec<String> =
        ["results", &batch, "--format", "ndjson", "--limit", "700"].map(String::from).to_vec();
    let mut found = Vec::new();
    loop {
        let output = fleet.run(&args.iter().map(String::as_str).collect::<Vec<_>>()).await;
        found.extend(paths(&output));
        let Some(more) = next(&output) else { break };
        assert_eq!(more[..6], args[..6]);
        args = more;
    }
    assert_eq!(found, expected);
}

#[tokio::test]
async fn failures_are_paged_by_themselves() {
    let fleet = Fleet::new();
    let batch = finished(&fleet, 30).await.to_string();
    let expected: Vec<String> = (0..30).filter(|n| n % 3 == 2).map(|n| format!("music/{n:05}.mp3")).collect();
    let all = fleet.run(&["results", &batch, "--failed"]).await;
    assert_eq!(paths(&all), expected);
    let first = fleet.run(&["results", &batch, "--failed", "--limit", "4"]).await;
    assert_eq!(paths(&first), expected[..4]);
    let more = next(&first).unwrap();
    let second = fleet.run(&more.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(paths(&second), expected[4..8]);
    // A cursor from the whole list, at a file that has not failed: music/00009.mp3.
    let ten = next(&fleet.run(&["results", &batch, "--limit", "10"]).await).unwrap();
    let rest = fleet.run(&["results", &batch, "--failed", "--cursor", ten.last().unwrap()]).await;
    assert_eq!(paths(&rest), expected[3..]);
}

#[tokio::test]
async fn an_unfinished_batch_says_so() {
    let fleet = Fleet::new();
    let batch = finished(&fleet, 2).await;
    fleet.store().seal_batch(batch, 5).await.unwrap();
    let output = fleet.run(&["results", &batch.to_string()]).await;
    assert_eq!((output.code, paths(&output).len()), (0, 2));
    assert_eq!(output.stderr, "the batch is not complete: 2 of 5 files done so far\n");
}

#[tokio::test]
async fn a_reader_that_leaves_early_is_no_error() {
    let fleet = Fleet::new();
    // Far more than a pipe holds.
    let batch = finished(&fleet, 3000).await.to_string();
    for format in ["ndjson", "csv", "json", "table"] {
        let mut running = fleet.start(&["results", &batch, "--format", format]);
        assert!(!running.read_one_line().await.is_empty());
        let output = running.end().await;
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{format}: {output:?}");
    }
}

#[tokio::test]
async fn what_is_no_cursor_or_format_is_a_wrong_usage() {
    let fleet = Fleet::new();
    for (args, text) in [
        (["results", "last", "--cursor", "x"], "'x' is not a cursor"),
        (["results", "last", "--format", "xml"], "[possible values: table, ndjson, csv, json]"),
        (["results", "last", "--limit", "0"], "0 is not in 1.."),
    ] {
        let output = fleet.run(&args).await;
        assert_eq!(output.code, 2, "{output:?}");
        assert!(output.stderr.contains(text), "{output:?}");
    }
}
