//! A file can be followed through the logs, also from a producer that is not ours.

use serde_json::Value;
use shared::broker::lapin::BasicProperties;
use shared::broker::lapin::types::{AMQPValue, FieldTable};
use shared::job::{BatchId, FileRef, Job};

use crate::harness::{Fleet, NORMAL, Worker};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn traced(job: &Job, header: AMQPValue) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert("traceparent".into(), header);
    BasicProperties::default().with_message_id(job.job_id.to_string().into()).with_headers(headers)
}

fn text(words: &str) -> AMQPValue {
    AMQPValue::LongString(words.into())
}

fn is_of(line: &Value, job: &Job, trace: &str) {
    assert_eq!(line["trace_id"], trace, "{line}");
    assert_eq!(line["job_id"], job.job_id.to_string(), "{line}");
    assert_eq!(line["batch_id"], job.batch_id.to_string(), "{line}");
    assert_eq!(line["file"], job.file.to_string(), "{line}");
}

/// The line that says how a corrupt file failed which came with this header.
async fn failure_with(header: AMQPValue) -> (Value, Job) {
    let fleet = Fleet::with(&[]).await;
    let mut worker = Worker::ready(&fleet, &[]).await;
    fleet.put("bad/empty.mp3", "empty.mp3");
    let job = fleet.job(BatchId::new(), "empty.mp3", NORMAL);
    fleet.publish_raw(NORMAL, &job.encode().unwrap(), traced(&job, header)).await;
    let line = worker.log.says("file failed").await;
    worker.stop().await;
    (line, job)
}

#[tokio::test]
async fn the_trace_of_a_foreign_producer_is_in_the_log() {
    let (line, job) = failure_with(text(&format!("00-{TRACE}-00f067aa0ba902b7-01"))).await;
    is_of(&line, &job, TRACE);
    assert_eq!(
        (line["kind"].as_str(), line["stage"].as_str()),
        (Some("corrupt"), Some("identify")),
        "{line}"
    );
}

#[tokio::test]
async fn a_header_that_is_no_trace_is_none() {
    for header in [text("00-none-of-ours\r\nlevel=ERROR"), text(&"a".repeat(40_000)), AMQPValue::LongInt(7)] {
        let (line, job) = failure_with(header).await;
        let own = job.own_trace().unwrap().trace_id().to_string();
        is_of(&line, &job, &own);
    }
}

#[tokio::test]
async fn a_retry_stays_in_its_trace() {
    let fleet = Fleet::with(&[]).await;
    let mut worker = Worker::ready(&fleet, &[]).await;
    let mut job = fleet.job(BatchId::new(), "a.wav", NORMAL);
    job.file = FileRef { root: "elsewhere".to_owned(), ..job.file };
    let header = format!("00-{TRACE}-00f067aa0ba902b7-00");
    fleet.publish_raw(NORMAL, &job.encode().unwrap(), traced(&job, text(&header))).await;
    for words in ["file is tried again later", "file failed"] {
        let line = worker.log.says(words).await;
        is_of(&line, &job, TRACE);
        assert_eq!(line["kind"], "root_unavailable", "{line}");
    }
    worker.stop().await;
}
