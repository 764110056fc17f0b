//! `producer failures`.

use serde_json::Value;
use shared::job::{BatchId, JobId};
use shared::outcome::{End, FailureKind};
use shared::record::Record;
use shared::store::Finished;

use crate::fleet::{Fleet, Output};

fn paths(output: &Output) -> Vec<String> {
    let path = |line: &str| serde_json::from_str::<Value>(line).unwrap()["path"].as_str().unwrap().to_owned();
    output.stdout.lines().map(path).collect()
}

/// The command that standard error offers for what comes next.
fn next(output: &Output) -> Option<Vec<String>> {
    let command = output.stderr.strip_prefix("more: producer ")?;
    Some(command.split_whitespace().map(str::to_owned).collect())
}

async fn garbage(fleet: &Fleet) {
    let (job_id, batch_id) = (JobId::new(), BatchId::STRAY);
    let mut record = Record::new(b"", End::Failed(FailureKind::UnreadableMessage));
    (record.job_id, record.batch_id) = (Some(job_id), Some(batch_id));
    let end = Finished { job_id, batch_id, record, job: None, message: Some(b"garbage".to_vec()) };
    assert_eq!(fleet.store().finish(&[end]).await.unwrap(), [true]);
}

#[tokio::test]
async fn a_failure_is_told_in_every_format() {
    let fleet = Fleet::new();
    let (batch, jobs) = fleet.failed(FailureKind::Corrupt, &["a,\"b\".mp3"]).await;
    let output = fleet.run(&["failures", "last"]).await;
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
    let row: Value = serde_json::from_str(&output.stdout).unwrap();
    let wanted = [
        ("path", Value::from("music/a,\"b\".mp3")),
        ("kind", "corrupt".into()),
        ("detail", "line one\nline two".into()),
        ("attempts", 2.into()),
        ("worker", "w-1".into()),
        ("batch_id", batch.to_string().into()),
        ("job_id", jobs[0].job_id.to_string().into()),
        ("retryable", true.into()),
    ];
    for (field, value) in wanted {
        assert_eq!(row[field], value, "{field}");
    }
    let when = row["finished_at"].as_str().unwrap();
    assert!(when.ends_with('Z'), "{when}");
    let csv = fleet.run(&["failures", "last", "--format", "csv"]).await.stdout;
    assert!(csv.starts_with("path,path_hex,kind,detail,attempts,worker,finished_at,"), "{csv}");
    assert!(csv.contains("\n\"music/a,\"\"b\"\".mp3\",,corrupt,\"line one\nline two\",2,w-1,"), "{csv}");
    let table = fleet.run(&["failures", "last", "--format", "table"]).await.stdout;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 2, "{table}");
    assert!(lines[1].starts_with("corrupt ") && lines[1].contains(&when[..10]), "{table}");
    assert!(lines[1].ends_with("line one\\nline two"), "{table}");
}

#[tokio::test]
async fn all_batches_come_the_newest_first_and_what_nobody_submitted_last() {
    let fleet = Fleet::new();
    let output = fleet.run(&["failures"]).await;
    assert_eq!((output.code, output.stdout.as_str(), output.stderr.as_str()), (0, "", "no failures\n"));
    let names = ["1", "2", "3"];
    fleet
        .failed(FailureKind::Corrupt, &names.map(|n| ["old-", n].concat()).each_ref().map(String::as_str))
        .await;
    fleet.failed(FailureKind::Io, &names.map(|n| ["new-", n].concat()).each_ref().map(String::as_str)).await;
    garbage(&fleet).await;
    let all = ["new-1", "new-2", "new-3", "old-1", "old-2", "old-3"].map(|name| format!("music/{name}"));
    let all = [&all[..], &[String::new()]].concat();
    let whole = fleet.run(&["failures"]).await;
    assert_eq!(paths(&whole), all);
    assert!(whole.stdout.lines().last().unwrap().ends_with("\"retryable\":false}"), "{whole:?}");

    for limit in ["1", "2", "3", "4"] {
        let mut args: Vec<String> = ["failures", "--limit", limit].map(str::to_owned).to_vec();
        let mut found = Vec::new();
        loop {
            let output = fleet.run(&args.iter().map(String::as_str).collect::<Vec<_>>()).await;
            found.extend(paths(&output));
            let Some(more) = next(&output) else { break };
            args = more;
        }
        assert_eq!(found, all, "by {limit}");
    }
    let kinds = fleet.run(&["failures", "--kind", "io", "--kind", "unreadable_message"]).await;
    assert_eq!(paths(&kinds), [&all[..3], &all[6..]].concat());
    let none = fleet.run(&["failures", "--kind", "crash"]).await;
    assert_eq!((none.stdout.as_str(), none.stderr.as_str()), ("", "no failures\n"));
}

#[tokio::test]
async fn a_cursor_of_the_results_goes_on_in_the_failures_of_the_same_batch() {
    let fleet = Fleet::new();
    let (batch, _) = fleet.failed(FailureKind::Corrupt, &["a", "b", "c"]).await;
    let batch = batch.to_string();
    let first = fleet.run(&["results", &batch, "--limit", "1"]).await;
    let cursor = first.stderr.split_whitespace().last().unwrap();
    let rest = fleet.run(&["failures", &batch, "--cursor", cursor]).await;
    assert_eq!(paths(&rest), ["music/b", "music/c"]);
    assert_eq!(fleet.run(&["failures", "ffff"]).await.code, 1);
}

#[tokio::test]
async fn more_failures_than_a_page_are_all_listed() {
    let fleet = Fleet::new();
    let names: Vec<String> = (0..1100).map(|number| format!("{number:04}")).collect();
    fleet.failed(FailureKind::Corrupt, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let output = fleet.run(&["failures", "last"]).await;
    let all: Vec<String> = names.iter().map(|name| format!("music/{name}")).collect();
    assert_eq!(paths(&output), all);
}
